"""The agent's place: whoever removes its socket or its lock, it is found again, and never beside another agent."""
import os
import shutil
import signal
import socket
import stat
import subprocess

import pytest

import envelope
import processes
import wire
from statuses import OK, TIMEOUT
from waiting import until

# A client that finds no socket must find one within this time.
BACK = 3


def log_of(world):
    path = world.root / "state" / "blazedb-agent" / "agent.log"
    return path.read_text() if path.exists() else ""


def lock_of(world):
    return world.socket.parent / "agent.lock"


def second_agent(world, **options):
    """An agent started by hand, past every client's question whether one is needed."""
    return subprocess.Popen(
        world.words("blazedb-agent") + ["--foreground"], env=world.environment(), cwd=world.root,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)


def test_a_removed_socket_is_bound_again(world):
    pid = world.start()
    with wire.Connection(world.socket) as live:
        live.greet()
        world.socket.unlink()
        until(world.socket.exists, "the socket is back", seconds=BACK)
        assert stat.S_IMODE(world.socket.lstat().st_mode) == 0o600
        assert live.ping() == pid, "a live connection goes on"
    assert world.pid() == pid


def test_again_and_again(world):
    pid = world.start()
    for _ in range(3):
        world.socket.unlink()
        until(world.socket.exists, "the socket is back", seconds=BACK)
        assert world.pid() == pid


@pytest.mark.linux
@pytest.mark.parametrize("words", [["ls"], ["ping"], ["status"], ["lock"], ["agent", "start"]])
def test_a_command_right_after_the_removal_works(world, words):
    pid = world.start()
    world.socket.unlink()
    world.ctl(*words).expect(OK)
    assert world.pid() == pid
    until(lambda: processes.agents_in(world.root) == [pid], "there is one agent")


def test_socket_and_lock_removed_together(world):
    pid = world.start()
    for path in world.socket.parent.iterdir():
        path.unlink()
    until(lambda: world.socket.exists() and lock_of(world).exists(), "socket and lock are back", seconds=BACK)
    assert world.pid() == pid
    other = second_agent(world)
    _, words = other.communicate(timeout=30)
    assert other.returncode == 3 and b"another agent" in words


def test_a_socket_file_nobody_listens_on_is_replaced(world):
    pid = world.start()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(world.root / "run" / "dead"))
    os.rename(world.root / "run" / "dead", world.socket)
    until(lambda: world.pid() == pid, "the agent is found again", seconds=BACK)


def test_a_socket_somebody_listens_on_is_left_alone(world):
    pid = world.start()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(world.root / "run" / "other"))
        other.listen(64)
        os.rename(world.root / "run" / "other", world.socket)
        identity = world.socket.lstat().st_ino
        until(lambda: "not to be found" in log_of(world), "the agent says so")
        assert world.socket.lstat().st_ino == identity
    # With its owner gone it is a leftover like any other.
    until(lambda: world.pid() == pid, "the agent is found again", seconds=BACK)


def test_a_file_in_its_place_is_left_alone(world):
    pid = world.start()
    world.socket.unlink()
    world.socket.write_text("precious\n")
    until(lambda: "not to be found" in log_of(world), "the agent says so")
    assert world.socket.read_text() == "precious\n"
    world.socket.unlink()
    until(lambda: world.pid() == pid, "the agent is found again", seconds=BACK)


def test_keys_of_an_agent_that_is_not_found_are_not_called_locked(world, put):
    """`lock` without an agent has nothing to do; with one that nobody finds it must not say so."""
    sample = put("tiny")
    pid = world.start()
    world.ctl("unlock", sample.path, password=sample.password).expect(OK)
    world.socket.unlink()
    world.socket.write_text("in the way\n")
    error = envelope.failure(world.ctl("lock", "-o", "json", limit=30), TIMEOUT)
    assert f"pid {pid}" in error["message"] and f"kill -9 {pid}" in error["hint"], error
    envelope.failure(world.ctl("agent", "stop", "-o", "json", limit=30), TIMEOUT)
    world.socket.unlink()
    until(lambda: world.ctl("lock").status == OK, "the agent is found again", seconds=BACK)
    assert world.pid() == pid


def test_a_stop_right_after_the_removal_works(world):
    pid = world.start()
    world.socket.unlink()
    world.ctl("agent", "stop").expect(OK)
    until(lambda: not processes.is_alive(pid), "the agent has ended")


def test_its_own_directory_is_made_again(world):
    environment = world.environment(BLAZEDB_AGENT_SOCK=None)
    world.ctl("agent", "start", environment=environment).expect(OK)
    directory = world.root / "run" / "blazedb-agent"
    try:
        pid = envelope.data(world.ctl("ping", "-o", "json", environment=environment))["pid"]
        world.seen.add(pid)
        shutil.rmtree(directory)
        until((directory / "agent.sock").exists, "the socket is back", seconds=BACK)
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert (directory / "agent.lock").exists()
        assert envelope.data(world.ctl("ping", "-o", "json", environment=environment))["pid"] == pid
    finally:
        world.ctl("agent", "stop", environment=environment).expect(OK)


def test_a_directory_that_others_chose_is_awaited(world):
    pid = world.start()
    shutil.rmtree(world.root / "run")
    until(lambda: "not to be found" in log_of(world), "the agent says so")
    assert not (world.root / "run").exists(), "it is not the agent's to make"
    (world.root / "run").mkdir(mode=0o700)
    until(lambda: world.pid() == pid, "the agent is found again", seconds=BACK)


def test_a_directory_that_others_may_write_is_not_used(world):
    pid = world.start()
    shutil.rmtree(world.root / "run")
    (world.root / "run").mkdir()
    (world.root / "run").chmod(0o777)
    until(lambda: "let other users in" in log_of(world), "the agent says so")
    assert not world.socket.exists()
    (world.root / "run").chmod(0o700)
    until(lambda: world.pid() == pid, "the agent is found again", seconds=BACK)


@pytest.mark.parametrize("what", ["link", "foreign", "writable"])
def test_a_runtime_directory_that_is_not_ones_own_is_refused(world, what):
    """A directory that somebody else could put a socket into, or that leads elsewhere, gets no agent and no secret."""
    real, place = world.root / "real", world.root / "place"
    real.mkdir(mode=0o700)
    if what == "link":
        place.symlink_to(real)
    else:
        place.mkdir(mode=0o700)
        if what == "foreign":
            os.chown(place, processes.NOBODY, processes.NOBODY)
        else:
            place.chmod(0o777)
    environment = world.environment(BLAZEDB_AGENT_SOCK=place / "agent.sock")
    agent = subprocess.run(
        world.words("blazedb-agent") + ["--foreground"], env=environment, cwd=world.root, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=60)
    assert agent.returncode != OK and str(place).encode() in agent.stderr, agent
    started = world.ctl("agent", "start", environment=environment)
    assert started.status != OK and started.err
    assert list(real.iterdir()) == []
    assert what == "link" or list(place.iterdir()) == []


def test_a_removed_lock_is_taken_again(world):
    pid = world.start()
    lock_of(world).unlink()
    until(lambda: lock_of(world).exists() and lock_of(world).read_text() == f"{pid}\n", "the lock is back", seconds=BACK)
    other = second_agent(world)
    other.communicate(timeout=30)
    assert other.returncode == 3
    assert world.pid() == pid


def test_the_older_agent_gives_way(world):
    """Lock and socket were removed, and another agent took both before the first could: the first ends itself."""
    first = world.start()
    with processes.frozen(first):
        lock_of(world).unlink()
        world.socket.unlink()
        second = second_agent(world)
        try:
            until(lambda: world.socket.exists() and world.pid(), "the second agent serves", seconds=30)
            identity = world.socket.lstat().st_ino
            os.kill(first, signal.SIGCONT)
            until(lambda: not processes.is_alive(first), "the first has ended", seconds=5)
            assert world.socket.lstat().st_ino == identity, "the socket of the second is untouched"
            assert world.pid() == second.pid
            world.ctl("agent", "stop").expect(OK)
            _, words = second.communicate(timeout=30)
            assert second.returncode == OK, words
        finally:
            if second.poll() is None:
                second.kill()
                second.communicate(timeout=10)
    assert "another agent has taken" in log_of(world)


def test_a_lock_removed_under_a_frozen_agent(world):
    """A second agent finds somebody listening, and does not take that socket away."""
    first = world.start()
    with processes.frozen(first):
        lock_of(world).unlink()
        identity = world.socket.lstat().st_ino
        second = second_agent(world)
        _, words = second.communicate(timeout=30)
        assert second.returncode == 1 and b"something else has the socket's path" in words
        assert world.socket.lstat().st_ino == identity
    until(lambda: world.pid() == first, "the first goes on", seconds=BACK)
