"""Scanning: what is found, what is not, and what is only told."""
import os
import signal
import subprocess

import pexpect
import pytest

import envelope
import samples
from snapshot import unchanged
from statuses import INTERRUPTED, NOT_FOUND, OK
from waiting import until


def scan(agent, *roots, **options):
    return envelope.data(agent.ctl("scan", *roots, "-o", "json", **options))


def paths(data):
    return {row["path"] for row in data["databases"]}


def test_a_tree_of_everything(agent):
    top = agent.databases
    tiny = samples.sample("tiny")
    wanted = set()
    for place in ("", "a", "a/b", "a/b/c", "with space", ".hidden-directory"):
        tiny.copy_to(top / place)
        wanted.add(str(top / place / "tiny.blazedb"))
    (top / ".hidden.blazedb").write_bytes(b"")
    (top / "loop").symlink_to(top)
    (top / "a" / "loop").symlink_to("..")
    os.mkfifo(top / "fifo.blazedb")
    (top / "directory.blazedb").mkdir()
    (top / "dangling.blazedb").symlink_to("nowhere")
    (top / "text.txt").write_text("x")
    (top / "backup_v0_0A0B0C0D-0000-4000-8000-000000000000.blazedb").write_bytes(b"")
    (top / "tiny.vacuum_backup.blazedb").write_bytes(b"")
    (top / "tiny.vacuum.blazedb").write_bytes(b"")
    (top / ("txn_in_progress-tiny-" + "0" * 64 + ".blazedb")).write_bytes(b"")
    with unchanged(top):
        found = scan(agent, top)
    seen = paths(found)
    hidden = str(top / ".hidden-directory" / "tiny.blazedb")
    assert seen | {hidden} == wanted, seen ^ wanted
    skipped = {os.path.basename(s["path"]) for s in found["skipped"]}
    assert {"fifo.blazedb", "directory.blazedb"} <= skipped, skipped
    leftovers = {os.path.basename(x["path"]) for x in found["leftovers"]}
    assert len(leftovers) == 4 and not leftovers & {os.path.basename(p) for p in seen}
    assert all(x["size"] == 0 for x in found["leftovers"])
    assert found["directories"] >= 6 and found["files"] >= 6 * 4


def test_a_root_that_is_a_file(agent, put):
    sample = put("tiny")
    assert paths(scan(agent, sample.path)) == {str(sample.path)}


def test_roots_that_overlap_find_once(agent, put):
    sample = put("tiny", agent.databases / "a")
    found = scan(agent, agent.databases, agent.databases / "a", agent.databases)
    assert [r["path"] for r in found["databases"]] == [str(sample.path)]


def test_a_named_root_that_is_missing_is_an_error_and_a_default_one_is_not(agent):
    envelope.failure(agent.ctl("scan", agent.databases / "none", "-o", "json"), NOT_FOUND)
    assert scan(agent)["databases"] == []


def test_blazedbs_own_directory_is_looked_at_by_default(agent, put):
    sample = put("tiny", agent.root / "data" / "blazedb")
    assert paths(scan(agent)) == {str(sample.path)}


def test_letter_case_of_the_extension(agent):
    sample = samples.sample("empty").copy_to(agent.databases)
    sample.path.rename(agent.databases / "empty.BlazeDB")
    assert paths(scan(agent, agent.databases)) == {str(agent.databases / "empty.BlazeDB")}


def test_a_deep_tree(agent):
    """Deeper than any path may be long: the walk neither crashes nor gives up the rest."""
    samples.sample("empty").copy_to(agent.databases)
    here = os.open(agent.databases, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(1500):
        os.mkdir("dddd", dir_fd=here)
        deeper = os.open("dddd", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    assert str(agent.databases / "empty.blazedb") in paths(scan(agent, agent.databases))


def test_many_files(agent):
    for n in range(40):
        directory = agent.databases / f"d{n}"
        directory.mkdir()
        for m in range(50):
            (directory / f"f{m}.txt").touch()
    samples.sample("empty").copy_to(agent.databases / "d7")
    found = scan(agent, agent.databases)
    assert len(found["databases"]) == 1 and found["files"] >= 2000


@pytest.mark.parametrize("words", [["-o", "plain"], ["-o", "table"]])
def test_people_are_told_what_was_found(agent, put, words):
    put("tiny")
    put("damaged/meta-truncated", agent.databases / "m")
    result = agent.ctl("scan", agent.databases, *words).expect(OK)
    assert "tiny" in result.text and "unknown" in result.text


def test_several_scans_at_once(agent, put):
    put("tiny")
    running = [agent.spawn(
        "scan", agent.databases, "-o", "json", cwd=agent.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE) for _ in range(5)]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == OK, err
    assert len(envelope.data(agent.ctl("ls", "-o", "json"))["databases"]) == 1


def test_the_default_roots(agent):
    """All of them, and each database once although several lie inside one another."""
    home = agent.root / "home"
    places = [
        agent.root / "data" / "blazedb", agent.root / "data" / "app", home / "Documents" / "d", home / "Developer" / "p",
        agent.root / "tmp", agent.root / "elsewhere" / "here", agent.root / "configured"]
    wanted = {str(samples.sample("empty").copy_to(place).path) for place in places}
    agent.ctl("config", "set", "scan.roots", f'["{agent.root / "configured"}"]').expect(OK)
    result = agent.ctl("scan", "-o", "json", cwd=agent.root / "elsewhere" / "here")
    found = envelope.data(result)
    assert {r["path"] for r in found["databases"]} == wanted and len(found["databases"]) == len(wanted)
    assert str(agent.root / "elsewhere" / "here") in found["roots"]


@pytest.mark.parametrize("place", [".git", "node_modules", ".Trash", ".Trash-1000", ".build", ".cache"])
def test_where_nobody_looks_by_default(agent, place):
    hidden = samples.sample("empty").copy_to(agent.databases / "a" / place / "b")
    assert paths(scan(agent, agent.databases)) == set()
    # Whoever names it means it.
    assert paths(scan(agent, agent.databases / "a" / place)) == {str(hidden.path)}


def test_leftovers_without_their_database(agent):
    names = {
        "backup_v0_0A.blazedb": "open-backup", "backup_v0_0A.meta": "open-backup",
        "txn_in_progress-gone-" + "0" * 64 + ".state": "transaction-copy", "txn_log-gone-0f.json": "transaction-log",
        "gone.vacuum.meta": "vacuum-new", "gone.vacuum.wal": "vacuum-new", "gone.vacuum_in_progress": "vacuum-marker",
        "gone.vacuum_success": "vacuum-marker", "gone.vacuum_backup.meta": "vacuum-backup",
        "gone.blazedb.vacuum-0A0B": "async-vacuum", "gone.blazedb.wal": "async-vacuum"}
    for name in names:
        (agent.databases / name).write_bytes(b"12345")
    for name in ("backup_v0_x.txt", "vacuum.blazedb.txt", "gone.wal", "gone.meta", "txn_log-x.txt"):
        (agent.databases / name).write_bytes(b"")
    found = scan(agent, agent.databases)
    assert {os.path.basename(x["path"]): x["kind"] for x in found["leftovers"]} == names
    assert {x["size"] for x in found["leftovers"]} == {5} and found["databases"] == []


def test_a_database_whose_data_file_is_moved_aside_does_not_vanish(agent, put):
    sample = put("damaged/vacuum-between-renames")
    (row,) = scan(agent, agent.databases)["databases"]
    assert row["path"] == str(sample.path) and row["state"] == "damaged" and row["records"] == 300
    assert [r["state"] for r in envelope.data(agent.ctl("ls", "-o", "json"))["databases"]] == ["damaged"]


@pytest.mark.linux
def test_mounts(world):
    """In a mount namespace of its own: another disk is searched, what may hang is not, and a bind mount is no loop."""
    top = world.databases
    for name in ("disk", "kernel", "again"):
        (top / name).mkdir()
    samples.sample("tiny").copy_to(top / "plain")
    script = (
        'mount -t tmpfs none "$1/disk" && cp "$1"/plain/* "$1/disk" && mount -t proc none "$1/kernel" && '
        'mount --bind "$1" "$1/again" && shift && exec "$@"')
    command = world.words("blazedb-agent") + ["--foreground"]
    assert os.geteuid() == 0, "a mount needs root"
    with open(world.root / "tmp" / "agent.err", "wb") as log:
        agent = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", script, "sh", str(top)] + command, env=world.environment(), stderr=log,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(lambda: world.pid(), "the agent is ready")
        found = scan(world, top)
        assert paths(found) == {str(top / "plain" / "tiny.blazedb"), str(top / "disk" / "tiny.blazedb")}
        reasons = {s["path"]: s["reason"] for s in found["skipped"]}
        assert "proc" in reasons[str(top / "kernel")]
        assert found["directories"] == 3
    finally:
        world.stop()
        agent.wait(timeout=30)


@pytest.mark.linux
def test_a_client_that_leaves_ends_the_walk(agent):
    """Nobody else's scan is held up, and the walk's threads are gone at once."""
    pid = agent.pid()
    running = agent.spawn("scan", "/", "-o", "json", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def walking():
        out = 0
        for thread in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as f:
                    out += f.read().strip() == "walk"
            except FileNotFoundError:
                pass
        return out

    until(lambda: walking() or running.poll() is not None, "the walk has begun")
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode in (INTERRUPTED, OK)
    until(lambda: walking() == 0, "the walk has ended", seconds=5)
    samples.sample("tiny").copy_to(agent.databases)
    assert len(paths(scan(agent, agent.databases))) == 1


def test_rows_come_before_the_end_and_progress_goes_to_the_terminal(agent):
    for n in range(100):
        samples.sample("empty").copy_to(agent.databases / str(n))
    child = pexpect.spawn(
        agent.words()[0], ["scan", str(agent.databases)], env=agent.environment(), cwd=str(agent.root), timeout=60,
        dimensions=(24, 200))
    child.expect(rb"NAME +ID +SIZE")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == OK
    assert child.before.count(b"empty.blazedb") >= 100


@pytest.mark.slow
def test_very_many_in_one_directory(agent):
    """Work grows with the databases, not with their square."""
    source = samples.sample("empty")
    for n in range(800):
        for extension in ("blazedb", "meta", "salt", "wal"):
            if source.sidecar(extension).exists():
                (agent.databases / f"n{n}.{extension}").write_bytes(source.sidecar(extension).read_bytes())
    assert len(scan(agent, agent.databases)["databases"]) == 800
    rows = envelope.data(agent.ctl("ls", "-o", "json"))["databases"]
    assert len(rows) == 800 and {(r["twin_count"], len(r["twins"])) for r in rows} == {(799, 16)}
