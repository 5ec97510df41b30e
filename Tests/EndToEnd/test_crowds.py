"""A thousand connections at once, and clients that hold connections and do nothing with them."""
import contextlib
import os
import resource
import subprocess
import time

import pytest

import envelope
import processes
import wire
from crowds import allow_descriptors
from statuses import OK
from waiting import until

CAP = 256

pytestmark = pytest.mark.linux


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def answer(connection):
    """What the agent said first: True for a hello, False for the fault of a full house."""
    kind, _, _, body = connection.receive()
    if kind == wire.REPLY:
        return True
    assert kind == wire.FAULT and wire.fields(body)[1] == [wire.TOO_MANY_CONNECTIONS], (kind, body)
    return False


def test_a_thousand_at_once(agent):
    allow_descriptors(2048)
    pid = agent.pid()
    before = descriptors(pid), threads(pid)
    with wire.Connection(agent.socket) as live:
        live.greet()
        with contextlib.ExitStack() as stack:
            crowd = []
            for n in range(1000):
                connection = stack.enter_context(wire.Connection(agent.socket))
                connection.send(wire.hello())
                crowd.append(connection)
                if n % 20 == 0:
                    live.ping()
            served = sum(answer(connection) for connection in crowd)
            live.ping()
            # Those that were unused for long give way to those that come, so more than the cap may have been served.
            assert served >= CAP - 1
            assert descriptors(pid) <= before[0] + CAP + 8 and threads(pid) <= before[1] + CAP + 8
            # All are still there, and a command gets in all the same.
            agent.ctl("ls").expect(OK)
        until(lambda: descriptors(pid) <= before[0] + 1 and threads(pid) <= before[1] + 1, "all is given back")
    data = envelope.data(agent.ctl("status", "-o", "json"))
    assert data["connections"] <= 2 and data["connection_limit"] == CAP


def test_a_thousand_that_waited(agent):
    """All come while the agent stands still, and each has its answer when it goes on."""
    allow_descriptors(2048)
    pid = agent.pid()
    with contextlib.ExitStack() as stack:
        with processes.frozen(pid):
            crowd = [stack.enter_context(wire.Connection(agent.socket)) for _ in range(1000)]
            for connection in crowd:
                connection.send(wire.hello())
        start = time.monotonic()
        served = sum(answer(connection) for connection in crowd)
        assert served >= CAP and time.monotonic() - start < 10
        agent.ctl("ls").expect(OK)
    assert agent.pid() == pid


HOLDS = {
    "says nothing": (None, b""),
    "half a header of the hello": (None, wire.hello()[:9]),
    "half a hello": (None, wire.hello()[:20]),
    "greets and waits": (wire.hello(), b""),
    "half a header": (wire.hello(), wire.header(100)[:9]),
    "a body cut short": (wire.hello(), wire.header(100) + b"half"),
    "a secret cut short": (wire.hello(), wire.header(40, operation=20, secret=20) + b"x" * 30),
}


@pytest.mark.parametrize("what", sorted(HOLDS))
def test_a_house_full_of_clients_that_do_nothing(agent, what):
    """Nobody else is locked out for more than moments, and a client with work keeps its connection."""
    first, rest = HOLDS[what]
    with contextlib.ExitStack() as stack:
        live = stack.enter_context(wire.Connection(agent.socket))
        live.greet()
        held = []
        for n in range(CAP - 1):
            connection = stack.enter_context(wire.Connection(agent.socket))
            connection.send((first or b"") + rest)
            held.append(connection)
            if n % 20 == 0:
                live.ping()
        live.ping()
        result = agent.ctl("ls", "-o", "json").expect(OK)
        assert envelope.success(result)["duration_ms"] < 4000
        for connection in held if first else []:
            assert answer(connection), "they had been served"
        agent.ctl("status").expect(OK)


def test_whoever_loses_a_connection_is_told(agent):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(wire.Connection(agent.socket)) for _ in range(CAP)]
        for connection in held:
            connection.greet()
        agent.ctl("ls").expect(OK)
        code, message = held[0].fault()
        assert code == wire.TOO_MANY_CONNECTIONS and "unused" in message
        assert held[0].is_closed()


def test_a_frame_that_dribbles_is_cut_at_its_deadline(agent):
    """One byte now and then does not buy time: the frame as a whole has its seconds."""
    with wire.Connection(agent.socket) as connection, wire.Connection(agent.socket) as live:
        connection.greet()
        live.greet()
        connection.send(wire.header(1 << 20))

        def is_cut():
            live.ping()
            try:
                connection.socket.sendall(b"x")
                return False
            except (BrokenPipeError, ConnectionResetError):
                return True

        until(is_cut, "the connection is cut", seconds=8)
        live.ping()


def start_with_limit(world, soft, hard):
    process = world.spawn(
        "agent", "start", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
    out, err = process.communicate(timeout=60)
    assert process.returncode == OK, (out, err)
    return world.pid()


def test_a_low_soft_limit_is_raised(world):
    pid = start_with_limit(world, 256, 2048)
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        files = next(line for line in f if line.startswith("Max open files"))
    assert files.split()[3:5] == ["2048", "2048"], files
    assert envelope.data(world.ctl("status", "-o", "json"))["connection_limit"] == CAP


def test_a_low_hard_limit_means_fewer_connections(world):
    start_with_limit(world, 160, 160)
    status = envelope.success(world.ctl("status", "-o", "json"))
    limit = status["data"]["connection_limit"]
    assert 1 <= limit < 50
    assert any("open files" in warning for warning in status["warnings"])
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(wire.Connection(world.socket)).send(wire.hello())
        world.ctl("ls").expect(OK)
