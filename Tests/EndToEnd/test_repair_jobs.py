"""A repair as a job: its documents, its followers, cancelling it, its keys, and disks that do not take it."""
import json
import os
import signal
import subprocess
import threading

import pytest

import envelope
import grown
import owner
import samples
import typed_json
import wire
from snapshot import unchanged
from statuses import (
    ADVICE, BUSY, DAMAGE, FAILURE, INSUFFICIENT, INTERRUPTED, LOCKED, NEEDS_PROMPT, NOT_FOUND, OK, USAGE, WOULD_OVERWRITE,
    WRONG_PASSWORD)
from terminals import finish, on_terminal
from test_fixtures import TELLS
from test_holders import Holder
from test_jobs import JOBS_SHOW, STATES, jobs
from test_maintenance import JOB
from test_repair import PLAN, apply, broken, contents, export, given, kept, plan
from vaults import PASSPHRASE, keep, make_vault
from waiting import until

pytestmark = pytest.mark.linux

ITEM = {"id", "page", "reason"}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A sample on which a repair works for a while."""
    return grown.grow(samples.sample("tiny").copy_to(tmp_path_factory.mktemp("grown")), 4_000)


@pytest.fixture
def large(agent, template):
    """A copy of it whose metadata is cut off, unlocked before that."""
    sample = template.copy_to(agent.databases)
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    meta = sample.sidecar("meta")
    meta.write_bytes(meta.read_bytes()[:1000])
    return sample


# ---- documents -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(n for n in TELLS if n.startswith("damaged/")))
def test_check_names_the_pattern_and_the_plan_has_it(agent, put, name):
    sample = put(name)
    told = envelope.data(
        agent.ctl("check", "--full", sample.path, "-o", "json", *sample.kdf, **given(sample)), OK, ADVICE, DAMAGE)
    assert TELLS[name] <= {f["name"] for f in told["findings"]}
    # What is read in each record is no part of the plan's findings; its records tell of it.
    quick = envelope.data(
        agent.ctl("check", "--quick", sample.path, "-o", "json", *sample.kdf, **given(sample)), OK, ADVICE, DAMAGE)
    assert {f["name"] for f in quick["findings"]} == {f["name"] for f in plan(agent, sample)["findings"]}
    apply(agent, sample)
    told = envelope.data(agent.ctl("check", "--full", sample.path, "-o", "json", *sample.kdf, **given(sample)), OK)
    assert {f["severity"] for f in told["findings"]} <= {"note"}
    assert "kept-before-repair" in {f["name"] for f in told["findings"]}


def test_documents(agent, put):
    sample = put("damaged/lost-second-owner")
    told = envelope.success(agent.ctl("repair", sample.path, "-o", "json", *sample.kdf, **given(sample)), OK)
    assert told["schema"] == "blazectl/repair/1" and told["tier"] == "lease"
    assert set(told["data"]) >= {"id", "path", "plan", "job"} and told["data"]["job"] is None
    facts = told["data"]["plan"]
    assert set(facts) == PLAN
    for kind in ("recovered", "lost", "duplicates", "rolled_back"):
        assert set(facts[kind]) == {"count", "records"} and facts[kind]["count"] == len(facts[kind]["records"])
        assert all(set(item) == ITEM for item in facts[kind]["records"])
    assert all(set(step) == {"kind", "message"} for step in facts["steps"])
    assert facts["disk"]["available"] > facts["disk"]["needed"] > 0
    told = envelope.success(
        agent.ctl("repair", sample.path, "--apply", "--yes", "-o", "json", *sample.kdf, **given(sample)), OK)
    job = told["data"]["job"]
    assert told["data"]["plan"] is None and set(job) == JOB and set(job["outcome"]) >= {"plan", "repaired", "kept"}
    # Their findings are told by the plan, before there is a job.
    for key in PLAN - {"findings", "disk", "needed"}:
        assert job["outcome"]["plan"][key] == facts[key], key
    assert envelope.data(agent.ctl("jobs", "show", str(job["id"]), "-o", "json"))["job"] == job
    (listed,) = jobs(agent)
    assert listed["kind"] == "repair" and listed["state"] == "done"
    shown = agent.ctl("jobs", "show", str(job["id"])).expect(OK).text
    assert "repair" in shown and str(kept(sample)[0]) in shown
    assert "repair" in agent.ctl("jobs", "ls").expect(OK).text
    told = envelope.success(agent.ctl("repair", sample.path, "--undo", "--yes", "-o", "json"), OK)
    assert set(told["data"]["job"]) == JOB and told["data"]["job"]["kind"] == "repair-undo"
    assert [j["kind"] for j in jobs(agent)] == ["repair-undo", "repair"]


def test_misuse(agent, put):
    sample = put("tiny")
    for words in (["--apply", "--undo"], ["--detach"], ["--yes"], ["--discard-changes"], ["--apply", "--discard-changes"],
                  ["--always"], ["--transaction", "maybe"], ["--apply", "--wait", "2d"]):
        agent.ctl("repair", sample.path, *words).expect(USAGE)
    agent.ctl("salvage", sample.path).expect(USAGE)
    agent.ctl("salvage", sample.path, "--to", "").expect(USAGE)


def test_what_is_kept_is_no_database(agent, put):
    sample = put("damaged/chain-order")
    apply(agent, sample)
    told = envelope.data(agent.ctl("scan", agent.databases, "-o", "json"), OK)
    assert [row["path"] for row in told["databases"]] == [str(sample.path)]
    (row,) = envelope.data(agent.ctl("ls", "-o", "json"), OK)["databases"]
    assert row["path"] == str(sample.path) and row["state"] == "ok", row
    (note,) = [f for f in envelope.data(agent.ctl("info", sample.path, "-o", "json"))["findings"]
               if f["name"] == "kept-before-repair"]
    assert note["severity"] == "note" and note["count"] == 1
    # A directory that only looks a little like one is as any other.
    other = put("typed", agent.databases / "db.before-repair-soon")
    told = envelope.data(agent.ctl("scan", agent.databases, "-o", "json"), OK)
    assert {row["path"] for row in told["databases"]} == {str(sample.path), str(other.path)}


def test_repaired_twice_and_taken_back_twice(agent, put):
    """Each repair keeps a set of its own, and they come back in their order."""
    sample = put("damaged/phantom-delete")
    first = contents(sample.directory)
    apply(agent, sample)
    second = contents_outside(sample)
    apply(agent, sample, "--always")
    assert len(kept(sample)) == 2
    agent.ctl("repair", sample.path, "--undo", "--yes").expect(OK)
    assert contents_outside(sample) == second and len(kept(sample)) == 1
    agent.ctl("repair", sample.path, "--undo", "--yes").expect(OK)
    assert contents(sample.directory) == first
    agent.ctl("repair", sample.path, "--undo", "--yes").expect(NOT_FOUND)


def contents_outside(sample):
    return {name: data for name, data in contents(sample.directory).items() if b"/" not in name}


# ---- following and cancelling --------------------------------------------------------------------------------------


def test_two_clients_follow_a_repair(agent, large):
    holder = Holder(large.path)
    told = agent.ctl("repair", large.path, "--apply", "--yes", "--detach", "--wait", "60s").expect(OK).text
    job = int(grown.job_of(told))
    seen = {0: [], 1: []}
    ready = threading.Barrier(3)

    def follow(n):
        with wire.Connection(agent.socket) as connection:
            connection.greet()
            ready.wait(60)
            parts, reply = connection.call(JOBS_SHOW, wire.field(1, job) + wire.field(2, 1))
            seen[n] = [wire.fields(wire.fields(p)[1][0]) for p in parts] + [wire.fields(wire.fields(reply)[1][0])]
    followers = [threading.Thread(target=follow, args=(n,)) for n in seen]
    for follower in followers:
        follower.start()
    ready.wait(60)
    holder.end()
    for follower in followers:
        follower.join(120)
    for views in seen.values():
        assert STATES[views[-1][3][0]] == "done" and 19 in views[-1], "no outcome of a repair"
        moving = [v for v in views if 11 in v and 10 in v]
        assert len({(v[9][0], v[10][0]) for v in moving}) >= 3, "it did not move"
        assert all(v[10][0] <= v[11][0] for v in moving)


def test_ctrl_c_leaves_the_database_as_it_was(agent, large):
    before = contents(agent.databases)
    client = agent.spawn(
        "repair", large.path, "--apply", "--yes", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: any(j["state"] == "running" for j in jobs(agent)), "a job works")
    client.send_signal(signal.SIGINT)
    out, err = client.communicate(timeout=60)
    assert client.returncode == INTERRUPTED and out == b"" and b"cancelled" in err, (out, err)
    assert [j["state"] for j in jobs(agent)] == ["cancelled"]
    assert contents(agent.databases) == before and kept(large) == []


def test_ctrl_c_at_the_alias(agent, put):
    sample = put("damaged/chain-order")
    agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
    with unchanged(agent.databases):
        child = on_terminal(agent, "repair", sample.path, "--apply")
        child.expect("to go on: ")
        child.sendintr()
        child.expect(r".*$")
        child.wait()
        assert child.signalstatus == signal.SIGINT or child.exitstatus == INTERRUPTED
        for word in ("", "DB ", sample.stem + "x"):
            child = on_terminal(agent, "repair", sample.path, "--apply")
            child.expect("to go on: ")
            child.sendline(word)
            status, out = finish(child)
            assert status == FAILURE and b"nothing was changed" in out
        for words in (["--apply"], ["--apply", "--batch"]):
            error = envelope.failure(agent.ctl("repair", sample.path, *words, "-o", "json"), NEEDS_PROMPT)
            assert error["name"] == "confirmation-needed" and "--yes" in error["hint"]
    assert jobs(agent) == []


def test_waiting_for_a_holder_names_it(agent, put):
    sample = put("damaged/chain-order")
    agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
    with Holder(sample.path) as holder, unchanged(agent.databases):
        result = agent.ctl("repair", sample.path, "--apply", "--yes", "--wait", "200ms").expect(BUSY)
        assert f"(pid {holder.pid})" in result.messages
        agent.ctl("repair", sample.path, "--wait", "200ms").expect(BUSY)
    with Holder(sample.path) as holder:
        waiting = agent.spawn(
            "repair", sample.path, "--apply", "--yes", "--wait", "60s", stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def is_told():
            view = next((j for j in jobs(agent) if j["state"] == "waiting"), None)
            return view and (view["waits_for"] or {}).get("pid") == holder.pid
        until(is_told, "the job waits for its holder")
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == OK and str(holder.pid) in err.decode(), err


# ---- keys ----------------------------------------------------------------------------------------------------------


def test_the_vault_opens_what_has_no_metadata_any_more(agent, put):
    sample = put("typed")
    make_vault(agent)
    keep(agent, sample)
    records = export(agent, sample)
    sample.sidecar("meta").write_bytes(b'{"sign')
    # Unlocked: nobody is asked for anything.
    assert envelope.data(agent.ctl("repair", sample.path, "-o", "json"), OK)["plan"]["records"] == len(records)
    agent.ctl("lock").expect(OK)
    with unchanged(agent.databases):
        for words in ([], ["--apply", "--yes"]):
            envelope.failure(agent.ctl("repair", sample.path, *words, "-o", "json"), LOCKED)
        child = on_terminal(agent, "repair", sample.path)
        child.expect("Passphrase of the vault: ")
        child.sendline(PASSPHRASE)
        status, out = finish(child)
        assert status == OK and b"nothing was changed" in out and PASSPHRASE.encode() not in out
    agent.ctl("lock").expect(OK)
    agent.ctl("repair", sample.path, "--apply", "--yes", passphrase=PASSPHRASE).expect(OK)
    assert typed_json.canonical_hash(export(agent, sample)) == typed_json.canonical_hash(records)


def test_wrong_passwords_salvage_nothing(agent, put):
    sample = put("typed")
    sample.sidecar("meta").unlink()
    to = agent.databases / "rescued.blazedb"
    with unchanged(agent.databases):
        agent.ctl("salvage", sample.path, "--to", to, *sample.kdf, password="Wrong-Passw0rd-2026").expect(WRONG_PASSWORD)
        agent.ctl("salvage", sample.path, "--to", to, *sample.kdf).expect(LOCKED)
        for taken in (sample.path, agent.databases / "typed.blazedb"):
            agent.ctl("salvage", sample.path, "--to", taken, *sample.kdf, **given(sample)).expect(WOULD_OVERWRITE)
        missing = agent.databases / "no" / "rescued.blazedb"
        agent.ctl("salvage", sample.path, "--to", missing, *sample.kdf, **given(sample)).expect(NOT_FOUND)


def test_no_value_is_told_anywhere(agent, put):
    """Not by plan, job, journal, list, salvage or repair.json, in either form of output."""
    sample = put("damaged/txn-interrupted")
    result = agent.ctl("export", sample.path, "--format", "typed", *sample.kdf, **given(sample)).expect(OK, DAMAGE)
    values = {str(field["v"]) for record in typed_json.parse(result.out) for name, field in record.items()
              if name not in ("id", "project") and field["t"] in ("string", "data") and len(str(field["v"])) >= 3}
    values.add(sample.password)
    out = b""
    for words in (["repair", sample.path], ["salvage", sample.path, "--to", agent.databases / "one.blazedb"],
                  ["repair", sample.path, "--apply", "--yes"], ["jobs", "show", "1"], ["jobs", "ls"]):
        for form in ([], ["-o", "json"]):
            keys = {} if words[0] == "jobs" else given(sample)
            result = agent.ctl(*words, *form, *(sample.kdf if keys else []), **keys).expect(OK, WOULD_OVERWRITE)
            out += result.out + result.err
    out += (kept(sample)[0] / "repair.json").read_bytes()
    for file in (agent.root / "state").rglob("*"):
        out += file.read_bytes() if file.is_file() else b""
    assert not [value for value in values if value.encode() in out]


# ---- disks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(agent):
    """A file system of its own."""
    assert os.geteuid() == 0, "a mount needs root"
    place = agent.root / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", place], check=True, timeout=30)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True, timeout=30)


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True, timeout=30)


def inodes(place):
    told = os.statvfs(place)
    return told.f_files - told.f_ffree


@pytest.mark.parametrize("name", ["damaged/chain-order", "damaged/txn-interrupted", "damaged/meta-truncated"])
def test_a_disk_that_fills_up_on_the_way(agent, put, disk, name):
    """Every name that it makes may be the one that the disk has no room for any more."""
    sample = put(name, disk / "db")
    before = contents(disk)
    failures = 0
    for spare in range(12):
        remount(disk, f"nr_inodes={inodes(disk) + spare}")
        result = agent.ctl("repair", sample.path, "--apply", "--yes", "-o", "json", *sample.kdf, **given(sample))
        if result.status == OK:
            break
        error = envelope.failure(result, INSUFFICIENT)
        assert "no space left" in error["message"] and str(disk) in error["message"], error
        assert contents(disk) == before and os.listdir(disk) == ["db"] and kept(sample) == [], spare
        failures += 1
    else:
        raise AssertionError("it never succeeds")
    assert failures >= 2
    remount(disk, "nr_inodes=4096")
    records = export(agent, sample)
    assert typed_json.canonical_hash(records) == sample.manifest["repaired"]["sha256"]
    # There is as little room for the way back.
    repaired = contents_outside(sample)
    for spare in range(8):
        remount(disk, f"nr_inodes={inodes(disk) + spare}")
        result = agent.ctl("repair", sample.path, "--undo", "--yes", "-o", "json")
        if result.status == OK:
            break
        envelope.failure(result, INSUFFICIENT)
        assert contents_outside(sample) == repaired and len(kept(sample)) == 1
    else:
        raise AssertionError("it is never undone")
    assert contents(disk) == before


def test_too_little_room_is_told_before(agent, template, disk):
    sample = broken(template, disk / "db")
    size = sum(f.stat().st_size for f in sample.directory.iterdir())
    remount(disk, f"size={size + (256 << 10)}")
    before = contents(disk)
    agent.ctl("unlock", template.path, **given(template)).expect(OK)
    error = envelope.failure(
        agent.ctl("repair", sample.path, "--apply", "--yes", "-o", "json", *sample.kdf, **given(sample)), INSUFFICIENT)
    assert len([word for word in error["message"].split() if word.isdigit()]) == 2, "needed and available"
    assert contents(disk) == before


def test_a_read_only_disk(agent, put, disk):
    sample = put("damaged/chain-order", disk / "db")
    remount(disk, "ro")
    with unchanged(disk):
        assert plan(agent, sample)["needed"] is True
        error = envelope.failure(
            agent.ctl("repair", sample.path, "--apply", "--yes", "-o", "json", *sample.kdf, **given(sample)))
        assert "read-only" in error["message"], error
    remount(disk, "rw")
    apply(agent, sample)
    remount(disk, "ro")
    with unchanged(disk):
        error = envelope.failure(agent.ctl("repair", sample.path, "--undo", "--yes", "-o", "json"), *range(1, 30))
        assert "read-only" in error["message"], error
    remount(disk, "rw")
    agent.ctl("repair", sample.path, "--undo", "--yes").expect(OK)


def test_a_disk_that_closes_under_a_repaired_one(agent, put, disk):
    """Only the kept set is missing: undoing says so, and leaves the database as it is."""
    sample = put("damaged/chain-order", disk / "db")
    apply(agent, sample)
    (directory,) = kept(sample)
    (directory / sample.path.name).unlink()
    with unchanged(disk):
        error = envelope.failure(agent.ctl("repair", sample.path, "--undo", "--yes", "-o", "json"), NOT_FOUND, FAILURE)
        assert sample.path.name in error["message"]
    manifest = directory / "repair.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": 9}))
    with unchanged(disk):
        agent.ctl("repair", sample.path, "--undo", "--yes").expect(NOT_FOUND, FAILURE)
