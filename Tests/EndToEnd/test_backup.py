"""backup and restore: what they hold, that damage to them is found, and that they can be killed at any moment."""
import os
import pathlib
import signal
import stat
import subprocess
import time

import pytest

import envelope
import grown
import owner
import samples
import typed_json
from owner import LIVE_OWNER, Allowed, Hashes, LiveOwner
from session import Session
from snapshot import unchanged
from statuses import (BUSY, DAMAGE, FAILURE, INSUFFICIENT, LOCKED, NEEDS_PROMPT, NOT_FOUND, OK, USAGE, WOULD_OVERWRITE,
                      WRONG_PASSWORD)
from terminals import finish, on_terminal
from test_holders import Holder
from test_repair import contents, export, given
from waiting import until

PAPERS = {"manifest.json", "checksums.b2", "seal", "verified"}


def create(world, sample, *words, status=OK):
    return envelope.data(
        world.ctl("backup", "create", sample.path, "-o", "json", *words, *sample.kdf, **given(sample)),
        status)["job"]["outcome"]["backup"]


def verify(world, sample, name, *statuses):
    told = envelope.data(
        world.ctl("backup", "verify", name, "-o", "json", *sample.kdf, **given(sample)), *statuses)["backups"]
    assert len(told) == 1
    return told[0]


def listed(world, *words):
    return envelope.data(world.ctl("backup", "ls", "-o", "json", *words), OK)["backups"]


def repository(world):
    return world.root / "data" / "blazedb-agent" / "backups"


def copied(backup, sample):
    """The database that is in a backup."""
    return pathlib.Path(backup["directory"]) / sample.path.name


def restore(world, sample, name, path, *words):
    return world.ctl("restore", name, "--to", path, "-o", "json", *words, *sample.kdf, **given(sample))


def read(world, sample, path):
    """The records of a database with a sample's password."""
    result = world.ctl("export", path, "--format", "typed", *sample.kdf, **given(sample)).expect(OK)
    return typed_json.parse(result.out)


@pytest.mark.parametrize("name", ["tiny", "typed", "large", "empty", "unclean"])
def test_a_backup_of_every_sample(agent, put, name):
    sample = put(name, agent.databases / "own")
    with unchanged(sample.directory):
        told = create(agent, sample, "--tag", "first")
        assert told["method"] == "exact" and told["verified"] and told["tag"] == "first"
        directory = pathlib.Path(told["directory"])
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert {p.name for p in directory.iterdir()} >= PAPERS | {sample.path.name}
        assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in directory.iterdir())
        subprocess.run(["b2sum", "-l", "256", "-c", "checksums.b2"], cwd=directory, check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        assert verify(agent, sample, told["id"], OK)["sound"] is True
        records = export(agent, sample)
        # A plain set of files, for this program and for others.
        assert read(agent, sample, copied(told, sample)) == records
        # What is wrong with a database's index entries is wrong with them in an exact copy as well.
        if owner.REFERENCE.exists() and name != "unclean":
            done = owner.reference(
                "verify", copied(told, sample), "--password", sample.password, "--iterations", sample.iterations)
            assert done.returncode == 0, done.stdout + done.stderr
        target = agent.databases / "restored.blazedb"
        restored = envelope.data(restore(agent, sample, told["id"], target), OK)
        assert restored["records"] == told["records"]
        assert read(agent, sample, target) == records
        envelope.failure(restore(agent, sample, told["id"], target), WOULD_OVERWRITE)
    assert [backup["id"] for backup in listed(agent)] == [told["id"]]
    assert not [p for p in target.parent.iterdir() if ".agent_" in p.name]


def test_the_session_and_the_prefix_are_enough(agent, put):
    sample = put("tiny")
    agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
    told = envelope.data(agent.ctl("backup", "create", sample.path, "-o", "json"), OK)["job"]["outcome"]["backup"]
    agent.ctl("backup", "verify", told["id"][:17]).expect(OK)
    agent.ctl("backup", "verify", told["directory"]).expect(OK)
    agent.ctl("backup", "verify", "--all").expect(OK)
    agent.ctl("lock", sample.path).expect(OK)
    agent.ctl("backup", "verify", told["id"]).expect(LOCKED)
    agent.ctl("backup", "verify", told["id"], *sample.kdf, password="Wrong-Passw0rd-1").expect(WRONG_PASSWORD)
    agent.ctl("backup", "show", "20200101T000000Z-000000").expect(NOT_FOUND)


def test_backups_are_no_databases_to_be_found(agent, put):
    sample = put("tiny")
    told = create(agent, sample)
    found = envelope.data(agent.ctl("scan", agent.root, "-o", "json"))
    assert told["id"] not in str(found) and str(sample.path) in str(found)
    assert told["id"] not in str(envelope.data(agent.ctl("ls", "-o", "json")))


def test_a_salt_that_was_exchanged_is_not_backed_up(agent, put):
    """The session's key would open the pages, and the password would not open the copy."""
    sample = put("tiny")
    agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
    salt = sample.sidecar("salt")
    original = salt.read_bytes()
    salt.write_bytes(bytes(byte ^ 1 for byte in original))
    agent.ctl("backup", "create", sample.path).expect(LOCKED)
    salt.write_bytes(original)
    create(agent, sample)


def test_another_place(agent, put, tmp_path):
    sample = put("tiny")
    place = tmp_path / "disk"
    place.mkdir()
    told = create(agent, sample, "--to", place)
    assert listed(agent) == [] and [b["id"] for b in listed(agent, "--in", place)] == [told["id"]]
    agent.ctl("backup", "verify", told["id"], "--in", place, *sample.kdf, **given(sample)).expect(OK)
    agent.ctl("backup", "verify", told["id"], *sample.kdf, **given(sample)).expect(NOT_FOUND)
    agent.ctl("backup", "rm", told["id"], "--in", place, "--yes").expect(OK)
    assert listed(agent, "--in", place) == []


def test_every_file_of_a_backup_is_looked_at(agent, put, rng):
    sample = put("typed")
    told = create(agent, sample)
    directory = pathlib.Path(told["directory"])
    originals = {path: path.read_bytes() for path in sorted(directory.iterdir())}

    def put_back():
        # What is found damaged is not verified any more.
        for path, bytes_ in originals.items():
            path.write_bytes(bytes_)

    for path, original in originals.items():
        for _ in range(3):
            place = rng.randrange(len(original))
            changed = bytearray(original)
            changed[place] ^= 1 << rng.randrange(8)
            path.write_bytes(changed)
            found = verify(agent, sample, told["id"], DAMAGE)
            assert not found["sound"] and found["problems"], (path.name, place)
            if path.name != "verified":
                failure = restore(agent, sample, told["id"], agent.databases / "x.blazedb")
                envelope.failure(failure, DAMAGE)
                assert not list(agent.databases.glob("x.*")), (path.name, place)
            assert not (directory / "verified").exists(), path.name
            put_back()
        path.unlink()
        found = verify(agent, sample, told["id"], DAMAGE) if path.name not in ("manifest.json", "verified") else None
        assert found is None or not found["sound"]
        put_back()
    assert verify(agent, sample, told["id"], OK)["sound"]


def test_retention(agent, put):
    sample = put("tiny")
    ids = [create(agent, sample)["id"] for _ in range(3)]
    newest = sorted(ids)[-1]
    agent.ctl("backup", "prune").expect(USAGE)
    agent.ctl("backup", "prune", "--keep-last", "2").expect(NEEDS_PROMPT)
    plan = envelope.data(agent.ctl("backup", "prune", "--keep-last", "1", "--dry-run", "-o", "json"), OK)
    assert [(d["kept"], d["reasons"]) for d in plan["decisions"]][0] == (True, ["last 1"])
    assert len(listed(agent)) == 3
    # The newest one is not verified, and does not take the place of one that is.
    unverified = create(agent, sample, "--no-verify")
    assert unverified["verified"] is None
    agent.ctl("backup", "prune", "--keep-last", "1", "--yes", sample.path).expect(OK)
    left = listed(agent)
    assert len(left) == 2 and sum(b["verified"] is not None for b in left) == 1
    assert newest in [b["id"] for b in left] or len(set(i[:16] for i in ids)) < 3


def test_in_place_and_back(agent, put, tmp_path):
    sample = put("typed")
    records = export(agent, sample)
    told = create(agent, sample)
    before = contents(sample.directory)
    agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
    agent.ctl("restore", told["id"], "--in-place").expect(NEEDS_PROMPT)
    assert contents(sample.directory) == before
    job = envelope.data(agent.ctl("restore", told["id"], "--in-place", "--yes", "-o", "json"), OK)["job"]
    assert job["outcome"]["records"] == len(records) and not job["outcome"]["reencrypted"]
    kept = pathlib.Path(job["outcome"]["kept"])
    assert kept.is_dir() and stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert export(agent, sample) == records
    agent.ctl("check", "--full", sample.path).expect(OK)
    agent.ctl("restore", sample.path, "--rollback", "--yes").expect(OK)
    assert contents(sample.directory) == before
    envelope.failure(agent.ctl("restore", sample.path, "--rollback", "--yes", "-o", "json"), FAILURE, NOT_FOUND)


def test_another_password_is_told_and_encrypted_anew(agent, put):
    first = put("typed", agent.databases / "first")
    second = put("large", agent.databases / "second")
    records = export(agent, first)
    told = create(agent, first)
    agent.ctl("unlock", second.path, *second.kdf, **given(second)).expect(OK)
    agent.ctl("unlock", first.path, *first.kdf, **given(first)).expect(OK)
    salt = second.sidecar("salt").read_bytes()
    job = envelope.data(
        agent.ctl("restore", told["id"], "--in-place", "--over", second.path, "--yes", "-o", "json"), OK)["job"]
    assert job["outcome"]["reencrypted"] is True
    assert second.sidecar("salt").read_bytes() == salt
    assert export(agent, second) == records
    agent.ctl("check", "--full", second.path).expect(OK)


def test_the_alias_is_typed(agent, put):
    sample = put("tiny")
    told = create(agent, sample)
    agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
    alias = envelope.data(agent.ctl("info", sample.path, "-o", "json"))["alias"]
    before = contents(sample.directory)
    child = on_terminal(agent, "restore", told["id"], "--in-place")
    child.expect(f"Type {alias} to go on: ")
    child.sendline("yes")
    assert finish(child)[0] == FAILURE
    assert contents(sample.directory) == before
    child = on_terminal(agent, "restore", told["id"], "--in-place")
    child.expect("to go on: ")
    child.sendline(alias)
    assert finish(child)[0] == OK


def test_vacuum_and_repair_take_one_first(agent, put):
    sample = put("damaged/leaked-pages")
    agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
    records = export(agent, sample)
    job = envelope.data(
        agent.ctl("vacuum", sample.path, "--yes", "--always", "-o", "json"), OK)["job"]
    first = listed(agent)
    assert [b["id"] for b in first] == [job["outcome"]["backup"]]
    assert first[0]["tag"] == "before-vacuum" and first[0]["verified"]
    assert read(agent, sample, copied(first[0], sample)) == records
    job = envelope.data(
        agent.ctl("repair", sample.path, "--apply", "--always", "--yes", "-o", "json"), OK)["job"]
    second = [b for b in listed(agent) if b["tag"] == "before-repair"]
    assert [b["id"] for b in second] == [job["outcome"]["backup"]] and second[0]["method"] == "raw"
    agent.ctl("vacuum", sample.path, "--yes", "--always", "--no-backup").expect(OK)
    agent.ctl("repair", sample.path, "--apply", "--always", "--yes", "--no-backup").expect(OK)
    assert len(listed(agent)) == 2


def test_beside_an_owner(agent, put):
    sample = put("typed")
    with Holder(sample.path):
        told = create(agent, sample)
        assert told["method"] == "live" and told["verified"]
        envelope.failure(
            agent.ctl("backup", "create", sample.path, "--tier", "lease", "-o", "json", *sample.kdf, **given(sample)),
            BUSY)
        envelope.failure(
            agent.ctl("backup", "create", sample.path, "--raw", "-o", "json", *sample.kdf, **given(sample)), BUSY)
        agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
        agent.ctl("restore", told["id"], "--in-place", "--yes").expect(BUSY)
    assert read(agent, sample, copied(told, sample)) == export(agent, sample)


if LIVE_OWNER.exists():
    MIXES = [("2:6:2", 0.1), ("5:1:4", 0.3), ("1:8:1", 0.6), ("4:2:4", 0.0)]

    def live_rounds(agent, put, rng, tmp_path, count):
        """Backups beside an owner at work: each is sound, and holds nothing that the owner's log does not allow."""
        hashes = Hashes()
        for n in range(0, count, 10):
            mix, big = MIXES[n // 10 % len(MIXES)]
            sample = put("tiny", agent.databases / f"owned-{n}")
            initial = hashes.of(agent.ctl(
                "export", sample.path, "--format", "typed", *sample.kdf, **given(sample)).expect(OK).out)
            log = tmp_path / f"owner-{n}.log"
            agent.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
            with LiveOwner(sample, log, "--seconds", 300, "--seed", rng.randrange(1 << 30), "--mix", mix, "--big",
                           big) as process:
                process.wait_for_work()
                allowed = Allowed(log, initial)
                for _ in range(min(10, count - n)):
                    allowed.before()
                    told = create(agent, sample)
                    assert told["method"] == "live" and told["verified"] and told["unreadable"] == 0
                    document = agent.ctl(
                        "export", copied(told, sample), "--format", "typed", *sample.kdf, **given(sample)
                    ).expect(OK).out
                    allowed.check(hashes.of(document))
                    agent.ctl("backup", "verify", told["id"]).expect(OK)
                    agent.ctl("backup", "rm", told["id"], "--yes").expect(OK)
                assert process.process.poll() is None, process.process.communicate()
            agent.ctl("lock", sample.path).expect(OK)
            subprocess.run(["rm", "-rf", sample.directory], check=True, timeout=60)

    @pytest.mark.linux
    def test_beside_an_owner_at_work(agent, put, rng, tmp_path):
        live_rounds(agent, put, rng, tmp_path, 20)

    @pytest.mark.slow
    @pytest.mark.linux
    def test_beside_an_owner_at_work_two_hundred_times(agent, put, rng, tmp_path):
        live_rounds(agent, put, rng, tmp_path, 200)


# ---- crashes -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A sample that takes a while to copy."""
    return grown.grow(samples.sample("tiny").copy_to(tmp_path_factory.mktemp("grown")), 6_000)


@pytest.fixture(scope="module")
def records(template, binaries):
    world = Session(binaries)
    try:
        return grown.export(world, template)
    finally:
        world.close()


def kill_rounds(world, template, records, rng, count):
    """Kills the agent at random moments inside a backup or a restore in place."""
    ends = set()
    sample = template.copy_to(world.databases / "killed")
    sound = create(world, sample)
    before = contents(sample.directory)
    for n in range(count):
        is_backup = n % 2 == 0
        if is_backup:
            result = world.ctl("backup", "create", sample.path, "--detach", *sample.kdf, **given(sample))
        else:
            world.ctl("unlock", sample.path, *sample.kdf, **given(sample)).expect(OK)
            result = world.ctl("restore", sound["id"], "--in-place", "--yes", "--detach")
        job = grown.job_of(result.expect(OK).text)
        pid = world.pid()
        moment = time.monotonic() + rng.random() * 0.5
        until(lambda: time.monotonic() >= moment, "the moment to kill it")
        os.kill(pid, signal.SIGKILL)
        shown = envelope.data(world.ctl("jobs", "show", job, "-o", "json"))["job"]
        assert shown["state"] in ("rolled-back", "finished-after-restart", "done"), shown
        ends.add((shown["kind"], shown["state"]))
        left = {path.name for path in repository(world).glob("*/*")}
        there = {backup["id"] for backup in listed(world)}
        assert left == there, f"round {n}: {left ^ there}"
        assert sound["id"] in there
        for backup in listed(world):
            assert backup["problem"] is None
            if backup["id"] != sound["id"]:
                if backup["verified"]:
                    assert verify(world, sample, backup["id"], OK)["sound"]
                world.ctl("backup", "rm", backup["id"], "--yes").expect(OK)
        names = [p.name for p in sample.directory.iterdir() if ".agent_" in p.name or "vacuum" in p.name]
        assert names == [], (n, shown, names)
        kept = list(sample.directory.glob("*.before-restore-*"))
        if shown["state"] == "rolled-back" or is_backup:
            assert contents(sample.directory) == before, f"round {n}: {shown}"
        else:
            assert len(kept) == 1, f"round {n}: {shown}"
            assert grown.export(world, sample) == records
            world.ctl("restore", sample.path, "--rollback", "--yes").expect(OK)
            assert contents(sample.directory) == before
    return ends


@pytest.mark.linux
def test_killed_inside_backup_and_restore(world, template, records, rng):
    kill_rounds(world, template, records, rng, 6)


@pytest.mark.slow
@pytest.mark.linux
def test_killed_inside_backup_and_restore_a_hundred_times(world, template, records, rng):
    ends = kill_rounds(world, template, records, rng, 100)
    assert {("backup", "rolled-back"), ("restore", "rolled-back")} <= ends, ends


@pytest.mark.linux
def test_a_full_disk(world, template, tmp_path):
    sample = template.copy_to(world.databases / "full")
    told = create(world, sample)
    before = contents(sample.directory)
    mount = tmp_path / "small"
    mount.mkdir()
    size = sample.path.stat().st_size // 2
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", mount], check=True, timeout=30)
    try:
        envelope.failure(
            world.ctl("backup", "create", sample.path, "--to", mount, "-o", "json", *sample.kdf, **given(sample)),
            INSUFFICIENT)
        assert not list(mount.glob("*/*")), list(mount.rglob("*"))
        envelope.failure(restore(world, sample, told["id"], mount / "x.blazedb"), INSUFFICIENT)
        assert not [path for path in mount.rglob("*") if path.is_file()]
        assert contents(sample.directory) == before
        assert verify(world, sample, told["id"], OK)["sound"]
    finally:
        world.ctl("agent", "stop")
        subprocess.run(["umount", mount], check=True, timeout=30)
