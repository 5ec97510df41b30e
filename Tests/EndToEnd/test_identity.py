"""Which database is which: one that was moved keeps its name, a copy is shown as a twin."""
import os
import shutil

import pytest

import envelope
import samples
from statuses import LOCKED, OK


def scan(agent, *roots):
    return envelope.data(agent.ctl("scan", *(roots or [agent.databases]), "-o", "json"))


def rows(agent, *words):
    return envelope.data(agent.ctl("ls", *words, "-o", "json"))["databases"]


def by_path(found):
    return {row["path"]: row for row in found}


def names_and_tags(agent):
    return sorted((r["alias"], r["tags"], r["path"]) for r in rows(agent))


@pytest.fixture
def known(agent, put):
    """A sample in a directory of its own, known as `mine` and tagged."""
    sample = put("tiny", agent.databases / "a")
    scan(agent)
    agent.ctl("db", "alias", "tiny", "mine").expect(OK)
    agent.ctl("db", "tag", "mine", "work").expect(OK)
    return sample


@pytest.mark.parametrize("how", ["scan", "add", "unlock"])
def test_a_moved_directory_is_recognised(agent, known, how):
    shutil.move(agent.databases / "a", agent.databases / "b")
    new = agent.databases / "b" / "tiny.blazedb"
    if how == "scan":
        (row,) = scan(agent)["databases"]
    elif how == "add":
        row = envelope.data(agent.ctl("db", "add", new, "-o", "json"))
    else:
        agent.ctl("unlock", new, password=known.password).expect(OK)
        (row,) = rows(agent)
    assert row["alias"] == "mine" and row["tags"] == ["work"] and row["path"] == str(new)
    if how != "unlock":
        assert row["moved_from"] == str(known.path) and row["moved_as_file"] is True
    assert names_and_tags(agent) == [("mine", ["work"], str(new))]


def test_a_renamed_database_is_recognised(agent, known):
    for extension in ("blazedb", "meta", "salt", "wal"):
        os.rename(known.sidecar(extension), agent.databases / "a" / f"other.{extension}")
    (row,) = scan(agent)["databases"]
    assert (row["alias"], row["name"], row["moved_as_file"]) == ("mine", "other", True)


def test_people_are_told_of_a_move(agent, known):
    shutil.move(agent.databases / "a", agent.databases / "b")
    result = agent.ctl("scan", agent.databases).expect(OK)
    assert "mine has moved from" in result.messages and str(known.path) in result.messages


def test_restored_elsewhere_is_taken_for_it_and_said_so(agent, known):
    shutil.copytree(agent.databases / "a", agent.root / "tmp" / "backup")
    shutil.rmtree(agent.databases / "a")
    shutil.copytree(agent.root / "tmp" / "backup", agent.databases / "r")
    (row,) = scan(agent)["databases"]
    assert row["alias"] == "mine" and row["moved_from"] == str(known.path) and row["moved_as_file"] is False


def test_of_a_copy_and_the_moved_original_the_inode_decides(agent, known):
    shutil.copytree(agent.databases / "a", agent.databases / "copy")
    shutil.move(agent.databases / "a", agent.databases / "z")
    found = by_path(scan(agent)["databases"])
    assert found[str(agent.databases / "z" / "tiny.blazedb")]["alias"] == "mine"
    assert found[str(agent.databases / "copy" / "tiny.blazedb")]["alias"] != "mine"


def test_a_copy_is_a_twin(agent, known):
    copy = agent.databases / "b" / "tiny.blazedb"
    shutil.copytree(agent.databases / "a", agent.databases / "b")
    for found in (scan(agent)["databases"], rows(agent)):
        found = by_path(found)
        assert found[str(known.path)]["twins"] == [str(copy)] and found[str(copy)]["twins"] == [str(known.path)]
        assert found[str(known.path)]["alias"] == "mine" and found[str(copy)]["tags"] == []
    assert found[str(copy)]["twin_count"] == 1
    text = agent.ctl("ls", "-o", "table").expect(OK).text
    assert sum("twin" in line for line in text.splitlines()) == 2
    assert envelope.data(agent.ctl("info", copy, "-o", "json"))["twins"] == [str(known.path)]
    error = envelope.failure(agent.ctl("info", found[str(copy)]["id"][:8], "-o", "json"), 2, 1)
    assert error["name"] == "ambiguous" and str(copy) in error["message"] and str(known.path) in error["message"]
    # The twin of nothing is none.
    shutil.rmtree(agent.databases / "b")
    assert by_path(rows(agent))[str(known.path)]["twins"] == []


def test_another_inode_at_the_same_path_is_the_same_database(agent, known):
    before = rows(agent)
    copy = agent.databases / "a" / "new"
    shutil.copy2(known.path, copy)
    os.replace(copy, known.path)
    after = scan(agent)["databases"]
    assert [(r["alias"], r["moved_from"]) for r in after] == [("mine", None)]
    assert len(before) == len(rows(agent)) == 1
    # The new inode is the one by which a move is recognised from now on.
    shutil.move(agent.databases / "a", agent.databases / "b")
    assert scan(agent)["databases"][0]["moved_as_file"] is True


def test_the_key_of_a_moved_database_is_wiped(agent, known):
    agent.ctl("unlock", "mine", password=known.password).expect(OK)
    shutil.move(agent.databases / "a", agent.databases / "b")
    scan(agent)
    assert envelope.data(agent.ctl("status", "-o", "json"))["unlocked"] == []
    agent.ctl("export", "mine", "--format", "typed").expect(LOCKED)


def test_a_database_without_salt_moves_with_its_inode(agent, put):
    sample = put("tiny", agent.databases / "a")
    sample.sidecar("salt").unlink()
    scan(agent)
    agent.ctl("db", "alias", "tiny", "old").expect(OK)
    shutil.move(agent.databases / "a", agent.databases / "b")
    (row,) = scan(agent)["databases"]
    assert row["alias"] == "old" and row["moved_as_file"] is True
    # A copy has another inode, and nothing ties it to the original.
    shutil.copytree(agent.databases / "b", agent.databases / "c")
    assert all(r["twins"] == [] for r in scan(agent)["databases"])


def test_it_is_remembered_beyond_the_agent(world):
    samples.sample("tiny").copy_to(world.databases / "a")
    world.start()
    scan(world)
    world.ctl("db", "alias", "tiny", "mine").expect(OK)
    world.stop()
    shutil.move(world.databases / "a", world.databases / "b")
    world.start()
    (row,) = scan(world)["databases"]
    assert row["alias"] == "mine" and row["moved_as_file"] is True
