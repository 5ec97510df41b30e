"""Who is served: the agent's own user only, and root only where it was said so."""
import os

import pytest

import envelope
import processes
import samples
import wire
from statuses import OK, PERMISSION

pytestmark = pytest.mark.linux

STRANGER = processes.NOBODY - 1


def open_the_way(world):
    """Lets every user reach the socket, so that only the agent's own check is left."""
    (world.root / "run").chmod(0o711)
    world.socket.chmod(0o666)


def test_an_agent_serves_its_own_user(other_world):
    pid = other_world.start()
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        uids = next(line for line in f if line.startswith("Uid:")).split()[1:]
    assert set(uids) == {str(processes.NOBODY)}
    other_world.ctl("ls").expect(OK)


def test_root_is_refused(other_world):
    other_world.start()
    result = other_world.ctl("status", "-o", "json", uid=0)
    error = envelope.failure(result, PERMISSION)
    assert error["name"] == "peer-refused", error


def test_root_is_served_where_it_was_allowed(other_world):
    other_world.start("--allow-root")
    assert envelope.data(other_world.ctl("status", "-o", "json", uid=0))["agent"]["pid"] == other_world.pid()
    open_the_way(other_world)
    other_world.ctl("status", uid=STRANGER).expect(PERMISSION)


def test_another_user_is_refused_by_the_file_system(other_world):
    other_world.start()
    other_world.ctl("status", uid=STRANGER).expect(PERMISSION)


def test_another_user_who_reaches_the_socket_is_refused_by_the_agent(other_world):
    other_world.start()
    open_the_way(other_world)
    assert processes.run_as(STRANGER, lambda: first_fault(other_world)) == str(wire.PEER_REFUSED)


def first_fault(world):
    with wire.Connection(world.socket) as connection:
        return connection.fault()[0]


def test_an_agent_of_root_refuses_others(world):
    assert os.geteuid() == 0, "needs root"
    world.start()
    world.root.chmod(0o711)
    open_the_way(world)
    assert processes.run_as(STRANGER, lambda: first_fault(world)) == str(wire.PEER_REFUSED)


def test_a_refused_peer_is_told_before_it_says_anything(other_world):
    other_world.start()
    with wire.Connection(other_world.socket) as connection:
        code, _ = connection.fault()
        assert code == wire.PEER_REFUSED
        assert connection.is_closed()


def test_a_client_is_not_lured_to_an_agent_of_somebody_else(other_world):
    """It says so before it sends anything, least of all a password."""
    other_world.start()
    open_the_way(other_world)
    error = envelope.failure(other_world.ctl("ls", "-o", "json", uid=STRANGER), PERMISSION)
    assert error["name"] == "foreign-agent", error


def test_a_file_without_permission(other_world):
    """Unreadable for the agent's user: told as such, not as missing or damaged."""
    sample = samples.sample("tiny").copy_to(other_world.databases / "sealed")
    for file in (other_world.databases / "sealed").iterdir():
        file.chmod(0o600)  # root's own
    other_world.start()
    for words in (["unlock"], ["export", "--format", "typed"]):
        result = other_world.ctl(*words, sample.path, "-o", "json", password=sample.password)
        error = envelope.failure(result, PERMISSION)
        assert "permission" in error["message"].lower(), error
    info = other_world.ctl("info", sample.path, "-o", "json")
    if info.status == OK:
        data = envelope.data(info)
        assert data["records"]["count"] is None
    else:
        envelope.failure(info, PERMISSION)


@pytest.mark.parametrize("sealed", ["meta", "salt"])
def test_a_sidecar_without_permission(other_world, sealed):
    sample = samples.sample("tiny").copy_to(other_world.databases)
    for file in other_world.databases.iterdir():
        file.chmod(0o644)
    sample.sidecar(sealed).chmod(0o600)
    other_world.start()
    result = other_world.ctl("unlock", sample.path, "-o", "json", password=sample.password)
    error = envelope.failure(result, PERMISSION)
    assert f".{sealed}" in error["message"] + (error["target"] or ""), error


def test_a_directory_without_permission(other_world):
    sealed = other_world.databases / "sealed"
    sample = samples.sample("tiny").copy_to(sealed)
    sealed.chmod(0o700)
    samples.sample("empty").copy_to(other_world.databases / "open")
    for file in (other_world.databases / "open").iterdir():
        file.chmod(0o644)
    (other_world.databases / "open").chmod(0o755)
    other_world.start()
    result = other_world.ctl("info", sample.path, "-o", "json")
    envelope.failure(result, PERMISSION)
    scan = envelope.data(other_world.ctl("scan", other_world.databases, "-o", "json"))
    assert [r["name"] for r in scan["databases"]] in (["empty"], ["empty.blazedb"])
    assert any(s["path"] == str(sealed) and s["reason"] for s in scan["skipped"]), scan["skipped"]


def test_reading_does_not_need_write_permission(other_world):
    sample = samples.sample("tiny").copy_to(other_world.databases / "readonly")
    for file in (other_world.databases / "readonly").iterdir():
        file.chmod(0o444)
    (other_world.databases / "readonly").chmod(0o555)
    other_world.start()
    other_world.ctl("export", sample.path, "--format", "typed", password=sample.password).expect(OK)
