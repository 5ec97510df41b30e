"""`agent restart`: also where none runs, and where one runs that blazectl cannot talk to."""
import signal
import subprocess
import sys

import pytest

import envelope
import processes
import wire
from statuses import LOCKED, OK, PROTOCOL

REFUSAL = wire.frame(
    wire.field(1, wire.UNSUPPORTED_PROTOCOL) + wire.field(2, b"the agent speaks protocol version 99"), kind=wire.FAULT,
    operation=wire.HELLO, request=0)
ANSWER_99 = wire.frame(wire.field(1, 99), kind=wire.REPLY, operation=wire.HELLO, request=0)

# An agent of another version, as far as a client can tell: lock, note, socket, and an answer to every hello.
OTHER_VERSION = """
import fcntl, os, socket, sys
note = sys.argv[4] or f"{os.getpid()}\\n"
lock = open(sys.argv[1], "w"); fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
lock.write(note); lock.flush()
listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[2]); listener.listen(16)
print("ready", flush=True)
while True:
    peer, _ = listener.accept()
    with peer:
        peer.settimeout(10)
        try:
            peer.recv(4096); peer.sendall(bytes.fromhex(sys.argv[3])); peer.shutdown(socket.SHUT_WR)
            while peer.recv(4096): pass
        except OSError: pass
"""


@pytest.fixture
def other_version(world):
    """Starts one that gives this answer to every hello, with its own process id, or these words, in its lock file."""
    started = []

    def start(answer, note=None):
        process = subprocess.Popen(
            [sys.executable, "-c", OTHER_VERSION, world.root / "run" / "agent.lock", world.socket, answer.hex(), note or ""],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def test_a_new_agent_takes_over(world, put):
    samples = [put("tiny", world.databases / name) for name in ("a", "b")]
    old = world.start()
    for sample in samples:
        world.ctl("unlock", sample.path, password=sample.password).expect(OK)
    data = envelope.data(world.ctl("agent", "restart", "-o", "json"))
    assert data["previous_pid"] == old and data["pid"] == world.pid() != old
    assert sorted(d["path"] for d in data["locked"]) == sorted(str(s.path) for s in samples)
    assert data["socket"] == str(world.socket)
    assert not processes.is_alive(old)
    world.ctl("export", samples[0].path, "--format", "typed").expect(LOCKED)


def test_the_words(world, put):
    sample = put("tiny")
    text = world.ctl("agent", "restart").expect(OK).text
    first = world.pid()
    assert str(first) in text and "no agent was running" in text
    world.ctl("unlock", sample.path, password=sample.password).expect(OK)
    text = world.ctl("agent", "restart").expect(OK).text
    assert str(first) in text and str(world.pid()) in text and "1 database was unlocked" in text, text
    assert sample.stem in text


def test_where_none_runs_one_is_started(world):
    data = envelope.data(world.ctl("agent", "restart", "-o", "json"))
    assert data["previous_pid"] is None and data["locked"] == [] and data["pid"] == world.pid()


def test_whom_it_serves_stays(world):
    def serves_root():
        return envelope.data(world.ctl("status", "-o", "json"))["agent"]["allow_root"]

    world.start()
    assert not serves_root()
    world.ctl("agent", "restart").expect(OK)
    assert not serves_root()
    world.ctl("agent", "restart", "--allow-root").expect(OK)
    assert serves_root()
    world.ctl("agent", "restart").expect(OK)
    assert serves_root()


@pytest.mark.parametrize("answer", [REFUSAL, ANSWER_99], ids=["refuses", "answers in version 99"])
def test_another_version_is_told_with_one_command_to_run(world, other_version, answer):
    process = other_version(answer)
    for words in (["status"], ["ls"], ["ping"], ["lock"], ["agent", "start"]):
        error = envelope.failure(world.ctl(*words, "-o", "json", limit=30), PROTOCOL)
        assert "99" in error["message"], error
        assert error["hint"].endswith(": blazectl agent restart"), error
    assert process.poll() is None


@pytest.mark.parametrize("answer", [REFUSAL, ANSWER_99], ids=["refuses", "answers in version 99"])
def test_the_one_command_works(world, other_version, answer):
    process = other_version(answer)
    data = envelope.data(world.ctl("agent", "restart", "-o", "json", limit=30))
    assert process.wait(timeout=10) == -signal.SIGTERM
    assert data["previous_pid"] == process.pid and data["locked"] is None
    assert data["pid"] == world.pid()


def test_stop_ends_another_version_too(world, other_version):
    process = other_version(REFUSAL)
    assert envelope.data(world.ctl("agent", "stop", "-o", "json", limit=30))["pid"] == process.pid
    assert process.wait(timeout=10) == -signal.SIGTERM
    assert world.pid() is None


@pytest.mark.parametrize("note", ["1\n", "999999\n", "words\n", "-5\n"])
def test_no_process_is_ended_that_may_not_be_the_agent(world, other_version, note):
    """The lock file names another process than the one that listens: a supervisor's socket looks like that."""
    process = other_version(REFUSAL, note=note)
    envelope.failure(world.ctl("agent", "restart", "-o", "json", limit=30), PROTOCOL)
    envelope.failure(world.ctl("agent", "stop", "-o", "json", limit=30), PROTOCOL)
    assert process.poll() is None
