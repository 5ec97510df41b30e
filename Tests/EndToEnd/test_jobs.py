"""Jobs: progress for every client, cancelling, one at a time, and what is left of them when their agent is killed."""
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import envelope
import grown
import owner
import samples
import wire
from snapshot import unchanged
from statuses import BUSY, FAILURE, INTERRUPTED, LOCKED, NO_AGENT, NOT_FOUND, OK
from test_holders import Holder
from session import Session
from waiting import until

JOBS_SHOW = 94
STATES = {1: "waiting", 2: "running", 3: "cancelling", 4: "done", 5: "failed", 6: "cancelled"}

pytestmark = pytest.mark.linux


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A sample on which a job works for some seconds."""
    return grown.grow(samples.sample("tiny").copy_to(tmp_path_factory.mktemp("grown")), 12_000)


@pytest.fixture(scope="module")
def records(template, binaries):
    """Its records, as one document."""
    world = Session(binaries)
    try:
        return grown.export(world, template)
    finally:
        world.close()


@pytest.fixture
def large(agent, template):
    sample = template.copy_to(agent.databases)
    agent.ctl("unlock", sample.path, password=sample.password).expect(OK)
    return sample


def begin(world, sample, *words):
    """The number of a job that works on its own."""
    return grown.job_of(world.ctl("vacuum", sample.path, "--yes", "--detach", *words).expect(OK).text)


def jobs(world):
    return envelope.data(world.ctl("jobs", "ls", "-o", "json"))["jobs"]


def test_progress_for_two_clients(agent, large):
    """Two raw clients follow one job; each sees it move, and its end. It waits until both are there."""
    holder = Holder(large.path)
    job = int(begin(agent, large, "--wait", "60s"))
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
        assert STATES[views[-1][3][0]] == "done" and 14 in views[-1]
        moving = [v for v in views if 11 in v and 10 in v]
        assert len({(v[9][0], v[10][0]) for v in moving}) >= 3, "it did not move"
        assert all(v[10][0] <= v[11][0] for v in moving)
        assert any(12 in v and 13 in v for v in moving), "neither rate nor estimate"
    shown = agent.ctl("jobs", "show", str(job), "--follow").expect(OK)
    assert "done" in shown.text


def test_cancelling_leaves_the_old_database(agent, large, records):
    before = large.path.read_bytes()
    job = begin(agent, large)
    told = envelope.success(agent.ctl("jobs", "cancel", job, "-o", "json"))
    assert told["schema"] == "blazectl/jobs.cancel/1"
    assert told["data"]["was_active"] is True and told["data"]["job"]["state"] == "cancelled"
    assert told["data"]["job"]["failure"]["name"] == "cancelled"
    assert grown.left_over(large) == [] and large.path.read_bytes() == before
    assert grown.export(agent, large) == records
    again = envelope.data(agent.ctl("jobs", "cancel", job, "-o", "json"))
    assert again["was_active"] is False and again["job"]["state"] == "cancelled"
    agent.ctl("jobs", "cancel", "4711").expect(NOT_FOUND)
    agent.ctl("jobs", "show", "4711").expect(NOT_FOUND)


@pytest.mark.parametrize("words", [["vacuum"], ["gc", "run"]])
def test_ctrl_c_cancels_and_waits(agent, large, records, words):
    with open(large.path, "ab") as f:
        f.write(bytes(4096))  # so that gc has something to do
    client = agent.spawn(*words, large.path, "--yes", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: any(j["state"] == "running" for j in jobs(agent)), "a job works")
    client.send_signal(signal.SIGINT)
    out, err = client.communicate(timeout=60)
    assert client.returncode == INTERRUPTED and out == b"" and b"cancelled" in err, (out, err)
    assert [j["state"] for j in jobs(agent)] == ["cancelled"]
    assert grown.export(agent, large) == records and grown.left_over(large) == []


def test_a_job_goes_on_without_its_client(agent, large, records):
    client = agent.spawn("vacuum", large.path, "--yes", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: any(j["state"] == "running" for j in jobs(agent)), "a job works")
    client.kill()
    client.wait(30)
    job = grown.wait_for(agent, "1", "done")
    assert job["outcome"]["rewritten"] is True and job["client_pid"] == client.pid
    assert grown.export(agent, large) == records


def test_one_job_for_each_database(agent, large):
    job = begin(agent, large)
    for words in (["vacuum"], ["gc", "run"]):
        error = envelope.failure(agent.ctl(*words, large.path, "--yes", "-o", "json"), BUSY)
        assert f"job {job}" in error["message"] and error["holder"]["pid"] == agent.pid()
    error = envelope.failure(agent.ctl("info", large.path, "--tier", "lease", "-o", "json"), BUSY)
    assert f"job {job}" in error["message"]
    told = envelope.data(agent.ctl("holders", large.path, "-o", "json"))
    assert told["ownership"]["state"] == "leased"
    agent.ctl("jobs", "cancel", job).expect(OK)


def test_looking_beside_a_job(agent, large, records):
    """Who looks while a job swaps the files sees the records, and no damage."""
    job = begin(agent, large)
    looks = 0
    while envelope.data(agent.ctl("jobs", "show", job, "-o", "json"))["job"]["state"] in ("waiting", "running"):
        assert grown.export(agent, large) == records
        checked = envelope.data(agent.ctl("check", "--quick", large.path, "-o", "json"), OK, 4)
        assert checked["counts"]["damage"] == 0
        looks += 1
    assert looks > 0
    assert grown.wait_for(agent, job, "done")


def test_what_ends_a_job(agent, large, records):
    """The lock of the session, a release of the lock, and the agent's end: the old database stays."""
    for words, status, name in ((["lock"], LOCKED, "locked-meanwhile"), (["release", large.path], FAILURE, "released")):
        agent.ctl("unlock", large.path, password=large.password).expect(OK)
        client = agent.spawn(
            "vacuum", large.path, "--yes", "-o", "json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until(lambda: any(j["state"] == "running" for j in jobs(agent)), "a job works")
        agent.ctl(*words).expect(OK)
        out, err = client.communicate(timeout=60)
        assert client.returncode == status and out == b"", err
        assert f'"name":"{name}"'.encode() in err
        assert jobs(agent)[0]["state"] == "cancelled" and jobs(agent)[0]["failure"]["name"] == name
        assert grown.left_over(large) == []
    assert grown.export(agent, large) == records


def test_stopping_the_agent_cancels_its_jobs(world, template):
    sample = template.copy_to(world.databases)
    world.start()
    world.ctl("unlock", sample.path, password=sample.password).expect(OK)
    client = world.spawn("vacuum", sample.path, "--yes", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: any(j["state"] == "running" for j in jobs(world)), "a job works")
    world.stop()
    client.communicate(timeout=60)
    assert client.returncode == NO_AGENT
    world.start()
    (job,) = jobs(world)
    assert job["state"] == "cancelled" and job["failure"]["name"] == "stopping"
    assert grown.left_over(sample) == []


def test_the_journal(world, put):
    sample = put("tiny")
    world.start()
    world.ctl("vacuum", sample.path, "--yes", password=sample.password).expect(OK)
    journal = world.root / "state" / "blazedb-agent" / "jobs"
    assert journal.stat().st_mode & 0o777 == 0o700 and (journal / "1.json").stat().st_mode & 0o777 == 0o600
    text = (journal / "1.json").read_text()
    assert sample.password not in text
    world.stop()
    (journal / "2.json").write_text(text[:40])
    world.start()
    told = envelope.success(world.ctl("jobs", "ls", "-o", "json"))
    assert [j["id"] for j in told["data"]["jobs"]] == [1] and any("2.json" in w for w in told["warnings"])
    assert any("2.json" in w for w in envelope.success(world.ctl("status", "-o", "json"))["warnings"])
    world.ctl("gc", "run", sample.path, "--yes", password=sample.password).expect(OK)
    assert [j["id"] for j in jobs(world)] == [3, 1]
    # What cannot be written down is not begun.
    world.stop()
    for file in journal.iterdir():
        file.unlink()
    journal.rmdir()
    journal.write_text("")
    world.start()
    with unchanged(world.databases):
        world.ctl("vacuum", sample.path, "--yes", "--always", password=sample.password).expect(FAILURE)


def kill_rounds(world, template, records, rng, count):
    """Kills the agent at random moments inside gc and vacuum."""
    ends = set()
    world.ctl("ls").expect(OK)
    for n in range(count):
        directory = world.databases / str(n)
        sample = template.copy_to(directory)
        with open(sample.path, "ab") as f:
            f.write(bytes(4096 * 5))
        world.ctl("unlock", sample.path, password=sample.password).expect(OK)
        words = ["gc", "run"] if n % 3 == 2 else ["vacuum"]
        told = world.ctl(*words, sample.path, "--yes", "--detach").expect(OK).text
        job = grown.job_of(told)
        pid = world.pid()
        # A vacuum of it takes about a second and a half; some rounds come too late.
        moment = time.monotonic() + rng.random() * (0.8 if words[0] == "gc" else 2.0)
        until(lambda: time.monotonic() >= moment, "the moment to kill it")
        os.kill(pid, signal.SIGKILL)
        shown = envelope.data(world.ctl("jobs", "show", job, "-o", "json"))["job"]
        assert shown["state"] in ("rolled-back", "finished-after-restart", "done"), shown
        ends.add(shown["state"])
        assert grown.left_over(sample) == [], shown
        assert grown.export(world, sample) == records, f"round {n}: {shown}"
        if shown["kind"] == "vacuum":
            isNew = sample.path.stat().st_size < template.path.stat().st_size * 0.9
            assert isNew == (shown["state"] != "rolled-back"), shown
        if owner.REFERENCE.exists() and (count < 20 or n % 10 == 0):
            done = owner.reference(
                "verify", sample.path, "--password", sample.password, "--iterations", sample.iterations)
            assert done.returncode == 0, done.stdout + done.stderr
        subprocess.run(["rm", "-rf", directory], check=True, timeout=60)
    return ends


def test_killed_inside_gc_and_vacuum(world, template, records, rng):
    kill_rounds(world, template, records, rng, 5)


@pytest.mark.slow
def test_killed_inside_gc_and_vacuum_a_hundred_times(world, template, records, rng):
    assert {"rolled-back", "done"} <= kill_rounds(world, template, records, rng, 100)


def test_killed_while_the_files_are_swapped(world, template, records):
    """The moment that is too short to hit by chance: the agent is killed as soon as the marker is there."""
    sample = template.copy_to(world.databases)
    world.ctl("unlock", sample.path, password=sample.password).expect(OK)
    job = grown.job_of(world.ctl("vacuum", sample.path, "--yes", "--detach").expect(OK).text)
    pid = world.pid()
    marker = sample.path.with_name("tiny.vacuum_in_progress")
    end = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < end:
        pass
    os.kill(pid, signal.SIGKILL)
    shown = envelope.data(world.ctl("jobs", "show", job, "-o", "json"))["job"]
    assert shown["state"] in ("rolled-back", "finished-after-restart", "done"), shown
    assert grown.left_over(sample) == [] and grown.export(world, sample) == records


def test_an_interrupted_job_waits_for_its_database(world, template, records):
    """Another process has the database open when the next agent starts."""
    sample = template.copy_to(world.databases)
    world.ctl("unlock", sample.path, password=sample.password).expect(OK)
    job = grown.job_of(world.ctl("vacuum", sample.path, "--yes", "--detach").expect(OK).text)
    grown.wait_for(world, job, "running")
    os.kill(world.pid(), signal.SIGKILL)
    until(lambda: is_free(sample.path), "the lock of the killed agent is gone")
    with Holder(sample.path) as holder:
        shown = envelope.data(world.ctl("jobs", "show", job, "-o", "json"))["job"]
        assert shown["state"] == "interrupted" and shown["failure"]["name"] == "busy"
        assert f"(pid {holder.pid})" in shown["failure"]["message"]
        assert world.ctl("jobs", "ls").expect(OK).text.count("interrupted") == 1
    assert [j["state"] for j in jobs(world)] == ["rolled-back"]
    assert grown.left_over(sample) == [] and grown.export(world, sample) == records


def is_free(path):
    """Whether this process could have the lock now."""
    with open(path, "rb") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # A lock on a file that the path does not name any more is none.
        return os.path.exists(path) and os.fstat(f.fileno()).st_ino == os.stat(path).st_ino


PROBE = """
import fcntl, os, sys
path, tries = sys.argv[1], 0
print("ready", flush=True)
sys.stdin.readline()
while True:
    tries += 1
    with open(path, "rb") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        if os.fstat(f.fileno()).st_ino == os.stat(path).st_ino:
            print(tries, os.stat(path).st_size, sorted(os.listdir(os.path.dirname(path))), flush=True)
            break
"""


@pytest.mark.parametrize("words", [["vacuum"], ["gc", "run"]])
def test_nobody_gets_the_lock_before_the_end(agent, large, words):
    """Another process tries again and again, from when the job works: when it gets the lock, everything is in its place."""
    with open(large.path, "ab") as f:
        f.write(bytes(4096 * 5))
    probe = subprocess.Popen(
        [sys.executable, "-c", PROBE, str(large.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    assert probe.stdout.readline() == b"ready\n"
    job = grown.job_of(agent.ctl(*words, large.path, "--yes", "--detach").expect(OK).text)
    grown.wait_for(agent, job, "running")
    out, err = probe.communicate(b"\n", timeout=120)
    assert probe.returncode == 0, err.decode()
    tries, size, names = out.decode().split(" ", 2)
    shown = grown.wait_for(agent, job, "done")
    assert int(tries) > 10
    assert int(size) == large.path.stat().st_size, "it was not over when another process got the lock"
    assert names.strip() == str(sorted(os.listdir(large.directory)))
    assert shown["outcome"]["size_after"] == grown.size(large)
