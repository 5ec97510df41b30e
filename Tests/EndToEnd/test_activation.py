"""Under a supervisor: sockets by LISTEN_FDS, given by the real systemd-socket-activate, and news by NOTIFY_SOCKET."""
import contextlib
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess

import pytest

import envelope
import processes
import wire
from statuses import NO_AGENT, OK
from waiting import until

pytestmark = pytest.mark.linux

FAILED = 1


@contextlib.contextmanager
def running(world, words, environment=None, **options):
    """A process whose error output can be read when it has ended; killed at the end if it still runs."""
    process = subprocess.Popen(
        words, env=environment or world.environment(), cwd=world.root, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def activated(world, *listen, program=("blazedb-agent", "--foreground"), environment=None, options=()):
    """systemd-socket-activate, which becomes the agent when the first client connects."""
    tool = shutil.which("systemd-socket-activate", path="/usr/bin:/bin:/usr/lib/systemd:/lib/systemd")
    assert tool, "systemd-socket-activate (systemd) is not installed; make deps installs it"
    words = [tool, *options]
    for address in listen:
        words.append(f"--listen={address}")
    # It passes on next to nothing of its own environment.
    words += [f"--setenv={name}={value}" for name, value in (environment or world.environment()).items()]
    return running(world, words + [str(world.binaries / program[0]), *program[1:]])


def agent_of(world, socket_path=None):
    result = world.ctl("status", "-o", "json", *(["--socket", socket_path] if socket_path else []))
    return envelope.data(result)["agent"]


@pytest.mark.parametrize("program", [
    ("blazedb-agent", "--foreground"), ("blazectl", "agent", "start", "--foreground")], ids=lambda p: p[0])
def test_the_first_client_wakes_it(world, program):
    with activated(world, world.socket, program=program) as process:
        until(world.socket.exists, "the supervisor listens")
        identity = world.socket.lstat().st_ino
        told = agent_of(world)
        assert told["pid"] == process.pid and told["socket_activated"] is True
        assert told["socket"] == str(world.socket)
        assert (world.root / "run" / "agent.lock").read_text() == f"{process.pid}\n"
        world.ctl("ls").expect(OK)
        assert world.socket.lstat().st_ino == identity, "the given socket is used, not another"
        world.ctl("agent", "stop").expect(OK)
        assert process.wait(timeout=10) == OK
        assert world.socket.lstat().st_ino == identity, "the given socket is not removed"
    assert not agent_is_found(world)


def agent_is_found(world):
    return world.ctl("ping").expect(OK, NO_AGENT).status == OK


def test_passwords_reach_it(world, put):
    """The client checks who serves the socket before it gives a secret away."""
    sample = put("tiny")
    with activated(world, world.socket) as process:
        until(world.socket.exists, "the supervisor listens")
        world.ctl("unlock", sample.path, password=sample.password).expect(OK)
        assert [d["path"] for d in envelope.data(world.ctl("status", "-o", "json"))["unlocked"]] == [str(sample.path)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=3) == OK


def test_many_clients_wake_one_agent(world):
    with activated(world, world.socket) as process:
        until(world.socket.exists, "the supervisor listens")
        clients = [world.spawn(
            "ls", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for _ in range(8)]
        for client in clients:
            _, err = client.communicate(timeout=60)
            assert client.returncode == OK, err
        assert world.pid() == process.pid
        assert process.pid in processes.agents_in(world.root) and len(processes.agents_in(world.root)) == 1


def test_the_given_socket_decides_where_it_serves(world):
    given = world.root / "run" / "given.sock"
    with activated(world, given) as process:
        until(given.exists, "the supervisor listens")
        assert agent_of(world, given)["socket"] == str(given)
        assert (world.root / "run" / "given.sock.lock").read_text() == f"{process.pid}\n"
        assert not world.socket.exists() and not (world.root / "run" / "agent.lock").exists()
        world.ctl("agent", "stop", "--socket", given).expect(OK)
        assert process.wait(timeout=10) == OK


def test_its_process_is_named_when_it_is_frozen(world):
    """The socket was made by the supervisor: the peer of a connection is the agent all the same."""
    with activated(world, world.socket) as process:
        until(world.socket.exists, "the supervisor listens")
        world.ctl("ls").expect(OK)
        with processes.frozen(process.pid):
            assert f"kill -CONT {process.pid}" in world.ctl("status").messages


def test_a_given_socket_that_is_removed(world):
    """Nobody finds the agent by a path that is gone, and the socket is not its own to bind: it makes room."""
    with activated(world, world.socket) as first:
        until(world.socket.exists, "the supervisor listens")
        world.ctl("ping").expect(OK)
        world.socket.unlink()
        assert first.wait(timeout=5) == OK
        assert not world.socket.exists()
        world.ctl("ls").expect(OK)
        assert world.pid() not in (None, first.pid)


def test_the_lock_counts_here_too(world):
    with given_sockets(world, listening(world, "elsewhere.sock")) as first:
        until(lambda: answers(world, "elsewhere.sock"), "the first serves")
        with given_sockets(world, listening(world, "elsewhere.sock", again=True)) as second:
            _, words = second.communicate(timeout=30)
            assert second.returncode == 3 and b"another agent" in words


# -- Nonsense

def listening(world, name, again=False, kind=socket.SOCK_STREAM):
    path = world.root / "run" / name
    if again:
        path.unlink()
    out = socket.socket(socket.AF_UNIX, kind)
    out.bind(str(path))
    if kind != socket.SOCK_DGRAM:
        out.listen(8)
    return out


def answers(world, name):
    return world.ctl("ping", "--socket", world.root / "run" / name).status == OK


@contextlib.contextmanager
def given_sockets(world, *sockets, count=None, pid="$$", **environment):
    """The agent with these sockets as descriptors 3 and up, as a supervisor hands them over."""
    numbers = [s.fileno() for s in sockets]

    def arrange():
        # Out of each other's way first.
        high = [os.dup2(fd, 200 + n) for n, fd in enumerate(numbers)]
        for n, fd in enumerate(high):
            os.dup2(fd, 3 + n)

    script = f'LISTEN_PID={pid} LISTEN_FDS={len(sockets) if count is None else count} exec "$0" --foreground --allow-tracing'
    with running(
            world, ["sh", "-c", script, world.binaries / "blazedb-agent"], environment=world.environment(**environment),
            preexec_fn=arrange, pass_fds=range(3, 3 + len(sockets))) as process:
        for s in sockets:
            s.close()
        yield process


def refused(world, words, *sockets, **options):
    with given_sockets(world, *sockets, **options) as process:
        _, told = process.communicate(timeout=30)
        assert process.returncode == FAILED and words in told, told
        assert told.startswith(b"blazedb-agent: ")
    assert not world.socket.exists()


def test_two_sockets_are_refused(world):
    refused(world, b"hands over 2 sockets", listening(world, "a"), listening(world, "b"))


@pytest.mark.parametrize("count,words", [
    ("0", b"hands over 0 sockets"), ("2000000", b"hands over 2000000"), ("-1", b"LISTEN_FDS"), ("x", b"LISTEN_FDS"),
    ("99999999999999999999", b"LISTEN_FDS")])
def test_counts_that_make_no_sense(world, count, words):
    refused(world, words, listening(world, "a"), count=count)


def test_a_process_id_that_makes_no_sense(world):
    refused(world, b"LISTEN_PID", listening(world, "a"), pid="x")


def test_a_descriptor_that_is_not_open(world):
    refused(world, b"take over the socket", count=1)


def connected():
    """A connection instead of a listener, as with Accept=yes."""
    return socket.socketpair()[0]


WRONG = {
    "a datagram socket": lambda world: listening(world, "a", kind=socket.SOCK_DGRAM),
    "a packet socket": lambda world: listening(world, "a", kind=socket.SOCK_SEQPACKET),
    "a connection": lambda world: connected(),
    "a TCP socket": lambda world: socket.create_server(("127.0.0.1", 0)),
    "an abstract socket": lambda world: abstract(),
    "a file": lambda world: open(world.root / "file", "w", encoding="ascii"),
}


def abstract():
    out = socket.socket(socket.AF_UNIX)
    out.bind("\0bz-" + secrets.token_hex(8))
    out.listen(8)
    return out


@pytest.mark.parametrize("what", sorted(WRONG))
def test_what_is_no_socket_to_serve(world, what):
    refused(world, b"not a Unix stream socket that listens", WRONG[what](world))


def test_sockets_for_another_process_are_not_touched(world):
    with given_sockets(world, listening(world, "a"), pid=str(os.getpid())) as process:
        until(lambda: world.pid() == process.pid, "it binds its own", seconds=30)
        assert agent_of(world)["socket_activated"] is False
        world.ctl("agent", "stop").expect(OK)


def test_an_unsafe_directory_is_refused_for_given_sockets_too(world):
    (world.root / "open").mkdir()
    (world.root / "open").chmod(0o777)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(world.root / "open" / "agent.sock"))
    bound.listen(8)
    refused(world, b"let other users in", bound)


def test_the_descriptor_goes_to_no_child(world):
    with given_sockets(world, listening(world, "agent.sock")) as process:
        until(lambda: world.pid() == process.pid, "it serves", seconds=30)
        with open(f"/proc/{process.pid}/fdinfo/3", encoding="ascii") as f:
            flags = int(next(line for line in f if line.startswith("flags:")).split()[1], 8)
        assert flags & os.O_CLOEXEC and flags & os.O_NONBLOCK
        world.ctl("agent", "stop").expect(OK)


# -- News for the supervisor

@contextlib.contextmanager
def supervisor(world, name=None):
    """(socket, value of NOTIFY_SOCKET)"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(30)
        if name is None:
            name = "@bz-" + secrets.token_hex(8)
            receiver.bind("\0" + name[1:])
        else:
            receiver.bind(str(name))
        yield receiver, str(name)


@pytest.mark.parametrize("abstract_name", [True, False])
@pytest.mark.parametrize("words", [
    ("blazedb-agent", "--foreground"), ("blazectl", "agent", "start", "--foreground")], ids=lambda w: w[0])
def test_ready_and_stopping_are_told(world, abstract_name, words):
    with supervisor(world, None if abstract_name else world.root / "notify") as (news, name):
        with running(
                world, [world.binaries / words[0], *words[1:]],
                environment=world.environment(NOTIFY_SOCKET=name)) as process:
            assert news.recv(4096) == b"READY=1"
            # Ready means ready: no client has to try twice.
            with wire.Connection(world.socket) as connection:
                connection.greet()
            assert stat.S_ISSOCK(world.socket.lstat().st_mode)
            process.send_signal(signal.SIGTERM)
            assert news.recv(4096) == b"STOPPING=1"
            assert process.wait(timeout=3) == OK


def test_news_and_a_given_socket(world):
    with supervisor(world) as (news, name):
        with given_sockets(world, listening(world, "agent.sock"), NOTIFY_SOCKET=name) as process:
            assert news.recv(4096) == b"READY=1"
            assert world.pid() == process.pid
            world.ctl("agent", "stop").expect(OK)
            assert news.recv(4096) == b"STOPPING=1"


@pytest.mark.parametrize("name", ["/nowhere/notify", "relative", "", "@", "/" + "x" * 200, "vsock:2:1234"])
def test_a_supervisor_that_cannot_be_told_is_no_obstacle(world, name):
    with running(
            world, [world.binaries / "blazedb-agent", "--foreground"],
            environment=world.environment(NOTIFY_SOCKET=name)) as process:
        until(lambda: world.pid() == process.pid, "it serves", seconds=30)
        world.ctl("agent", "stop").expect(OK)
        assert process.wait(timeout=10) == OK


def test_an_agent_in_the_background_is_nobodys_service(world):
    """A client that runs under a supervisor starts an agent that has none: its news would be taken for the client's."""
    with supervisor(world) as (news, name):
        environment = world.environment(NOTIFY_SOCKET=name, LISTEN_PID="1", LISTEN_FDS="1")
        world.ctl("agent", "start", environment=environment).expect(OK)
        assert world.pid() is not None
        world.ctl("agent", "stop").expect(OK)
        news.setblocking(False)
        with pytest.raises(BlockingIOError):
            news.recv(4096)
