"""An agent's life: started once, found, stopped, killed, and started again."""
import os
import signal
import socket
import stat
import subprocess

import pytest

import envelope
import processes
import wire
from snapshot import unchanged
from statuses import NO_AGENT, OK
from waiting import until


def test_start_ping_status_stop(world):
    started = world.ctl("agent", "start", "-o", "json")
    envelope.success(started)
    pid = world.pid()
    ping = envelope.data(world.ctl("ping", "-o", "json"))
    assert ping["pid"] == pid and 0 < ping["round_trip"] < 10
    assert envelope.data(world.ctl("agent", "ping", "-o", "json"))["pid"] == pid
    for words in (["status"], ["agent", "status"]):
        data = envelope.data(world.ctl(*words, "-o", "json"))
        assert data["agent"]["pid"] == pid
        assert data["agent"]["socket"] == str(world.socket)
        assert data["agent"]["protocol"] == 1
        assert data["agent"]["uptime"] >= 0
        assert envelope.MOMENT.match(data["agent"]["started_at"])
        assert data["unlocked"] == [] and data["connections"] >= 1
        assert data["config"]["path"] == str(world.root / "config" / "blazedb-agent" / "config.toml")
        assert data["config"]["problem"] is None
    world.ctl("agent", "stop").expect(OK)
    until(lambda: not processes.is_alive(pid), "the agent has ended")
    assert not world.socket.exists()


def test_starting_twice_leaves_the_first(world):
    pid = world.start()
    again = world.ctl("agent", "start").expect(OK)
    assert str(pid) in again.text + again.messages and "already" in again.text + again.messages
    assert world.pid() == pid


@pytest.mark.parametrize("words", [["status"], ["ping"], ["agent", "status"], ["agent", "ping"], ["agent", "stop"]])
def test_these_never_start_an_agent(world, words):
    with unchanged(world.root):
        error = envelope.failure(world.ctl(*words, "-o", "json"), NO_AGENT)
    assert "agent start" in (error["hint"] or ""), error
    assert world.pid() is None


def test_lock_without_an_agent_has_nothing_to_do(world):
    with unchanged(world.root):
        result = world.ctl("lock").expect(OK)
    assert result.text + result.messages
    assert world.pid() is None


def test_a_verb_that_needs_an_agent_starts_one(world):
    world.ctl("ls").expect(OK)
    assert world.pid() is not None


@pytest.mark.parametrize("words", [["ls"], ["scan"], ["info", "x"], ["config", "show"]])
def test_no_autostart_is_obeyed(world, words):
    with unchanged(world.root):
        world.ctl(*words, "--no-autostart").expect(NO_AGENT)


def test_version_needs_no_agent(world):
    with unchanged(world.root):
        assert world.ctl("version").expect(OK).out.strip()


@pytest.mark.linux
def test_many_clients_at_once_start_one_agent(world):
    clients = [world.spawn(
        "ls", "-o", "json", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(8)]
    for client in clients:
        out, err = client.communicate(timeout=120)
        assert client.returncode == OK, (out, err)
    pid = world.pid()
    until(lambda: processes.agents_in(world.root) == [pid], "the agents that lost the race have ended")


@pytest.mark.linux
def test_two_starts_at_once_give_one_agent(world):
    starts = [world.spawn(
        "agent", "start", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)]
    for start in starts:
        out, err = start.communicate(timeout=120)
        assert start.returncode == OK, (out, err)
    pid = world.pid()
    until(lambda: processes.agents_in(world.root) == [pid], "one agent is left")


def test_a_killed_agent_leaves_no_obstacle(world):
    pid = world.start()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not processes.is_alive(pid), "the agent is dead")
    assert stat.S_ISSOCK(world.socket.lstat().st_mode), "the socket file should have been left behind"
    world.ctl("ping").expect(NO_AGENT)
    assert world.start() != pid


def test_a_lock_file_left_behind_is_no_obstacle(world):
    (world.root / "run" / "agent.lock").write_text("1\n")
    world.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_stop_it_within_three_seconds(world, number):
    pid = world.start()
    os.kill(pid, number)
    until(lambda: not processes.is_alive(pid), "the agent has ended", seconds=3)
    assert not world.socket.exists()


def test_open_connections_do_not_delay_the_stop(world):
    pid = world.start()
    silent, greeted, inside = (wire.Connection(world.socket) for _ in range(3))
    with silent, greeted, inside:
        greeted.greet()
        inside.greet()
        inside.send(wire.header(100) + b"the first bytes of a body")
        os.kill(pid, signal.SIGTERM)
        until(lambda: not processes.is_alive(pid), "the agent has ended", seconds=3)
        assert greeted.is_closed()


def test_a_stop_by_request_with_open_connections(world):
    pid = world.start()
    with wire.Connection(world.socket) as other:
        other.greet()
        world.ctl("agent", "stop").expect(OK)
        until(lambda: not processes.is_alive(pid), "the agent has ended", seconds=3)


def test_in_the_foreground(world):
    process = world.spawn(
        "agent", "start", "--foreground", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    try:
        until(lambda: world.pid(), "the agent answers", seconds=30)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        assert process.returncode == OK
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate(timeout=10)


def test_the_agent_lets_go_of_its_starter(world):
    """`ctl` reads to the end of stdout and stderr: an agent that kept them would make it wait for ever."""
    world.ctl("agent", "start", limit=60).expect(OK)
    pid = world.pid()
    assert os.getsid(pid) != os.getsid(0)


@pytest.mark.linux
def test_the_agent_pins_no_directory_and_leaves_no_descriptor_open(world):
    pid = world.start()
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    for fd in (0, 1, 2):
        target = os.readlink(f"/proc/{pid}/fd/{fd}")
        assert not target.startswith("pipe:"), target


def test_socket_and_files_are_private(world, put):
    sample = put("tiny")
    world.start()
    world.ctl("db", "add", sample.path).expect(OK)
    world.ctl("config", "set", "scan.exclude", '["x"]').expect(OK)
    assert stat.S_IMODE(world.socket.lstat().st_mode) == 0o600
    for base in ("run", "config", "data", "state"):
        for directory, names, files in os.walk(world.root / base):
            for name in names:
                mode = stat.S_IMODE(os.lstat(os.path.join(directory, name)).st_mode)
                assert mode == 0o700, f"{name} has mode {mode:o}"
            for name in files:
                mode = stat.S_IMODE(os.lstat(os.path.join(directory, name)).st_mode)
                assert mode == 0o600, f"{name} has mode {mode:o}"


def test_a_directory_that_others_may_write_is_no_place_for_a_socket(world):
    (world.root / "run").chmod(0o777)
    result = world.ctl("agent", "start", "-o", "json")
    error = envelope.failure(result, NO_AGENT)
    assert str(world.root / "run") in error["message"] + (error["target"] or ""), error
    assert world.pid() is None


def test_a_file_in_the_sockets_place_is_left_alone(world):
    world.socket.write_text("precious\n")
    with unchanged(world.socket.parent / "agent.sock"):
        result = world.ctl("agent", "start")
    assert result.status != OK and result.err
    assert world.socket.read_text() == "precious\n"


def test_a_socket_path_that_is_too_long_is_told(world):
    long = world.root / "run" / ("x" * 120) / "agent.sock"
    result = world.ctl("agent", "start", "--socket", long)
    assert result.status != OK and "long" in result.messages, result
    result = world.ctl("ls", "--socket", long)
    assert result.status != OK and "long" in result.messages, result


def test_the_socket_option_comes_before_the_environment(world):
    other = world.root / "run" / "other.sock"
    world.ctl("agent", "start", "--socket", other).expect(OK)
    try:
        assert other.exists() and not world.socket.exists()
        world.ctl("ping").expect(NO_AGENT)
        world.ctl("ping", "--socket", other).expect(OK)
    finally:
        world.ctl("agent", "stop", "--socket", other).expect(OK)


def test_the_socket_has_a_place_without_the_variable(world):
    environment = world.environment(BLAZEDB_AGENT_SOCK=None)
    world.ctl("agent", "start", environment=environment).expect(OK)
    try:
        assert (world.root / "run" / "blazedb-agent" / "agent.sock").exists()
    finally:
        world.ctl("agent", "stop", environment=environment).expect(OK)
    environment = world.environment(BLAZEDB_AGENT_SOCK=None, XDG_RUNTIME_DIR=None)
    world.ctl("agent", "start", environment=environment).expect(OK)
    try:
        sockets = list((world.root / "tmp").rglob("agent.sock"))
        assert len(sockets) == 1
        assert stat.S_IMODE(sockets[0].parent.stat().st_mode) == 0o700
    finally:
        world.ctl("agent", "stop", environment=environment).expect(OK)


@pytest.mark.linux
def test_hardening_is_told_as_it_is(world):
    pid = world.start()
    hardening = envelope.data(world.ctl("status", "-o", "json"))["hardening"]
    assert hardening["core_dumps"] == "off" and hardening["tracing"] == "off"
    assert hardening["memory_locking"] in ("ok", "unavailable")
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        core = next(line for line in f if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"], core
    # A process that cannot be traced has its entries in /proc given to root, whoever runs it.
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0


def test_a_listener_that_is_no_agent(world):
    """Something else owns the socket's path, and accepts: the client says so in time."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(world.socket))
        listener.listen(1)
        result = world.ctl("ping", "--timeout", "1", limit=30)
        assert result.status != OK and result.out == b"" and result.err, result
