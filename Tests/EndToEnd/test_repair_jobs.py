"""A repair as a job: its followers, cancelling it, agents that are killed under it, its waiting, and disks that do not take it."""
import os
import signal
import subprocess
import threading

import pytest

import envelope
import grown
import samples
import wire
from snapshot import unchanged
from statuses import BUSY, OK, PERMISSION
from test_holders import Holder
from test_jobs import JOBS_SHOW, STATES, jobs
from test_repair import apply, contents, given, kept, plan
from waiting import until

pytestmark = pytest.mark.linux


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


def test_a_cancelled_repair_leaves_the_database_as_it_was(agent, large):
    before = contents(agent.databases)
    told = agent.ctl("repair", large.path, "--apply", "--yes", "--detach").expect(OK).text
    job = grown.job_of(told)
    until(lambda: any(j["state"] == "running" for j in jobs(agent)), "a job works")
    agent.ctl("jobs", "cancel", str(job)).expect(OK)
    until(lambda: [j["state"] for j in jobs(agent)] == ["cancelled"], "the job is cancelled")
    assert contents(agent.databases) == before and kept(large) == []


def test_a_killed_repair_is_taken_back_at_the_next_start(world, template):
    sample = template.copy_to(world.databases)
    world.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    meta = sample.sidecar("meta")
    meta.write_bytes(meta.read_bytes()[:1000])
    before = contents(world.databases)
    told = world.ctl("repair", sample.path, "--apply", "--yes", "--detach").expect(OK).text
    grown.wait_for(world, grown.job_of(told), "running")
    os.kill(world.pid(), signal.SIGKILL)
    # Asking starts the next agent.
    assert [j["state"] for j in jobs(world)] == ["rolled-back"]
    assert contents(world.databases) == before and kept(sample) == [] and grown.left_over(sample) == []


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


def test_a_read_only_disk(agent, put, disk):
    sample = put("damaged/chain-order", disk / "db")
    remount(disk, "ro")
    with unchanged(disk):
        assert plan(agent, sample)["needed"] is True
        error = envelope.failure(
            agent.ctl("repair", sample.path, "--apply", "--yes", "-o", "json", *sample.kdf, **given(sample)),
            PERMISSION)
        assert "read-only" in error["message"], error
    remount(disk, "rw")
    apply(agent, sample)
    remount(disk, "ro")
    with unchanged(disk):
        error = envelope.failure(agent.ctl("repair", sample.path, "--undo", "--yes", "-o", "json"), PERMISSION)
        assert "read-only" in error["message"], error
    remount(disk, "rw")
    agent.ctl("repair", sample.path, "--undo", "--yes").expect(OK)
