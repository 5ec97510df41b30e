"""`ls --watch`: the list stays current, and costs nothing while nothing happens."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading

import pexpect
import pytest

import envelope
import processes
import samples
from statuses import INTERRUPTED, NO_AGENT, OK
from typed_json import no_repeats
from waiting import until


class Watch:
    """A running `ls --watch -o json` and what it has printed."""

    def __init__(self, agent, *words):
        self.process = agent.spawn(
            "ls", "--watch", *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=agent.root)
        self.events = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            parsed = json.loads(line, object_pairs_hook=no_repeats)
            assert parsed["schema"] == "blazectl/ls.watch/1" and parsed["ok"] is True, parsed
            self.events.append((parsed["data"]["event"], parsed["data"]["database"]))

    @property
    def rows(self):
        """The list as the events so far make it, by path."""
        out = {}
        for event, row in list(self.events):
            if event == "removed":
                out.pop(row["path"], None)
            else:
                out[row["path"]] = row
        return out

    def wait(self, condition, what):
        return until(lambda: condition(self.rows), what, seconds=30)

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        status = self.process.wait(timeout=30)
        self.reader.join(timeout=30)
        return status


@contextlib.contextmanager
def watching(agent, *words):
    watch = Watch(agent, *words)
    try:
        yield watch
    finally:
        if watch.process.poll() is None:
            watch.end()
        watch.process.stderr.close()


def scan(agent):
    agent.ctl("scan", agent.databases).expect(OK)


def test_it_begins_with_the_whole_list_and_follows(agent, put):
    first = put("tiny")
    scan(agent)
    with watching(agent) as watch:
        watch.wait(lambda rows: str(first.path) in rows, "the known database is listed")
        second = samples.sample("typed").copy_to(agent.databases)
        watch.wait(
            lambda rows: rows.get(str(second.path), {}).get("records") == second.expect["records"], "a new one is added")
        size = watch.rows[str(first.path)]["size"]
        with open(first.sidecar("wal"), "ab") as wal:
            wal.write(b"x" * 100)
        watch.wait(lambda rows: rows[str(first.path)]["size"] == size + 100, "a change is seen")
        second.path.unlink()
        watch.wait(lambda rows: rows[str(second.path)]["state"] == "missing", "what is gone is missing")
        agent.ctl("db", "forget", second.path).expect(OK)
        watch.wait(lambda rows: str(second.path) not in rows, "what is forgotten is removed")
        agent.ctl("db", "alias", "tiny", "other").expect(OK)
        agent.ctl("db", "tag", "other", "t").expect(OK)
        watch.wait(lambda rows: (rows[str(first.path)]["alias"], rows[str(first.path)]["tags"]) == ("other", ["t"]), "names")
        agent.ctl("unlock", "other", password=first.password).expect(OK)
        watch.wait(lambda rows: rows[str(first.path)]["session"] == "unlocked", "an unlocked database")
        assert watch.end() == INTERRUPTED
    assert {r["path"] for r in envelope.data(agent.ctl("ls", "-o", "json"))["databases"]} == {str(first.path)}


def test_directories_that_come_and_go(agent, put):
    first = put("tiny")
    scan(agent)
    outside = samples.sample("typed").copy_to(agent.root / "tmp" / "in" / "deep")
    with watching(agent) as watch:
        watch.wait(lambda rows: len(rows) == 1, "the list")
        shutil.move(agent.root / "tmp" / "in", agent.databases / "in")
        inside = str(agent.databases / "in" / "deep" / outside.path.name)
        watch.wait(lambda rows: inside in rows, "a database in a directory that was moved in")
        (agent.databases / "made").mkdir()
        made = samples.sample("empty").copy_to(agent.databases / "made")
        watch.wait(lambda rows: str(made.path) in rows, "one in a directory that was made")
        shutil.move(agent.databases / "in", agent.databases / "elsewhere")
        moved = str(agent.databases / "elsewhere" / "deep" / outside.path.name)
        # The events of one change come one after the other.
        row = watch.wait(lambda rows: inside not in rows and rows.get(moved), "a moved one is known again")
        assert row["moved_from"] == inside
        shutil.rmtree(agent.databases / "made")
        watch.wait(lambda rows: rows[str(made.path)]["state"] == "missing", "a directory that is gone")
        samples.sample("empty").copy_to(agent.databases / "made")
        watch.wait(lambda rows: rows[str(made.path)]["state"] == "ok", "and back")
        assert watch.rows[str(first.path)]["state"] == "ok"


def test_a_copy_becomes_a_twin(agent, put):
    first = put("tiny")
    scan(agent)
    with watching(agent) as watch:
        watch.wait(lambda rows: len(rows) == 1, "the list")
        copy = samples.sample("tiny").copy_to(agent.databases / "copy")
        watch.wait(lambda rows: rows[str(first.path)]["twins"] == [str(copy.path)], "the original has a twin")
        assert watch.rows[str(copy.path)]["twins"] == [str(first.path)]


def test_a_filter_holds_while_watching(agent, put):
    sample = put("tiny")
    put("typed")
    scan(agent)
    with watching(agent, "--filter", "tag:x") as watch:
        agent.ctl("db", "tag", "tiny", "x").expect(OK)
        watch.wait(lambda rows: list(rows) == [str(sample.path)], "it fits now")
        agent.ctl("db", "tag", "tiny", "x", "--remove").expect(OK)
        watch.wait(lambda rows: rows == {}, "it does not fit any more")
    assert [event for event, _ in watch.events] == ["added", "removed"]


def test_a_busy_writer_costs_few_events_and_no_catalogue_writes(agent, put):
    sample = put("tiny")
    scan(agent)
    catalog = agent.root / "data" / "blazedb-agent" / "catalog.json"
    with watching(agent) as watch:
        watch.wait(lambda rows: len(rows) == 1, "the list")
        before = os.stat(catalog)
        base = watch.rows[str(sample.path)]["size"]
        for _ in range(5000):
            with open(sample.sidecar("wal"), "ab") as wal:
                wal.write(b"x")
        watch.wait(lambda rows: rows[str(sample.path)]["size"] == base + 5000, "the last write is seen")
        assert len(watch.events) < 200, f"{len(watch.events)} events for 5,000 writes"
        after = os.stat(catalog)
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns), "the catalogue was written"


def test_many_watchers_share_and_leave_nothing(agent, put):
    pid = agent.pid()
    put("tiny")
    scan(agent)

    def threads():
        names = []
        for task in os.listdir(f"/proc/{pid}/task"):
            # One that ends between the listing and the reading is one that has ended.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as f:
                    names.append(f.read().strip())
        return names

    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    watches = [Watch(agent) for _ in range(6)]
    for watch in watches:
        watch.wait(lambda rows: len(rows) == 1, "the list")
    assert threads().count("list") == 1
    put("typed")
    for watch in watches:
        watch.wait(lambda rows: len(rows) == 2, "all see the new one")
    # Half are killed without a word; the agent notices although nothing changes.
    for watch in watches[:3]:
        watch.process.kill()
        watch.process.wait(timeout=30)
    for watch in watches[3:]:
        assert watch.end() == INTERRUPTED
    for watch in watches:
        watch.reader.join(timeout=30)
        watch.process.stderr.close()
    until(lambda: "list" not in threads() and "connection" not in threads(), "the threads have ended")
    until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= descriptors, "the descriptors are given back")
    # And it begins anew.
    with watching(agent) as watch:
        watch.wait(lambda rows: len(rows) == 2, "the list again")


test_many_watchers_share_and_leave_nothing = pytest.mark.linux(test_many_watchers_share_and_leave_nothing)


def test_the_agent_may_stop(agent_that_stops):
    world = agent_that_stops
    with watching(world) as watch:
        watch.wait(lambda rows: len(rows) == 1, "the list")
        world.stop()
        assert watch.process.wait(timeout=30) == NO_AGENT
        assert b"stopping" in watch.process.stderr.read()


@pytest.fixture
def agent_that_stops(world, put):
    put("tiny")
    world.start()
    scan(world)
    return world


def test_terminate_ends_it_too(agent, put):
    put("tiny")
    scan(agent)
    with watching(agent) as watch:
        watch.wait(lambda rows: len(rows) == 1, "the list")
        assert watch.end(signal.SIGTERM) == 143


def test_plain_lines(agent, put):
    sample = put("tiny")
    scan(agent)
    process = agent.spawn(
        "ls", "--watch", "-o", "plain", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith(b"EVENT\tNAME\tID\t")
    cells = process.stdout.readline().decode().rstrip("\n").split("\t")
    assert cells[0] == "added" and cells[-1] == str(sample.path)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED


def test_signs_of_life_keep_a_short_timeout_from_ending_it(agent, put):
    put("tiny")
    scan(agent)
    pid = agent.pid()
    with watching(agent, "--timeout", "3") as watch:
        watch.wait(lambda rows: len(rows) == 1, "the list")
        with pytest.raises(subprocess.TimeoutExpired):
            watch.process.wait(timeout=5)
        # An agent that hangs is told.
        os.kill(pid, signal.SIGSTOP)
        try:
            assert watch.process.wait(timeout=30) == 18
        finally:
            os.kill(pid, signal.SIGCONT)
    until(lambda: processes.is_alive(pid), "the agent goes on")


@pytest.mark.parametrize("columns", [60, 160])
def test_on_a_terminal_the_table_is_drawn_again(agent, put, columns):
    put("tiny")
    scan(agent)
    command = agent.words() + ["ls", "--watch"]
    child = pexpect.spawn(
        "/bin/sh", ["-c", 'trap : INT; "$@"; echo "status=$?"; stty -a', "sh"] + command, env=agent.environment(),
        cwd=str(agent.root), timeout=60, dimensions=(20, columns))
    child.expect(rb"NAME.*tiny")
    put("typed")
    child.expect(rb"\x1b\[\d+A\x1b\[J.*NAME.*typed")
    child.sendcontrol("c")
    child.expect(rb"\x1b\[\?7h\x1b\[\?25h")
    child.expect(rb"status=(\d+)")
    assert int(child.match.group(1)) == INTERRUPTED
    child.expect(pexpect.EOF)
    assert re.search(rb"\secho\s", child.before), child.before
    child.close()


def test_more_rows_than_the_terminal_has(agent):
    for n in range(30):
        samples.sample("empty").copy_to(agent.databases / str(n))
    scan(agent)
    child = pexpect.spawn(
        str(agent.words()[0]), ["ls", "--watch"], env=agent.environment(), cwd=str(agent.root), timeout=60,
        dimensions=(10, 100))
    child.expect(rb"and 23 more lines")
    child.sendcontrol("c")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == INTERRUPTED
