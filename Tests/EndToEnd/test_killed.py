"""kill -9 again and again, and many clients at once: the next command simply works, and there is one agent."""
import os
import signal
import subprocess

import pytest

import processes
from statuses import OK
from waiting import until

pytestmark = pytest.mark.linux


def kill_rounds(world, count):
    """Kills the agent at once after an answer, by itself and under clients that are calling."""
    for n in range(count):
        pid = world.start()
        busy = [world.spawn(
            "ls", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(n % 3)]
        os.kill(pid, signal.SIGKILL)
        # Not even the end of the killed process is waited for.
        world.ctl("ls").expect(OK)
        for client in busy:
            client.wait(timeout=60)
        assert world.pid() not in (None, pid)
        until(lambda: len(processes.agents_in(world.root)) == 1, "there is one agent")
        os.kill(world.pid(), signal.SIGKILL)
    world.ctl("ls").expect(OK)


def test_ten_rounds(world):
    kill_rounds(world, 10)


@pytest.mark.slow
def test_a_hundred_rounds(world):
    kill_rounds(world, 100)


def test_sixteen_clients_at_once_start_one_agent(world):
    clients = [world.spawn(
        "ls", "-o", "json", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(16)]
    for client in clients:
        out, err = client.communicate(timeout=120)
        assert client.returncode == OK, (out, err)
    pid = world.pid()
    until(lambda: processes.agents_in(world.root) == [pid], "the agents that lost the race have ended")


def test_sixteen_clients_after_a_kill(world):
    """A socket file is left behind, and everybody finds it at the same time."""
    pid = world.start()
    os.kill(pid, signal.SIGKILL)
    clients = [world.spawn(
        "ls", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(16)]
    for client in clients:
        out, err = client.communicate(timeout=120)
        assert client.returncode == OK, (out, err)
    new = world.pid()
    assert new != pid
    until(lambda: processes.agents_in(world.root) == [new], "there is one agent")
