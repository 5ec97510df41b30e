"""The end: quick, whatever is under way, and told to those whom it meets."""
import contextlib
import os
import signal
import subprocess

import pytest

import envelope
import processes
import samples
import wire
from statuses import NO_AGENT, OK
from waiting import until

STOPPING = 8


def target(path):
    return wire.field(1, wire.field(1, os.fsencode(str(path))) + wire.field(2, b"/"))


def begin_export(stack, world, sample):
    """A connection on which an export has begun that waits for its client to read."""
    connection = stack.enter_context(wire.Connection(world.socket))
    connection.greet()
    connection.send(wire.frame(target(sample.path) + wire.field(2, 1), operation=31))
    kind, *_ = connection.receive()
    assert kind == wire.PART
    return connection


def test_twenty_databases_open_and_work_under_way(world):
    # One whose key costs little to derive.
    copies = [samples.sample("damaged/leaked-pages").copy_to(world.databases / f"d{n}") for n in range(20)]
    large = samples.sample("large").copy_to(world.databases)
    pid = world.start()
    with wire.Connection(world.socket) as connection:
        connection.greet()
        for sample in [*copies, large]:
            connection.send(wire.frame(
                target(sample.path) + wire.field(2, sample.iterations), secret=sample.password.encode(), operation=20))
            assert connection.receive()[0] == wire.REPLY
    assert len(envelope.data(world.ctl("status", "-o", "json"))["unlocked"]) == 21
    secret = world.root / "pw"
    with open(secret, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(large.password)
    deriving = world.spawn(
        "info", large.path, "--kdf-iterations", "100000000", "--password-file", secret, cwd=world.root,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                begin_export(stack, world, large)
            idle = stack.enter_context(wire.Connection(world.socket))
            idle.greet()
            until(lambda: envelope.data(world.ctl("status", "-o", "json"))["connections"] >= 6, "all is under way")
            os.kill(pid, signal.SIGTERM)
            until(lambda: not processes.is_alive(pid), "the agent has ended", seconds=3)
        assert not world.socket.exists()
        # Its own agent is gone; it says so instead of waiting for ever.
        assert deriving.wait(timeout=30) == NO_AGENT
    finally:
        if deriving.poll() is None:
            deriving.kill()
            deriving.wait(timeout=10)
    world.ctl("ls").expect(OK)


def test_an_export_that_has_had_its_time_is_ended(world, put):
    """The client that reads on learns why, and gets no document that looks whole."""
    sample = put("large")
    pid = world.start()
    world.ctl("unlock", sample.path, password=sample.password).expect(OK)
    log = world.root / "state" / "blazedb-agent" / "agent.log"
    with contextlib.ExitStack() as stack:
        connection = begin_export(stack, world, sample)
        os.kill(pid, signal.SIGTERM)
        until(lambda: "have had their time" in log.read_text(), "the time for requests is over", seconds=3)
        kinds = []
        while not kinds or kinds[-1] == wire.PART:
            kind, _, _, body = connection.receive()
            kinds.append(kind)
        assert kinds[-1] == wire.FAULT and wire.fields(body)[1] == [STOPPING]
        assert connection.is_closed()
    until(lambda: not processes.is_alive(pid), "the agent has ended", seconds=3)


def test_a_short_export_is_finished_first(world, put):
    sample = put("large")
    pid = world.start()
    world.ctl("unlock", sample.path, password=sample.password).expect(OK)
    with contextlib.ExitStack() as stack:
        connection = begin_export(stack, world, sample)
        os.kill(pid, signal.SIGTERM)
        kind = wire.PART
        while kind == wire.PART:
            kind, *_ = connection.receive()
        assert kind == wire.REPLY
    until(lambda: not processes.is_alive(pid), "the agent has ended", seconds=3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_changes_nothing(world, number):
    pid = world.start()
    os.kill(pid, number)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    until(lambda: not processes.is_alive(pid), "the agent has ended", seconds=3)
    assert not world.socket.exists()
