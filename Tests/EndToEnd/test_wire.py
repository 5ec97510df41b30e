"""The protocol from outside: the handshake, broken frames, silent and sudden clients, and the cap on connections."""
import contextlib
import os
import socket
import threading

import pytest

import processes
import wire
from statuses import FAILURE, NO_AGENT, OK, PROTOCOL, TIMEOUT
from waiting import until


@contextlib.contextmanager
def greeted(agent):
    with wire.Connection(agent.socket) as connection:
        connection.greet()
        yield connection


def still_serves(agent):
    with greeted(agent) as connection:
        return connection.ping()


def test_a_conversation(agent):
    with wire.Connection(agent.socket) as connection:
        reply = connection.greet()
        assert reply[1] == [1]
        pid = reply[6][0]
        for request in (1, 2, 0xFFFFFFFF):
            assert connection.ping(request) == pid


def test_requests_sent_at_once_are_answered_in_turn(agent):
    with greeted(agent) as connection:
        connection.send(b"".join(wire.frame(operation=wire.PING, request=n) for n in range(50)))
        assert [connection.receive()[2] for _ in range(50)] == list(range(50))


def test_a_frame_that_arrives_byte_by_byte(agent):
    with wire.Connection(agent.socket) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for byte in wire.hello():
            connection.send(bytes([byte]))
        assert connection.receive()[:2] == (wire.REPLY, wire.HELLO)


@pytest.mark.parametrize("offered", [(1,), (1, 2), (2, 1), (99, 1, 7)])
def test_the_highest_common_version_is_chosen(agent, offered):
    with wire.Connection(agent.socket) as connection:
        connection.send(wire.hello(versions=offered))
        kind, _, _, body = connection.receive()
        assert kind == wire.REPLY and wire.fields(body)[1] == [1]


def test_a_hello_may_say_more_than_the_agent_knows(agent):
    with wire.Connection(agent.socket) as connection:
        connection.send(wire.frame(wire.field(1, b"\1") + wire.field(15, 1), operation=wire.HELLO))
        assert connection.receive()[:2] == (wire.REPLY, wire.HELLO)


# -- What ends a connection, with which fault. Each entry: what is sent behind the handshake or instead of it.

BEFORE_HELLO = {
    "unknown versions": (wire.hello(versions=(2, 99)), {wire.UNSUPPORTED_PROTOCOL}),
    "one unknown version": (wire.hello(versions=(99,)), {wire.UNSUPPORTED_PROTOCOL}),
    "no version": (wire.hello(versions=()), {wire.UNSUPPORTED_PROTOCOL, wire.INVALID_REQUEST}),
    "another request first": (wire.frame(operation=wire.PING), {wire.MALFORMED, wire.INVALID_REQUEST}),
    "a long hello": (
        wire.frame(wire.field(2, b"x" * 8192), operation=wire.HELLO), {wire.TOO_LARGE}),
    "4 GiB": (wire.header(0xFFFFFFFF, operation=wire.HELLO), {wire.TOO_LARGE}),
    "a secret in the hello": (
        wire.frame(wire.field(1, b"\1"), secret=b"x", operation=wire.HELLO),
        {wire.INVALID_REQUEST, wire.MALFORMED, wire.TOO_LARGE}),
    "garbage": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", {wire.MALFORMED, wire.TOO_LARGE}),
    "all ones": (b"\xff" * 64, {wire.MALFORMED, wire.TOO_LARGE}),
    "all zeros": (b"\0" * 64, {wire.MALFORMED, wire.TOO_LARGE}),
    "a body that is no message": (
        wire.frame(b"\xff\xff\xff\xff", operation=wire.HELLO), {wire.MALFORMED, wire.INVALID_REQUEST}),
}

AFTER_HELLO = {
    "4 GiB": (wire.header(0xFFFFFFFF), wire.TOO_LARGE),
    "4 GiB of secret": (wire.header(0xFFFFFFFF, secret=0xFFFFFFFF), wire.TOO_LARGE),
    "2 GiB": (wire.header(0x80000000), wire.TOO_LARGE),
    "one byte over": (wire.header((1 << 20) + 1), wire.TOO_LARGE),
    "a secret that is too long": (wire.header(4097, operation=20, secret=4097), wire.TOO_LARGE),
    "a secret longer than the frame": (wire.header(1, secret=2), wire.MALFORMED),
    "unknown flags": (wire.frame(flags=1), wire.MALFORMED),
    "an unknown kind": (wire.frame(kind=9), wire.MALFORMED),
    "a reply from a client": (wire.frame(kind=wire.REPLY), wire.MALFORMED),
    "a fault from a client": (wire.frame(kind=wire.FAULT), wire.MALFORMED),
}


@pytest.mark.parametrize("what", sorted(BEFORE_HELLO))
def test_what_ends_a_connection_at_its_beginning(agent, what):
    data, codes = BEFORE_HELLO[what]
    with wire.Connection(agent.socket) as connection:
        connection.send(data)
        code, message = connection.fault()
        assert code in codes, (code, message)
        assert connection.is_closed()
    assert still_serves(agent)


@pytest.mark.parametrize("what", sorted(AFTER_HELLO))
def test_what_ends_a_connection_later(agent, what):
    data, wanted = AFTER_HELLO[what]
    with greeted(agent) as connection:
        connection.send(data)
        code, message = connection.fault()
        assert code == wanted, message
        assert connection.is_closed()
    assert still_serves(agent)


# -- What is refused and leaves the connection usable

REFUSED = {
    "an unknown operation": (wire.frame(operation=9999), wire.UNKNOWN_OPERATION),
    "an unknown field": (wire.frame(wire.field(15, 1)), wire.INVALID_REQUEST),
    "an unknown field deep inside": (
        wire.frame(wire.field(1, wire.field(1, b"x") + wire.field(2, b"/") + wire.field(14, 1)), operation=12),
        wire.INVALID_REQUEST),
    "an unknown enum number": (
        wire.frame(
            wire.field(1, wire.field(1, b"x") + wire.field(2, b"/")) + wire.field(2, 77), operation=30),
        wire.INVALID_REQUEST),
    "a secret where none belongs": (wire.frame(secret=b"secret"), wire.INVALID_REQUEST),
    "no secret where one is needed": (wire.frame(operation=74), wire.INVALID_REQUEST),
    "a body that is no message": (wire.frame(b"\x07\xff"), wire.INVALID_REQUEST),
    "no target": (wire.frame(operation=12), wire.INVALID_REQUEST),
    "a relative working directory": (
        wire.frame(wire.field(1, wire.field(1, b"./x.blazedb") + wire.field(2, b"here")), operation=12),
        wire.INVALID_REQUEST),
    "a path with a zero byte": (
        wire.frame(wire.field(1, wire.field(1, b"/x\0y.blazedb") + wire.field(2, b"/")), operation=12),
        wire.INVALID_REQUEST),
    "a scan of a relative root": (wire.frame(wire.field(1, b"here"), operation=10), wire.INVALID_REQUEST),
    "a second hello": (wire.hello(), wire.INVALID_REQUEST),
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_what_is_refused_and_leaves_the_connection_usable(agent, what):
    data, wanted = REFUSED[what]
    with greeted(agent) as connection:
        connection.send(data)
        code, message = connection.fault()
        assert code == wanted, (code, message)
        connection.ping()


@pytest.mark.linux
def test_a_claim_of_4_gib_takes_no_memory(agent):
    pid = still_serves(agent)
    before = processes.resident_peak(pid)
    for _ in range(20):
        with greeted(agent) as connection:
            connection.send(wire.header(0xFFFFFFFF) + b"x" * 1000)
            assert connection.fault()[0] == wire.TOO_LARGE
    assert processes.resident_peak(pid) - before < 64 << 20


def test_clients_that_stop_inside_a_frame_lose_their_connections(agent):
    """In the header, in the hello, in the body, in the secret: each has the same few seconds."""
    stuck = []
    with contextlib.ExitStack() as stack:
        for data, hello in ((b"", False), (b"\0\0", False), (wire.hello()[:20], False), (wire.header(100)[:9], True),
                            (wire.header(100) + b"half", True), (wire.header(40, operation=20, secret=20) + b"x" * 30, True)):
            connection = stack.enter_context(wire.Connection(agent.socket))
            if hello:
                connection.greet()
            connection.send(data)
            stuck.append(connection)
        assert still_serves(agent), "a stuck client holds others up"
        for connection in stuck:
            assert connection.is_closed(), "a stuck client keeps its connection"
    assert still_serves(agent)


def test_clients_that_leave_at_any_byte(agent):
    whole = wire.hello() + wire.frame(operation=wire.STATUS)
    for length in range(len(whole)):
        with wire.Connection(agent.socket) as connection:
            connection.send(whole[:length])
    assert still_serves(agent)


def test_clients_that_do_not_read(agent, put):
    """An export nobody takes must not stop others, nor the end of the agent (the fixture stops it)."""
    sample = put("large")
    agent.ctl("unlock", sample.path, password=sample.password).expect(OK)
    target = wire.field(1, wire.field(1, os.fsencode(str(sample.path))) + wire.field(2, b"/"))
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            connection = stack.enter_context(wire.Connection(agent.socket))
            connection.greet()
            connection.send(wire.frame(target + wire.field(2, 1), operation=31))
        agent.ctl("ls").expect(OK)
        agent.ctl("export", sample.path, "--format", "typed").expect(OK)


def test_random_bytes(agent, rng, rounds):
    for _ in range(rounds(200)):
        with wire.Connection(agent.socket) as connection:
            if rng.random() < 0.5:
                connection.greet()
            kind = rng.random()
            if kind < 0.4:
                data = rng.randbytes(rng.randrange(1, 400))
            elif kind < 0.8:
                data = bytearray(wire.frame(rng.randbytes(rng.randrange(40)), operation=rng.choice(
                    [0, 1, 2, 10, 11, 12, 20, 21, 30, 31, 40, 41, 42, 43, 50, 51, 52, 53])))
                for _ in range(rng.randrange(3)):
                    data[rng.randrange(len(data))] = rng.randrange(256)
                # Not the one operation that would end the agent, by the rules.
                if data[6:8] == b"\0\x03":
                    data[7] = 1
            else:
                data = wire.header(
                    rng.randrange(1 << 32), kind=rng.randrange(6), operation=rng.randrange(4, 1 << 16),
                    secret=rng.randrange(1 << 32))
            connection.send(bytes(data))
    assert still_serves(agent)


# -- Many connections

@pytest.mark.linux
def test_the_cap_on_connections(agent):
    """256 in use are served, the next is told so, and a place that becomes free is given away again."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(256):
            connection = stack.enter_context(wire.Connection(agent.socket))
            connection.greet()
            connections.append(connection)
        # Those that have just been used do not give way.
        for connection in connections:
            connection.ping()
        with wire.Connection(agent.socket) as over:
            over.send(wire.hello())
            assert over.fault()[0] == wire.TOO_MANY_CONNECTIONS
            assert over.is_closed()
        for connection in connections:
            connection.ping()
        connections[0].close()
        until(lambda: answers(agent), "a free place is given away")


def answers(agent):
    with wire.Connection(agent.socket) as connection:
        connection.send(wire.hello())
        try:
            return connection.receive()[0] == wire.REPLY
        except wire.Closed:
            return False


@pytest.mark.linux
def test_connections_leave_nothing_behind(agent):
    pid = still_serves(agent)

    def descriptors():
        return len(os.listdir(f"/proc/{pid}/fd"))

    def threads():
        return len(os.listdir(f"/proc/{pid}/task"))

    before = descriptors(), threads()
    for _ in range(300):
        with greeted(agent) as connection:
            connection.ping()
    until(lambda: descriptors() <= before[0] and threads() <= before[1], "descriptors and threads are given back")


# -- blazectl against something that is no agent

@contextlib.contextmanager
def impostor(world, answer):
    """Listens in the agent's place; `answer(socket)` is run for every connection."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(world.socket))
    listener.listen(8)
    over = threading.Event()

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                if over.is_set():
                    return
                peer.settimeout(20)
                try:
                    answer(peer)
                except OSError:
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as last:
            last.settimeout(5)
            last.connect(str(world.socket))
        thread.join(60)
        listener.close()
        os.unlink(world.socket)
        assert not thread.is_alive()


def reply(body, operation=wire.HELLO, kind=wire.REPLY, request=None):
    def answer(peer):
        head = peer.recv(16)
        number = wire.HEADER.unpack(head)[4] if request is None else request
        peer.sendall(wire.frame(body, kind=kind, operation=operation, request=number))
        peer.recv(1 << 16)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(1 << 16):
            pass
    return answer


def send(data):
    def answer(peer):
        peer.recv(16)
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(1 << 16):
            pass
    return answer


def silence(peer):
    while peer.recv(1 << 16):
        pass


IMPOSTORS = {
    "closes at once": (lambda peer: None, {NO_AGENT, PROTOCOL, FAILURE}),
    "speaks another version": (reply(wire.field(1, 99)), {PROTOCOL}),
    "knows no common version": (
        reply(wire.field(1, wire.UNSUPPORTED_PROTOCOL) + wire.field(2, b"no"), kind=wire.FAULT), {PROTOCOL}),
    "sends garbage": (send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), {PROTOCOL, FAILURE}),
    "claims 4 GiB": (send(wire.header(0xFFFFFFFF, kind=wire.REPLY, operation=0)), {PROTOCOL, FAILURE}),
    "stops inside a frame": (
        send(wire.header(50, kind=wire.REPLY, operation=0) + b"x"), {NO_AGENT, PROTOCOL, FAILURE}),
    "answers another request": (reply(wire.field(1, 1), request=424242), {PROTOCOL, FAILURE}),
    "sends a body that is no message": (reply(b"\xff\xff\xff"), {PROTOCOL, FAILURE}),
    "says nothing": (silence, {TIMEOUT}),
}


@pytest.mark.parametrize("what", sorted(IMPOSTORS))
def test_blazectl_against_an_impostor(world, what):
    answer, statuses = IMPOSTORS[what]
    with impostor(world, answer):
        result = world.ctl("status", "--timeout", "2", limit=60)
    assert result.status in statuses and result.out == b"" and result.err, result
