"""An agent that stands still: no command waits for it, none starts a second, and each says what to do."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import pytest

import envelope
import processes
import wire
from crowds import allow_descriptors
from processes import frozen
from session import Result
from statuses import OK, TIMEOUT
from waiting import until

# What a client may take to give up, by the specification.
LIMIT = 2


def gave_up(result):
    """The error of a command that must have given up in time."""
    error = envelope.failure(result, TIMEOUT)
    # The command's own clock: starting a debug binary on a busy machine is not what is measured.
    assert json.loads(result.err)["duration_ms"] < LIMIT * 1000, result
    return error


def gives_up(world, *words, **options):
    return gave_up(world.ctl(*words, "-o", "json", limit=30, **options))


VERBS = [
    ["status"], ["ping"], ["ls"], ["scan"], ["info", "x"], ["check", "--quick", "x"], ["lock"],
    ["export", "x", "--format", "typed"], ["db", "forget", "x"], ["config", "show"], ["agent", "start"],
    ["agent", "stop"], ["agent", "restart"], ["agent", "status"], ["agent", "ping"], ["agent", "env"],
]


@pytest.mark.linux
def test_every_verb_gives_up_and_says_what_to_do(world):
    pid = world.start()
    with frozen(pid):
        commands = [world.spawn(
            *words, "-o", "json", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE) for words in VERBS]
        for words, command in zip(VERBS, commands):
            out, err = command.communicate(timeout=60)
            error = gave_up(Result(words, command.returncode, out, err))
            assert f"pid {pid}" in error["message"] and "stopped" in error["message"], (words, error)
            assert f"kill -CONT {pid}" in error["hint"] and f"kill -9 {pid}" in error["hint"], (words, error)
        assert processes.agents_in(world.root) == [pid], "a second agent was started"
    for words in (["ls"], ["status"]):
        world.ctl(*words).expect(OK)


def test_a_password_is_not_waited_for_either(world, put):
    sample = put("tiny")
    with frozen(world.start()):
        gives_up(world, "unlock", sample.path, password=sample.password)


def test_the_whole_command_is_quick(world):
    pid = world.start()
    with frozen(pid):
        taken = []
        for _ in range(3):
            start = time.monotonic()
            world.ctl("status", limit=30).expect(TIMEOUT)
            taken.append(time.monotonic() - start)
        assert min(taken) < LIMIT, taken


def test_the_remedy_works(world):
    pid = world.start()
    with frozen(pid):
        error = gives_up(world, "agent", "stop")
        assert f"kill -9 {pid}" in error["hint"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not processes.is_alive(pid), "the agent is dead")
        world.ctl("ls").expect(OK)
        assert world.pid() != pid


def test_a_connection_from_before_goes_on_afterwards(world):
    pid = world.start()
    with wire.Connection(world.socket) as before:
        before.greet()
        with frozen(pid):
            before.send(wire.frame(operation=wire.PING, request=5))
            gives_up(world, "ping")
        assert before.receive()[2] == 5


@pytest.mark.linux
def test_slow_is_not_dead(world):
    """A stall of two seconds makes clients give up or wait, and never starts a second agent."""
    pid = world.start()
    with frozen(pid):
        clients = [world.spawn(
            "ls", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for _ in range(4)]
        for client in clients:
            _, err = client.communicate(timeout=60)
            assert client.returncode == TIMEOUT, err
        until(lambda: processes.agents_in(world.root) == [pid], "nobody has started another")
    assert world.pid() == pid
    assert processes.agents_in(world.root) == [pid]


def test_clients_that_came_during_a_short_stall_are_served(world):
    pid = world.start()
    with frozen(pid):
        waiting = wire.Connection(world.socket)
        waiting.send(wire.hello())
    with waiting:
        assert waiting.receive()[:2] == (wire.REPLY, wire.HELLO)


@pytest.mark.linux
def test_so_many_wait_already_that_nobody_gets_in(world):
    """Without a connection there is no peer to ask; the lock file names the process."""
    pid = world.start()
    allow_descriptors(3000)
    with contextlib.ExitStack() as stack, frozen(pid):
        for _ in range(2500):
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            try:
                waiting.connect(str(world.socket))
            except BlockingIOError:
                break
        else:
            raise AssertionError("the agent's backlog has no end")
        error = gives_up(world, "status")
        assert f"pid {pid}" in error["message"], error
    until(lambda: world.ctl("ping").status == OK, "the crowd has gone")


@pytest.mark.linux
def test_frozen_and_its_socket_removed(world):
    """The lock is the truth: no second agent, and no long wait for one that cannot move."""
    pid = world.start()
    with frozen(pid):
        world.socket.unlink()
        for words in (["ls"], ["status"], ["lock"], ["agent", "stop"], ["agent", "restart"], ["agent", "start"]):
            error = gives_up(world, *words)
            assert f"kill -CONT {pid}" in error["hint"], (words, error)
        until(lambda: processes.agents_in(world.root) == [pid], "there is one agent")
    until(lambda: world.pid() == pid, "it is found again", seconds=3)


def test_something_else_that_listens_and_says_nothing(world):
    """No signal is recommended for a process that may be anything."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(world.socket))
        listener.listen(8)
        error = gives_up(world, "status")
        assert f"process {os.getpid()}" in error["message"], error
        assert "kill -9" not in error["hint"], error
