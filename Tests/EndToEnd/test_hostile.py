"""What somebody who means harm, or bad luck, may put in the way."""
import json
import os
import signal
import socket
import struct
import subprocess

import pytest

import envelope
import processes
import samples
from snapshot import unchanged
from statuses import DAMAGE, PERMISSION, OK, USAGE
from waiting import until

ESCAPES = "2026\x1b]0;title\x07\x1b[2J\nsignature  verified\r\u202e\x9b31m"


@pytest.mark.parametrize("seconds", [9_300_000_000, 13_569_465_600, -9_300_000_000])
def test_times_far_away(agent, put, seconds):
    """A file may carry any time: 64 bits of nanoseconds hold 1677 to 2262."""
    sample = put("tiny")
    os.utime(sample.path, (seconds, seconds))
    os.utime(sample.directory, (seconds, seconds))
    agent.ctl("scan", agent.databases).expect(OK)
    agent.ctl("ls", "-o", "json").expect(OK)
    agent.ctl("info", sample.path, password=sample.password).expect(OK)


def test_metadata_cannot_drive_a_terminal(agent, put):
    sample = put("tiny")
    document = json.loads(sample.sidecar("meta").read_text())
    document["signedAt"] = ESCAPES
    sample.sidecar("meta").write_text(json.dumps(document))
    for output in ("plain", "table"):
        shown = agent.ctl("info", sample.path, "-o", output, password=sample.password).expect(OK)
        for stream in (shown.out, shown.err):
            text = stream.decode("utf-8")
            assert not [c for c in text if c not in "\n\t" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e")]
        assert sum("signature" in line.split("\\x0a")[0] for line in shown.text.splitlines()) == 1, shown


def test_metadata_that_would_grow_in_memory(agent, put):
    """An unsigned list of ten million zeros is nothing to make a tree of."""
    import base64
    sample = put("tiny")
    payload = b'{"metaData":[' + b"0," * 10_000_000 + b'0],"indexMap":[],"nextPageIndex":0,"deletedPages":[]}'
    document = json.loads(sample.sidecar("meta").read_text())
    document["signedPayload"] = base64.b64encode(payload).decode()
    sample.sidecar("meta").write_text(json.dumps(document))
    agent.ctl("info", sample.path).expect(OK)
    agent.ctl("check", "--quick", sample.path).expect(DAMAGE)
    with open(f"/proc/{agent.pid()}/status") as f:
        peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    assert peak < 250_000, f"{peak} kB"


def test_a_full_wal_of_claims_costs_little(agent, put):
    sample = put("tiny")
    entry = b"WALV" + struct.pack("<Q", 1) + b"T" * 16 + b"\x01" + struct.pack("<II", 0, 1 << 20)
    sample.sidecar("wal").write_bytes(entry * (4 << 20 // len(entry)))
    agent.ctl("info", sample.path, password=sample.password, limit=60).expect(OK)


@pytest.mark.parametrize("number", [3, 4, 9])
def test_a_descriptor_that_was_not_given(agent, put, number):
    """It must not turn out to be the client's own connection."""
    sample = put("tiny")
    for verb in (["unlock"], ["info"], ["export", "--format", "typed"]):
        agent.ctl(*verb, sample.path, "--password-fd", str(number), limit=30).expect(USAGE)


def test_a_command_that_never_stops_printing(agent, put):
    agent.ctl("info", put("tiny").path, "--password-command", "yes", limit=30).expect(USAGE)


def test_a_catalogue_that_cannot_be_written_is_told_and_unlocks_all_the_same(world, put):
    sample = put("tiny")
    world.start()
    directory = world.root / "data" / "blazedb-agent"
    directory.rename(directory.with_name("moved"))
    directory.write_text("")
    parsed = envelope.success(world.ctl("unlock", sample.path, "-o", "json", password=sample.password))
    assert any("catalogue" in w for w in parsed["warnings"]), parsed
    status = envelope.data(world.ctl("status", "-o", "json"))
    assert [d["path"] for d in status["unlocked"]] == [str(sample.path)]


def test_an_export_never_becomes_a_file_of_the_database(agent, put):
    sample = put("tiny")
    sample.sidecar("wal").unlink()
    for extension in ("wal", "meta.indexes", "vacuum.blazedb"):
        with unchanged(agent.databases):
            agent.ctl(
                "export", sample.path, "--format", "typed", "--out", sample.sidecar(extension),
                password=sample.password).expect(USAGE)


def test_a_command_during_a_stop_gets_an_agent(world, put):
    """Whoever comes while the old agent is leaving waits for its end and starts the next."""
    sample = put("tiny")
    pid = world.start() or world.pid()
    with open(world.root / "pw", "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(sample.password)
    busy = world.spawn(
        "info", sample.path, "--kdf-iterations", "100000000", "--password-file", world.root / "pw", cwd=world.root,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: envelope.data(world.ctl("status", "-o", "json"))["connections"] >= 2, "the long request is under way")
    os.kill(pid, signal.SIGTERM)
    world.ctl("ls", limit=30).expect(OK)
    busy.communicate(timeout=60)
    assert world.pid() != pid


def test_root_gives_no_password_to_another_users_agent(world, put):
    """The default socket's directory under /tmp can be anybody's."""
    sample = put("tiny")
    place = world.root / "public"
    place.mkdir()
    place.chmod(0o1777)
    world.root.chmod(0o755)
    trap = place / f"blazedb-agent-{os.geteuid()}"
    fake = subprocess.Popen(
        processes.as_user(65534) + [
            "python3", "-c",
            "import os,socket,sys\n"
            f"os.mkdir({str(trap)!r}); s = socket.socket(socket.AF_UNIX); s.bind({str(trap / 'agent.sock')!r})\n"
            "s.listen(1); print('ready', flush=True)\n"
            "c, _ = s.accept(); c.settimeout(20)\n"
            "sys.stdout.write(repr(c.recv(65536))); sys.stdout.flush()\n"],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        assert fake.stdout.readline() == b"ready\n"
        environment = world.environment(TMPDIR=place, BLAZEDB_AGENT_SOCK=None, XDG_RUNTIME_DIR=None)
        result = world.ctl(
            "unlock", sample.path, "--no-autostart", password=sample.password, environment=environment, limit=30)
        result.expect(PERMISSION)
        out, _ = fake.communicate(timeout=30)
        assert sample.password.encode() not in out
    finally:
        fake.kill()
        fake.wait(timeout=10)
