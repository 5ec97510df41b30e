"""The agent is killed at chosen system calls inside a repair, and inside undoing one: the next one puts it right by itself."""
import shutil
import subprocess

import pytest

import processes
import samples
import typed_json
from statuses import NO_AGENT, OK
from test_jobs import jobs
from test_repair import apply, contents, export, given, kept
from waiting import until

pytestmark = pytest.mark.linux

# What changes the disk: writes, syncs, names, sizes, directories.
CALLS = ["pwrite64", "fsync", "rename,renameat,renameat2", "link,linkat", "unlink,unlinkat", "ftruncate", "mkdir,mkdirat"]
# Between them: leftovers that move, a WAL that is emptied, metadata that is made anew, a vacuum that is resolved.
NAMES = ["damaged/txn-interrupted", "damaged/meta-truncated", "damaged/wal-over-overflow", "damaged/stale-next-page"]


class Tracer:
    """strace on a running agent, which it kills at a call where it is told which."""

    def __init__(self, world, calls, when=None):
        self.world, self.trace = world, world.root / "tmp" / "trace"
        self.trace.unlink(missing_ok=True)
        self.agent = world.pid()
        traced = ",".join(f"?{name}" for name in calls.split(","))
        inject = ["-e", f"inject={traced}:signal=KILL:when={when}"] if when else []
        strace = shutil.which("strace")
        assert strace, "strace is not installed; make deps installs it"
        self.process = subprocess.Popen(
            [strace, "-f", "-o", str(self.trace), "-e", f"trace={traced}", *inject, "-p", str(self.agent)],
            stderr=subprocess.PIPE)
        assert b"attached" in self.process.stderr.readline()

    def end(self):
        """How many calls there were; lets the agent go where it lives."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=60)
        lines = self.trace.read_text().splitlines() if self.trace.exists() else []
        return sum("resumed>" not in line and "(" in line for line in lines)

    @property
    def has_killed(self):
        return not processes.is_alive(self.agent)


def words_of(sample, is_undo):
    return ["--undo"] if is_undo else ["--apply", *sample.kdf]


def cut(world, rng, calls, is_undo):
    """One repair, or undoing of one, cut at a call of a kind; whether it was."""
    name = rng.choice(NAMES)
    wanted = samples.sample(name).manifest["repaired"]["sha256"]

    def fresh(place):
        sample = samples.sample(name).copy_to(world.databases / place)
        old = contents(sample.directory)
        if is_undo:
            apply(world, sample)
        return sample, old

    keys = {} if is_undo else {"password": samples.sample(name).password}
    whole, _ = fresh("whole")
    tracer = Tracer(world, calls)
    world.ctl("repair", whole.path, *words_of(whole, is_undo), "--yes", **keys).expect(OK)
    count = tracer.end()
    subprocess.run(["rm", "-rf", whole.directory], check=True, timeout=60)
    if not count:
        return False
    sample, old = fresh("cut")
    new = contents(sample.directory)
    when = rng.randrange(1, count + 1)
    tracer = Tracer(world, calls, when)
    result = world.ctl("repair", sample.path, *words_of(sample, is_undo), "--yes", "--no-autostart", **keys)
    if result.status == OK:
        tracer.end()
        subprocess.run(["rm", "-rf", sample.directory], check=True, timeout=60)
        return False
    what = f"{name}, undo {is_undo}, call {when} of {count} of {calls}: {result!r}"
    assert result.status == NO_AGENT, what
    until(lambda: tracer.has_killed, "the agent is dead")
    tracer.end()
    # The next agent's start puts it right, without a password.
    world.ctl("ls").expect(OK)
    assert {j["state"] for j in jobs(world)} <= {"done", "rolled-back", "finished-after-restart", "cancelled"}, what
    strays = [p.name for p in sample.directory.iterdir() if ".agent_" in p.name or ".vacuum_" in p.name]
    assert strays == [], what
    for directory in kept(sample):
        assert (directory / "repair.json").exists(), what
    if is_undo:
        now = contents(sample.directory)
        assert now == (new if kept(sample) else old), what
    elif not kept(sample):
        assert contents(sample.directory) == old, what
    if not kept(sample):
        apply(world, sample)
    assert typed_json.canonical_hash(export(world, sample)) == wanted, what
    world.ctl("check", "--quick", sample.path, *sample.kdf, **given(sample)).expect(OK)
    world.ctl("repair", sample.path, "--undo", "--yes").expect(OK)
    assert contents(sample.directory) == old, what
    subprocess.run(["rm", "-rf", sample.directory], check=True, timeout=60)
    return True


def test_killed_at_system_calls_of_a_repair(world, rng):
    world.start()
    assert sum(cut(world, rng, calls, False) for calls in CALLS) >= 4


def test_killed_at_system_calls_of_undoing_one(world, rng):
    world.start()
    assert sum(cut(world, rng, calls, True) for calls in ["rename,renameat,renameat2", "link,linkat", "unlink,unlinkat", "fsync"]) >= 2


@pytest.mark.slow
def test_killed_at_two_hundred_system_calls(world, rng):
    world.start()
    kills = sum(cut(world, rng, calls, n % 3 == 2) for n in range(30) for calls in CALLS)
    assert kills >= 100
