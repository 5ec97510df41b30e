"""Scanning: what is found, what is not, and what is only told."""
import os
import subprocess

import pytest

import envelope
import samples
from snapshot import unchanged
from statuses import NOT_FOUND, OK


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
    assert len(leftovers) >= 4 and not leftovers & {os.path.basename(p) for p in seen}
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
