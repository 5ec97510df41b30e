"""Who has a database open, being told busy with a name, waiting, and letting go."""
import fcntl
import os
import re
import subprocess
import sys
import time

import pytest

import envelope
import processes
import wire
from snapshot import unchanged
from statuses import ADVICE, BUSY, DAMAGE, LOCKED, NOT_FOUND, OK, USAGE
from waiting import until

pytestmark = pytest.mark.linux

HOLD = """
import fcntl, sys
f = open(sys.argv[1], "rb")
fcntl.flock(f, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


class Holder:
    """A process that holds a file's lock until it is told to end."""

    def __init__(self, path, prefix=()):
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"held\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    @property
    def pid(self):
        return self.process.pid

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        self.process.stdout.close()


def start_of(pid):
    """When a process started, in seconds since 1970."""
    with open(f"/proc/{pid}/stat", "rb") as f:
        ticks = int(f.read().rpartition(b")")[2].split()[19])
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


def test_a_holder_is_named(agent, put):
    sample = put("tiny")
    with Holder(sample.path) as holder, unchanged(agent.databases):
        told = envelope.data(agent.ctl("holders", sample.path, "-o", "json"), OK)
        assert told["ownership"]["state"] == "owned"
        (seen,) = told["holders"]
        assert seen["pid"] == holder.pid and seen["uid"] == os.geteuid() and seen["exclusive"] is True
        assert os.path.samefile(seen["exe"], sys.executable)
        since = time.mktime(time.strptime(seen["since"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        assert abs(since - start_of(holder.pid)) < 3
        text = agent.ctl("holders", sample.path).expect(OK).text
        assert str(holder.pid) in text and "exclusive" in text
        info = agent.ctl("info", sample.path).expect(OK).text
        assert re.search(rf"owner\s.*\(pid {holder.pid}\), running since \d{{4}}-", info), info
    told = envelope.data(agent.ctl("holders", sample.path, "-o", "json"), OK)
    assert told["ownership"] == {"state": "free", "holders": [], "reason": None} and told["holders"] == []
    assert "free" in agent.ctl("holders", sample.path).expect(OK).text


def test_the_list_knows_who_has_what_open(agent, put):
    """Filters and ages go by it, and the program is remembered as the database's app when it has ended."""
    sample, other = put("tiny"), put("typed")
    old = time.time() - 200 * 86_400
    for one in (sample, other):
        for file in one.directory.iterdir():
            os.utime(file, (old, old))
    agent.ctl("scan", agent.databases).expect(OK)

    def names(*words):
        return sorted(row["name"] for row in envelope.data(agent.ctl("ls", *words, "-o", "json"))["databases"])

    assert names("--unused-since", "90d") == ["tiny", "typed"] and names("--filter", "held:yes") == []
    with Holder(sample.path) as holder:
        assert names("--filter", "held:yes") == ["tiny"] and names("--filter", "held:no") == ["typed"]
        assert names("--unused-since", "90d") == ["typed"]
        assert str(holder.pid) in agent.ctl("ls").expect(OK).text
    rows = {row["name"]: row for row in envelope.data(agent.ctl("ls", "-o", "json"))["databases"]}
    assert os.path.samefile(rows["tiny"]["last_holder"], sys.executable) and rows["typed"]["last_holder"] is None
    assert rows["tiny"]["ownership"]["state"] == "free"


def test_a_shared_lock_is_shown_as_one(agent, put):
    sample = put("tiny")
    with open(sample.path, "rb") as f:
        fcntl.flock(f, fcntl.LOCK_SH)
        (seen,) = envelope.data(agent.ctl("holders", sample.path, "-o", "json"), OK)["holders"]
        assert seen["exclusive"] is False and seen["pid"] == os.getpid()
        agent.ctl("info", sample.path, "--tier", "lease", *sample.kdf, password=sample.password).expect(BUSY)


def test_a_process_that_inherited_the_lock_is_found(agent, put):
    """The table of locks names who took the lock, even when that process has ended."""
    sample = put("tiny")
    script = 'import fcntl, os, sys\nf = open(sys.argv[1], "rb")\nfcntl.flock(f, fcntl.LOCK_EX)\nos.set_inheritable(f.fileno(), True)\n' \
             'if os.fork() == 0:\n    print(os.getpid(), flush=True)\n    sys.stdin.read()\n'
    parent = subprocess.Popen([sys.executable, "-c", script, str(sample.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    try:
        parent.wait(30)
        (seen,) = envelope.data(agent.ctl("holders", sample.path, "-o", "json"), OK)["holders"]
        assert seen["pid"] == child
    finally:
        parent.stdin.close()
        parent.stdout.close()
        until(lambda: not processes.is_alive(child), f"process {child} has ended")


def test_what_does_not_exist_has_no_holders(agent, tmp_path):
    agent.ctl("holders", tmp_path / "none.blazedb").expect(NOT_FOUND)
    agent.ctl("holders", "none").expect(NOT_FOUND)


@pytest.mark.parametrize("words", [["info"], ["check", "--quick"], ["export", "--format", "typed"]])
def test_a_lease_beside_an_owner_is_busy_and_names_it(agent, put, words):
    sample = put("tiny")
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    verb, *rest = words
    with Holder(sample.path) as holder, unchanged(agent.databases):
        result = agent.ctl(verb, sample.path, *rest, "--tier", "lease", "-o", "json")
        error = envelope.failure(result, BUSY)
        assert error["name"] == "busy" and error["holder"]["pid"] == holder.pid
        assert os.path.samefile(error["holder"]["exe"], sys.executable) and error["holder"]["since"]
        assert f"pid {holder.pid}" in error["message"] and "--wait" in error["hint"]
        text = agent.ctl(verb, sample.path, *rest, "--tier", "lease").expect(BUSY)
        assert text.out == b"" and f"pid {holder.pid}" in text.messages
        # Beside the owner it goes without the lock.
        agent.ctl(verb, sample.path, *rest, "--tier", "observe").expect(OK)
    with unchanged(agent.databases):
        agent.ctl(verb, sample.path, *rest, "--tier", "lease").expect(OK)


def test_tiers_say_what_they_are(agent, put):
    sample = put("tiny")
    path = sample.path
    assert envelope.success(agent.ctl("info", path, "-o", "json"))["tier"] == "file"
    agent.ctl("info", path, "--tier", "observe").expect(LOCKED)
    agent.ctl("info", path, "--tier", "lease").expect(LOCKED)
    agent.ctl("unlock", path, *sample.kdf, password=sample.password).expect(OK)
    for tier in ("file", "observe", "lease"):
        for words in (["info", path], ["check", "--quick", path]):
            told = envelope.success(agent.ctl(*words, "--tier", tier, "-o", "json"))
            assert told["tier"] == tier
            assert told["data"]["ownership"]["state"] == ("leased" if tier == "lease" else "free")
    out = agent.root / "tmp" / "o.json"
    told = envelope.success(agent.ctl("export", path, "--format", "typed", "--tier", "lease", "--out", out, "-o", "json"))
    assert told["tier"] == "lease"
    agent.ctl("export", path, "--format", "typed", "--tier", "file").expect(USAGE)
    agent.ctl("info", path, "--tier", "shadow").expect(USAGE)
    agent.ctl("info", path, "--tier", "observe", "--wait", "1s").expect(USAGE)
    agent.ctl("info", path, "--wait", "soon").expect(USAGE)
    agent.ctl("info", path, "--wait", "2d").expect(USAGE)


def test_waiting_gets_the_lock_when_it_comes_free(agent, put):
    sample = put("tiny")
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    with Holder(sample.path) as holder:
        waiting = agent.spawn("info", sample.path, "--wait", "60s", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # It is there once the agent has two connections: this one's, and its own.
        with wire.Connection(agent.socket) as connection:
            connection.greet()
            until(lambda: wire.fields(connection.call(wire.STATUS, b"")[1])[11] == [2], "the wait has begun")
            assert waiting.poll() is None
        assert processes.is_alive(holder.pid)
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == OK, err
    assert b"tiny" in out


def test_a_wait_ends_at_its_time_and_with_its_client(agent, put):
    sample = put("tiny")
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    with Holder(sample.path) as holder:
        begun = time.monotonic()
        error = envelope.failure(agent.ctl("info", sample.path, "--wait", "300ms", "-o", "json"), BUSY)
        assert time.monotonic() - begun >= 0.3
        assert error["holder"]["pid"] == holder.pid
        waiting = agent.spawn("info", sample.path, "--wait", "1h", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with wire.Connection(agent.socket) as connection:
            connection.greet()
            count = lambda: wire.fields(connection.call(wire.STATUS, b"")[1])[11][0]
            until(lambda: count() == 2, "the wait has begun")
            waiting.kill()
            waiting.communicate(timeout=30)
            until(lambda: count() == 1, "the agent has given the wait up")


def test_nothing_holds_the_lock_between_operations(agent, put):
    """An app can open the database at once after whatever was asked of it."""
    sample = put("tiny")
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    for tier in ("observe", "lease"):
        for words in (["info", sample.path], ["check", "--quick", sample.path],
                      ["export", sample.path, "--format", "typed", "--out", agent.root / "tmp" / tier]):
            agent.ctl(*words, "--tier", tier).expect(OK)
            with open(sample.path, "rb") as f:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Stalled:
    """An export under a lease that its client does not read, so that it stays under way."""

    def __init__(self, agent, path):
        self.connection = wire.Connection(agent.socket)
        self.connection.greet()
        body = wire.field(1, wire.target(path)) + wire.field(2, 1) + wire.field(4, 3)
        self.connection.send(wire.frame(body, operation=wire.EXPORT, request=3))


def test_release_ends_what_holds_the_lock(agent, put):
    sample = put("large")
    assert envelope.data(agent.ctl("release", "--all", "-o", "json"), OK) == {"released": []}
    agent.ctl("release", sample.path).expect(OK)
    agent.ctl("release").expect(USAGE)
    agent.ctl("release", "--all", sample.path).expect(USAGE)
    agent.ctl("release", "none").expect(NOT_FOUND)
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    stalled = Stalled(agent, sample.path)
    try:
        leases = until(lambda: envelope.data(agent.ctl("status", "-o", "json"))["leases"], "the export holds the lock")
        assert [lease["operation"] for lease in leases] == ["export"] and leases[0]["client_pid"] == os.getpid()
        with pytest.raises(BlockingIOError), open(sample.path, "rb") as f:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (holder,) = envelope.data(agent.ctl("holders", sample.path, "-o", "json"))["holders"]
        assert holder["pid"] == agent.pid()
        error = envelope.failure(agent.ctl("check", "--quick", sample.path, "--tier", "lease", "-o", "json"), BUSY)
        assert error["holder"]["pid"] == agent.pid()
    finally:
        stalled.connection.close()
    # The client is gone: the lock goes with its request.
    until(lambda: not envelope.data(agent.ctl("status", "-o", "json"))["leases"], "the lock is given back")
    with open(sample.path, "rb") as f:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_release_without_an_agent_starts_none(world):
    assert envelope.data(world.ctl("release", "--all", "-o", "json"), OK) == {"released": []}
    assert world.pid() is None


def test_locks_of_another_namespace_are_unknown(world, put):
    """An agent in a container does not see the locks of processes outside: what a crash would leave is only possible."""
    sample = put("damaged/txn-interrupted")
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", str(world.binaries / "blazedb-agent"), "--foreground"]
    agent = subprocess.Popen(words, env=world.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        until(lambda: world.ctl("ping", "--no-autostart").status == OK, "the agent listens", 30)
        told = envelope.data(world.ctl("holders", sample.path, "-o", "json"), OK)["ownership"]
        assert told["state"] == "unknown" and told["reason"] and told["holders"] == []
        checked = envelope.data(world.ctl(
            "check", "--quick", sample.path, "-o", "json", *sample.kdf, password=sample.password), ADVICE)
        found = {f["name"]: f for f in checked["findings"]}
        assert found["transaction-interrupted"]["possible"] and found["transaction-interrupted"]["severity"] == "advice"
        assert "ownership-unknown" in found
        # With the lock in hand it is certain.
        checked = envelope.data(world.ctl(
            "check", "--quick", sample.path, "--tier", "lease", "-o", "json", *sample.kdf, password=sample.password), DAMAGE)
        assert not any(f["possible"] for f in checked["findings"])
        world.ctl("agent", "stop").expect(OK)
    finally:
        # Its first process takes every other process of the namespace with it.
        agent.kill()
        agent.communicate(timeout=30)


def test_a_released_export_says_so(agent, put):
    """Two clients: one exports under a lease without reading on, the other asks for the lock."""
    sample = put("large")
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    stalled = Stalled(agent, sample.path)
    try:
        until(lambda: envelope.data(agent.ctl("status", "-o", "json"))["leases"], "the export holds the lock")
        asking = agent.spawn("release", sample.path, "-o", "json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Read on: the export goes to the next record and meets the recall there, or has reached its end.
        kinds = []
        try:
            while not kinds or kinds[-1] == wire.PART:
                kind, _, _, body = stalled.connection.receive()
                kinds.append(kind)
        finally:
            out, err = asking.communicate(timeout=60)
        assert asking.returncode == OK, err
        assert kinds[-1] in (wire.FAULT, wire.REPLY)
        if kinds[-1] == wire.FAULT:
            assert wire.fields(body)[1] == [40]
    finally:
        stalled.connection.close()
