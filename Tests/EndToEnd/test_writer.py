"""Databases that the engine writes: killed in the middle, read by an independent reader, changed by another writer."""
import base64
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import owner
import samples
import writers

ITERATIONS = 1000


def told(lines):
    """The state of each change that was acknowledged, and the one under way."""
    done, under_way = [], None
    for line in lines:
        word, _, digest = line.partition(" ")
        if len(digest) != 64:
            # The last line may be cut off.
            continue
        if word == "next":
            under_way = digest
        else:
            done.append(digest)
            under_way = None
    return done, under_way


@pytest.mark.linux
def test_killed_at_random(tmp_path, rng, rounds):
    path = tmp_path / "notes.blazedb"
    assert writers.run(path, ITERATIONS, "create").returncode == 0
    state = writers.contents(path, ITERATIONS)
    kills = 0
    for _ in range(rounds(8)):
        process = writers.start(path, ITERATIONS, "change", rng.randrange(1 << 32), 400)
        lines = []
        for _ in range(rng.randrange(1, 60)):
            line = process.stdout.readline().decode()
            if not line:
                break
            lines.append(line.strip())
        kills += process.poll() is None
        process.kill()
        lines += process.stdout.read().decode().splitlines()
        process.wait(timeout=30)
        process.stdout.close()
        process.stderr.close()
        done, under_way = told(lines)
        allowed = {done[-1] if done else state, under_way}
        state = writers.contents(path, ITERATIONS)
        assert state in allowed, lines[-4:]
        assert not writers.strays(tmp_path, "notes")
    assert kills >= 4


# What changes the disk: writes of pages and metadata, syncs, names, sizes.
CALLS = ["pwrite64", "fsync", "rename,renameat,renameat2", "link,linkat", "unlink,unlinkat", "ftruncate"]


@pytest.mark.linux
@pytest.mark.parametrize("calls", CALLS)
def test_killed_at_system_calls(tmp_path, rng, rounds, calls):
    """One and the same course of changes is cut at calls of one kind, each time from the same files."""
    strace = shutil.which("strace")
    assert strace, "strace is not installed; make deps installs it"
    first = tmp_path / "first"
    first.mkdir()
    assert writers.run(first / "notes.blazedb", ITERATIONS, "create").returncode == 0
    assert writers.run(first / "notes.blazedb", ITERATIONS, "change", 1, 5).returncode == 0
    before = writers.contents(first / "notes.blazedb", ITERATIONS)
    traced = ",".join(f"?{name}" for name in calls.split(","))
    trace = tmp_path / "trace"
    follow = [strace, "-f", "-qq", "-o", str(trace), "-e", f"trace={traced}"]
    count = 0
    while not count:
        # Not every course has a vacuum in it.
        seed = rng.randrange(1 << 32)
        course = ["change", seed, 25]
        whole = shutil.copytree(first, tmp_path / "whole")
        assert writers.run(whole / "notes.blazedb", ITERATIONS, *course, before=follow).returncode == 0
        # A call that another thread's stands between takes two lines.
        count = sum("resumed>" not in line for line in trace.read_text().splitlines())
        shutil.rmtree(whole)
    kills = 0
    for _ in range(rounds(2)):
        place = tmp_path / "cut"
        shutil.copytree(first, place)
        path = place / "notes.blazedb"
        when = rng.randrange(1, count + 1)
        done = writers.run(path, ITERATIONS, *course, before=[
            *follow, "-e", f"inject={traced}:signal=KILL:when={when}"])
        kills += done.returncode != 0
        acknowledged, under_way = told(done.stdout.decode().splitlines())
        allowed = {acknowledged[-1] if acknowledged else before, under_way}
        assert writers.contents(path, ITERATIONS) in allowed, f"seed {seed}, call {when}"
        assert not writers.strays(place, "notes")
        shutil.rmtree(place)
    assert kills


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, too small for what is to be written; only root can make one."""
    assert os.geteuid() == 0, "a mount needs root"
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", place], check=True, timeout=30)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True, timeout=30)


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True, timeout=30)


@pytest.mark.linux
def test_a_full_disk(small_disk, rng):
    path = small_disk / "notes.blazedb"
    assert writers.run(path, ITERATIONS, "create").returncode == 0
    state = writers.contents(path, ITERATIONS)
    full = 0
    for _ in range(8):
        done = writers.run(path, ITERATIONS, "change", rng.randrange(1 << 32), 60)
        acknowledged, under_way = told(done.stdout.decode().splitlines())
        if done.returncode != 0:
            full += 1
            assert b"no space left" in done.stderr or b"bytes of disk" in done.stderr, done.stderr.decode()
        allowed = {acknowledged[-1] if acknowledged else state, under_way}
        remount(small_disk, "size=4m")
        state = writers.contents(path, ITERATIONS)
        assert state in allowed
        assert not writers.strays(small_disk, "notes")
        used = sum(f.stat().st_size for f in small_disk.iterdir())
        remount(small_disk, f"size={used // 1024 + 120}k")
    assert full


@pytest.mark.linux
def test_a_read_only_disk(small_disk):
    path = small_disk / "notes.blazedb"
    assert writers.run(path, ITERATIONS, "create").returncode == 0
    remount(small_disk, "ro")
    try:
        done = writers.run(path, ITERATIONS, "change", 1, 1)
        assert done.returncode != 0 and b"read-only file system" in done.stderr, done.stderr.decode()
    finally:
        remount(small_disk, "rw")
    assert writers.run(path, ITERATIONS, "change", 1, 1).returncode == 0


def payload(sample):
    return json.loads(base64.b64decode(json.loads(sample.sidecar("meta").read_text())["signedPayload"]))


# The independent reader and the other writer are no part of the project.
if owner.REFERENCE.exists():
    def test_an_independent_reader_agrees(tmp_path, rng, rounds):
        path = tmp_path / "notes.blazedb"
        assert writers.run(path, ITERATIONS, "create").returncode == 0
        options = ["--password", samples.PASSWORD, "--iterations", ITERATIONS]
        for _ in range(rounds(6)):
            done = writers.run(path, ITERATIONS, "change", rng.randrange(1 << 32), 25)
            assert done.returncode == 0, done.stderr.decode()
            verified = owner.reference("verify", path, *options)
            assert verified.returncode == 0 and not verified.stderr, verified.stdout.decode()
            told_by_it = verified.stdout.decode()
            assert not [line for line in told_by_it.splitlines() if line.startswith(("error", "warning"))], told_by_it
            dump = owner.reference("dump", path, *options)
            assert dump.returncode == 0
            (tmp_path / "dump.json").write_bytes(dump.stdout)
            digest = owner.reference("hash", tmp_path / "dump.json").stdout.decode().split()[-1]
            assert digest == writers.contents(path, ITERATIONS)

    @pytest.mark.parametrize("name", ["tiny", "typed", "unclean", "damaged/leaked-pages", "damaged/stale-next-page"])
    def test_real_databases_stay_real(tmp_path, name):
        """What BlazeDB wrote is changed by the engine, and read by the independent reader; indexes and settings are kept."""
        sample = samples.sample(name).copy_to(tmp_path / "db")
        options = ["--password", sample.password, "--iterations", sample.iterations]
        before = payload(sample)
        assert writers.run(sample.path, sample.iterations, "change", 7, 20).returncode == 0
        assert owner.reference("verify", sample.path, *options).returncode == 0
        after = payload(sample)
        for key in ("secondaryIndexDefinitions", "metaData", "fieldTypes", "version", "searchIndexedFields"):
            assert before.get(key) == after.get(key), key
        assert not after["secondaryIndexes"] or before["secondaryIndexes"] == after["secondaryIndexes"]

    def test_a_live_owner_goes_on_with_what_we_wrote(tmp_path, rng):
        """live_owner.py runs on our database, and we on what it left, again and again."""
        place = tmp_path / "db"
        place.mkdir()
        path = place / "notes.blazedb"
        assert writers.run(path, ITERATIONS, "create").returncode == 0
        manifest = {"database": "notes.blazedb", "password": samples.PASSWORD, "pbkdf2Iterations": ITERATIONS}
        sample = samples.Sample(place, "ours", manifest)
        options = ["--password", samples.PASSWORD, "--iterations", ITERATIONS]
        for round_number in range(3):
            done = writers.run(path, ITERATIONS, "change", rng.randrange(1 << 32), 20)
            assert done.returncode == 0, done.stderr.decode()
            log = pathlib.Path(tmp_path / f"log-{round_number}")
            with owner.LiveOwner(sample, log, "--seconds", 2, "--seed", rng.randrange(1 << 30)) as live:
                live.wait_for_work(5)
                # While it has the database, nobody else gets it.
                refused = writers.run(path, ITERATIONS, "change", 1, 1)
                assert refused.returncode != 0 and b"locked" in refused.stderr
                assert live.wait(60) in (0, -9, 9, 137)
            assert owner.reference("verify", path, *options).returncode == 0
            dump = owner.reference("dump", path, *options)
            (tmp_path / "dump.json").write_bytes(dump.stdout)
            digest = owner.reference("hash", tmp_path / "dump.json").stdout.decode().split()[-1]
            assert writers.contents(path, ITERATIONS) == digest
