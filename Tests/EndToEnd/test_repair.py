"""repair and salvage: what they save, what they say, and that they can be taken back and killed at any moment."""
import json
import os
import signal
import subprocess
import time

import pexpect
import pytest

import envelope
import grown
import owner
import samples
import typed_json
from owner import LIVE_OWNER, Allowed, Hashes, LiveOwner
from session import Session
from snapshot import unchanged
from statuses import BUSY, DAMAGE, FAILURE, INSUFFICIENT, NEEDS_PROMPT, NOT_FOUND, OK, WOULD_OVERWRITE, WRONG_PASSWORD
from terminals import finish, on_terminal
from test_holders import Holder
from waiting import until

DAMAGED = sorted(name for name in samples.ALL if name.startswith("damaged/"))
PLAN = {"needed", "records", "findings", "steps", "recovered", "lost", "duplicates", "rolled_back", "deleted_entries",
        "size_before", "size_after", "disk"}
# What stands beside a database after a repair.
KEPT = ".before-repair-"


def given(sample):
    return dict(password=sample.password)


def export(world, sample):
    result = world.ctl("export", sample.path, "--format", "typed", *sample.kdf, **given(sample)).expect(OK)
    return typed_json.parse(result.out)


def plan(world, sample, *words):
    return envelope.data(world.ctl("repair", sample.path, "-o", "json", *words, *sample.kdf, **given(sample)), OK)["plan"]


def apply(world, sample, *words, status=OK):
    return envelope.data(
        world.ctl("repair", sample.path, "--apply", "--yes", "-o", "json", *words, *sample.kdf, **given(sample)),
        status)["job"]


def kept(sample):
    return sorted(sample.path.parent.glob(f"{sample.stem}{KEPT}*"))


def contents(directory):
    out = {}
    for root, _, files in os.walk(os.fsencode(directory)):
        for file in files:
            path = os.path.join(root, file)
            with open(path, "rb") as f:
                out[os.path.relpath(path, os.fsencode(directory))] = f.read()
    return out


def verified(sample):
    if owner.REFERENCE.exists():
        done = owner.reference("verify", sample.path, "--password", sample.password, "--iterations", sample.iterations)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", DAMAGED)
def test_every_damaged_database(agent, put, name):
    sample = put(name)
    wanted = sample.manifest["repaired"]
    before = contents(sample.directory)
    with unchanged(agent.databases):
        told = plan(agent, sample)
        agent.ctl("repair", sample.path, *sample.kdf, **given(sample)).expect(OK)
    assert set(told) == PLAN and told["needed"] is True and told["records"] == wanted["records"]
    checked = agent.ctl("check", "--full", sample.path, *sample.kdf, **given(sample))
    assert checked.status != OK
    job = apply(agent, sample)
    assert job["kind"] == "repair" and job["state"] == "done"
    records = export(agent, sample)
    assert len(records) == wanted["records"] and typed_json.canonical_hash(records) == wanted["sha256"]
    agent.ctl("check", "--quick", sample.path, *sample.kdf, **given(sample)).expect(OK)
    verified(sample)
    assert plan(agent, sample)["needed"] is False
    assert apply(agent, sample)["outcome"]["repaired"] is False
    if name == "damaged/vacuum-between-renames":
        # A name that is given back is no new file set.
        assert kept(sample) == []
        agent.ctl("repair", sample.path, "--undo", "--yes").expect(NOT_FOUND)
        return
    (directory,) = kept(sample)
    assert job["outcome"]["kept"] == str(directory) and directory.stat().st_mode & 0o777 == 0o700
    manifest = json.loads((directory / "repair.json").read_text())
    assert manifest["plan"]["records"] == wanted["records"]
    listed = envelope.data(agent.ctl("scan", agent.databases, "-o", "json"), OK)
    assert [row["path"] for row in listed["databases"]] == [str(sample.path)]
    agent.ctl("repair", sample.path, "--undo", "--yes").expect(OK)
    assert contents(sample.directory) == before and kept(sample) == []


def test_the_plan_lists_every_record(agent, put):
    sample = put("damaged/txn-interrupted")
    told = plan(agent, sample)
    assert {record["reason"] for record in told["rolled_back"]["records"]} == {"removed", "reverted"}
    assert "transaction-rolled-back" in {step["kind"] for step in told["steps"]}
    keep = plan(agent, sample, "--transaction", "keep")
    assert keep["records"] == 2 and keep["rolled_back"]["count"] == 0
    lost = plan(agent, put("damaged/lost-second-owner", agent.databases / "lost"))
    assert lost["lost"]["count"] == 5 and all(r["id"] and "page" in r["reason"] for r in lost["lost"]["records"])


def test_a_sound_database_is_left_alone(agent, put):
    sample = put("tiny")
    with unchanged(agent.databases):
        assert plan(agent, sample)["needed"] is False
        assert apply(agent, sample)["outcome"]["repaired"] is False
    assert apply(agent, sample, "--always")["outcome"]["repaired"] is True
    verified(sample)


def test_the_alias_is_typed_on_a_terminal(agent, put):
    sample = put("damaged/chain-order")
    agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
    alias = envelope.data(agent.ctl("info", sample.path, "-o", "json"))["alias"]
    with unchanged(agent.databases):
        agent.ctl("repair", sample.path, "--apply").expect(NEEDS_PROMPT)
        child = on_terminal(agent, "repair", sample.path, "--apply")
        child.expect(f"Type {alias} to go on: ")
        child.sendline("yes")
        assert finish(child)[0] == FAILURE
        child = on_terminal(agent, "repair", sample.path, "--apply")
        child.expect("to go on: ")
        child.sendintr()
        child.expect(pexpect.EOF)
        child.close()
    child = on_terminal(agent, "repair", sample.path, "--apply")
    child.expect("to go on: ")
    child.sendline(alias)
    assert finish(child)[0] == OK
    child = on_terminal(agent, "repair", sample.path, "--undo")
    child.expect(f"Type {alias} to go on: ")
    child.sendline(alias)
    assert finish(child)[0] == OK and kept(sample) == []


def test_the_password_of_a_database_without_sound_metadata_is_asked_for(agent, put):
    sample = put("damaged/meta-truncated")
    child = on_terminal(agent, "repair", sample.path, "--kdf-iterations", sample.iterations)
    child.expect("Password of .*: ")
    child.sendline(sample.password)
    child.expect("the index is made anew from the pages")
    assert finish(child)[0] == OK
    # It is unlocked now, for this and for what comes after it.
    agent.ctl("repair", sample.path, "--apply", "--yes").expect(OK)
    agent.ctl("check", "--quick", sample.path).expect(OK)


def test_a_wrong_password_repairs_nothing(agent, put):
    for name in ("damaged/meta-truncated", "damaged/chain-order"):
        sample = put(name, agent.databases / name.replace("/", "-"))
        with unchanged(agent.databases):
            agent.ctl("repair", sample.path, "--apply", "--yes", *sample.kdf, password="Wrong-Passw0rd-2026").expect(
                WRONG_PASSWORD)


def test_busy_beside_an_owner(agent, put):
    sample = put("damaged/chain-order")
    with Holder(sample.path) as holder:
        for words in ([], ["--apply", "--yes"]):
            error = envelope.failure(
                agent.ctl("repair", sample.path, *words, "-o", "json", *sample.kdf, **given(sample)), BUSY)
            assert error["holder"]["pid"] == holder.pid
        error = envelope.failure(agent.ctl("repair", sample.path, "--undo", "--yes", "-o", "json"), BUSY)
        assert error["holder"]["pid"] == holder.pid
    apply(agent, sample, "--wait", "30s")


def test_undo_refuses_to_lose_changes(agent, put):
    sample = put("damaged/chain-order")
    apply(agent, sample)
    agent.ctl("vacuum", sample.path, "--yes", "--always", *sample.kdf, **given(sample)).expect(OK)
    with unchanged(agent.databases):
        error = envelope.failure(agent.ctl("repair", sample.path, "--undo", "--yes", "-o", "json"), FAILURE)
        assert error["name"] == "changed-since"
    agent.ctl("repair", sample.path, "--undo", "--yes", "--discard-changes").expect(OK)
    assert kept(sample) == [] and plan(agent, sample)["needed"] is True


def test_a_planted_set_is_none(agent, put):
    """A directory that others may have filled is nothing to go back to."""
    sample = put("tiny")
    planted = sample.path.with_name(f"{sample.stem}{KEPT}20991231T000000Z")
    planted.mkdir(mode=0o755)
    planted.chmod(0o755)
    (planted / sample.path.name).write_bytes(b"x")
    (planted / "kept.json").write_text("{}")
    with unchanged(agent.databases):
        agent.ctl("repair", sample.path, "--undo", "--yes").expect(NOT_FOUND)


def test_giving_every_record_up_is_asked_for(agent, put):
    """Metadata that the password signs, and no page that it opens: the plan says so, and --always goes on."""
    sample = put("damaged/leaked-pages")
    data = bytearray(sample.path.read_bytes())
    data[100] ^= 1
    sample.path.write_bytes(data)
    with unchanged(agent.databases):
        agent.ctl("repair", sample.path, *sample.kdf, **given(sample)).expect(WRONG_PASSWORD)
        agent.ctl("repair", sample.path, "--apply", "--yes", *sample.kdf, **given(sample)).expect(WRONG_PASSWORD)
    agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
    alias = envelope.data(agent.ctl("info", sample.path, "-o", "json"))["alias"]
    child = on_terminal(agent, "repair", sample.path, "--apply", "--always")
    child.expect(f"Type {alias} to go on: ")
    child.sendline(alias)
    assert finish(child)[0] == OK
    agent.ctl("check", sample.path).expect(OK)


def test_no_value_is_told(agent, put):
    """Neither the plan, nor the job, nor what is kept in repair.json tells a value of a record."""
    sample = put("damaged/lost-second-owner")
    values = {str(field["v"]) for record in export_lossy(agent, sample) for name, field in record.items()
              if name != "id" and field["t"] in ("string", "data") and len(str(field["v"])) > 5}
    assert values
    texts = agent.ctl("repair", sample.path, *sample.kdf, **given(sample)).expect(OK).out
    texts += json.dumps(plan(agent, sample)).encode() + json.dumps(apply(agent, sample)).encode()
    texts += (kept(sample)[0] / "repair.json").read_bytes()
    assert not any(value.encode() in texts for value in values)


def export_lossy(world, sample):
    result = world.ctl("export", sample.path, "--format", "typed", *sample.kdf, **given(sample)).expect(DAMAGE)
    return typed_json.parse(result.out)


# ---- salvage -------------------------------------------------------------------------------------------------------


def salvage(world, sample, to, *words, status=OK):
    return envelope.data(
        world.ctl("salvage", sample.path, "--to", to, "-o", "json", *words, *sample.kdf, **given(sample)), status)


@pytest.mark.parametrize("missing", [["meta"], ["meta", "wal"]])
def test_salvage_without_metadata(agent, put, missing):
    sample = put("typed")
    records = export(agent, sample)
    for extension in missing:
        sample.sidecar(extension).unlink(missing_ok=True)
    to = agent.databases / "new" / "rescued.blazedb"
    to.parent.mkdir()
    before = contents(agent.databases)
    told = salvage(agent, sample, to)
    assert told["plan"]["records"] == len(records) and told["source"] == str(sample.path)
    after = contents(agent.databases)
    assert {name: after[name] for name in before} == before
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in to.parent.iterdir())
    rescued = samples.Sample(to.parent, "rescued", dict(sample.manifest, database=to.name))
    assert typed_json.canonical_hash(export(agent, rescued)) == typed_json.canonical_hash(records)
    verified(rescued)
    agent.ctl("salvage", sample.path, "--to", to, *sample.kdf, **given(sample)).expect(WOULD_OVERWRITE)


def test_salvage_of_what_a_vacuum_left_and_of_a_lost_salt(agent, put):
    sample = put("typed")
    records = export(agent, sample)
    salt = agent.root / "salt"
    sample.sidecar("salt").rename(salt)
    sample.path.rename(sample.path.with_name(f"{sample.stem}.vacuum.blazedb"))
    sample.sidecar("meta").unlink()
    to = agent.databases / "rescued.blazedb"
    agent.ctl("salvage", sample.path, "--to", to, *sample.kdf, **given(sample)).expect(WRONG_PASSWORD)
    told = salvage(agent, sample, to, "--salt-file", salt)
    assert told["plan"]["records"] == len(records)
    assert to.with_suffix(".salt").read_bytes() == salt.read_bytes()


def test_salvage_of_a_log_alone(agent, put):
    sample = put("unclean")
    sample.path.unlink()
    sample.sidecar("meta").unlink()
    told = salvage(agent, sample, agent.databases / "rescued.blazedb")
    assert told["plan"]["records"] > 0 and told["source"] is None


def test_nothing_to_salvage(agent):
    agent.ctl("salvage", agent.databases / "none.blazedb", "--to", agent.databases / "x.blazedb").expect(NOT_FOUND)
    agent.ctl("repair", agent.databases / "none.blazedb").expect(NOT_FOUND)


# ---- crashes -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A sample on which a repair works for a while: without its metadata."""
    sample = grown.grow(samples.sample("tiny").copy_to(tmp_path_factory.mktemp("grown")), 6_000)
    return sample


@pytest.fixture(scope="module")
def records(template, binaries):
    world = Session(binaries)
    try:
        return grown.export(world, template)
    finally:
        world.close()


def broken(template, directory):
    """A copy whose metadata is cut off."""
    sample = template.copy_to(directory)
    meta = sample.sidecar("meta")
    meta.write_bytes(meta.read_bytes()[:1000])
    return sample


def kill_rounds(world, template, records, rng, count):
    """Kills the agent at random moments inside a repair, or inside undoing one."""
    ends = set()
    for n in range(count):
        sample = broken(template, world.databases / str(n))
        before = contents(sample.directory)
        words = ["--apply"]
        if n % 4 == 3:
            apply(world, sample)
            words = ["--undo"]
        began = time.monotonic()
        told = world.ctl(
            "repair", sample.path, *words, "--yes", "--detach", *(sample.kdf if words == ["--apply"] else []),
            **(given(sample) if words == ["--apply"] else {})).expect(OK).text
        job = grown.job_of(told)
        pid = world.pid()
        moment = time.monotonic() + rng.random() * (0.6 if words == ["--apply"] else 0.01)
        until(lambda: time.monotonic() >= moment, "the moment to kill it")
        os.kill(pid, signal.SIGKILL)
        shown = envelope.data(world.ctl("jobs", "show", job, "-o", "json"))["job"]
        assert shown["state"] in ("rolled-back", "finished-after-restart", "done"), (shown, began)
        ends.add(shown["state"])
        assert [p.name for p in sample.directory.iterdir() if ".agent_" in p.name or "vacuum" in p.name] == [], shown
        is_new = (shown["state"] == "rolled-back") == (words == ["--undo"])
        if is_new:
            assert len(kept(sample)) == 1 and (kept(sample)[0] / "repair.json").exists()
            agent_export = grown.export(world, sample)
            assert agent_export == records, f"round {n}: {shown}"
        else:
            assert contents(sample.directory) == before, f"round {n}: {shown}"
            apply(world, sample)
            assert grown.export(world, sample) == records
        subprocess.run(["rm", "-rf", sample.directory], check=True, timeout=60)
    return ends


@pytest.mark.linux
def test_killed_inside_repair_and_undo(world, template, records, rng):
    kill_rounds(world, template, records, rng, 6)


@pytest.mark.slow
@pytest.mark.linux
def test_killed_inside_repair_and_undo_a_hundred_times(world, template, records, rng):
    assert {"rolled-back", "done"} <= kill_rounds(world, template, records, rng, 100)


@pytest.mark.linux
def test_a_full_disk_leaves_the_old_files(world, template, tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    size = template.path.stat().st_size + 3 * template.sidecar("meta").stat().st_size
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", mount], check=True, timeout=30)
    try:
        sample = broken(template, mount / "db")
        before = contents(mount)
        envelope.failure(
            world.ctl("repair", sample.path, "--apply", "--yes", "-o", "json", *sample.kdf, **given(sample)),
            INSUFFICIENT)
        assert contents(mount) == before
        subprocess.run(["mount", "-o", "remount,ro", mount], check=True, timeout=30)
        told = plan(world, sample)
        assert told["needed"] is True
        world.ctl("repair", sample.path, "--apply", "--yes", *sample.kdf, **given(sample)).expect(
            INSUFFICIENT, FAILURE, 16)
        assert contents(mount) == before
    finally:
        world.ctl("agent", "stop")
        subprocess.run(["umount", mount], check=True, timeout=30)


if LIVE_OWNER.exists():
    def killed_owners(agent, put, rng, tmp_path, count):
        for n in range(count):
            mix, big = [("2:6:2", 0.1), ("5:1:4", 0.3), ("1:8:1", 0.6), ("4:2:4", 0.0)][n % 4]
            sample = put("tiny", agent.databases / f"killed-{n}")
            hashes = Hashes()
            initial = hashes.of(agent.ctl(
                "export", sample.path, "--format", "typed", *sample.kdf, **given(sample)).expect(OK).out)
            after = rng.randrange(1, 130)
            log = tmp_path / f"log-{n}"
            process = LiveOwner(
                sample, log, "--count", after + 200, "--kill-after", after, "--seed", rng.randrange(1 << 30),
                "--mix", mix, "--big", big)
            assert process.wait() == -9
            told = plan(agent, sample)
            job = apply(agent, sample)
            assert job["state"] == "done"
            document = agent.ctl(
                "export", sample.path, "--format", "typed", *sample.kdf, **given(sample)).expect(OK).out
            allowed = Allowed(log, initial)
            allowed.before()
            allowed.check(hashes.of(document))
            # What is told as lost was deleted, or was never there as a whole.
            lost = {record["id"] for record in told["lost"]["records"]} - {None}
            assert lost.isdisjoint(set(allowed.snapshot) - set(allowed.under_way)), told["lost"]
            agent.ctl("check", "--quick", sample.path, *sample.kdf, **given(sample)).expect(OK)
            verified(sample)
            subprocess.run(["rm", "-rf", sample.directory], check=True, timeout=60)

    @pytest.mark.linux
    def test_owners_killed_at_random_points(agent, put, rng, tmp_path):
        killed_owners(agent, put, rng, tmp_path, 8)

    @pytest.mark.slow
    @pytest.mark.linux
    def test_owners_killed_at_two_hundred_random_points(agent, put, rng, tmp_path):
        killed_owners(agent, put, rng, tmp_path, 200)
