"""The known databases: added, named, tagged, found again, forgotten; and what a name may be."""
import os
import subprocess

import pytest

import envelope
import samples
from snapshot import unchanged
from statuses import FAILURE, NOT_FOUND, OK, USAGE


def rows(agent):
    return envelope.data(agent.ctl("ls", "-o", "json"))["databases"]


def catalog(agent):
    return agent.root / "data" / "blazedb-agent" / "catalog.json"


def test_add_ls_alias_tag_forget(agent, put):
    sample = put("tiny")
    with unchanged(agent.databases):
        added = envelope.data(agent.ctl("db", "add", sample.path, "--alias", "notes", "-o", "json"))
        assert added["alias"] == "notes" and added["path"] == str(sample.path)
        assert [r["alias"] for r in rows(agent)] == ["notes"]
        agent.ctl("db", "alias", "notes", "papers").expect(OK)
        agent.ctl("info", "notes").expect(NOT_FOUND)
        agent.ctl("info", "papers").expect(OK)
        agent.ctl("db", "tag", "papers", "work", "old").expect(OK)
        assert rows(agent)[0]["tags"] == ["old", "work"]
        agent.ctl("db", "tag", "papers", "old", "--remove").expect(OK)
        assert rows(agent)[0]["tags"] == ["work"]
        agent.ctl("db", "forget", "papers").expect(OK)
        assert rows(agent) == []
        agent.ctl("info", "papers").expect(NOT_FOUND)
        agent.ctl("info", sample.path).expect(OK)


def test_looking_adds_nothing(agent, put):
    sample = put("tiny")
    for words in (["info"], ["check", "--quick"], ["export", "--format", "typed"]):
        agent.ctl(*words, sample.path, password=sample.password).expect(OK)
    assert rows(agent) == []


def test_by_id(agent, put):
    sample = put("tiny")
    full = envelope.data(agent.ctl("db", "add", sample.path, "-o", "json"))["id"]
    assert len(full) == 32
    for prefix in (full, full[:6], full[:10].upper()):
        assert envelope.data(agent.ctl("info", prefix, "-o", "json"))["path"] == str(sample.path)
    agent.ctl("info", full[:5]).expect(NOT_FOUND, USAGE)


def test_copies_share_an_id_and_must_be_named_otherwise(agent, put):
    first, second = put("tiny", agent.databases / "a"), put("tiny", agent.databases / "b")
    ids = set()
    for sample in (first, second):
        ids.add(envelope.data(agent.ctl("db", "add", sample.path, "-o", "json"))["id"])
    assert len(ids) == 1 and len(rows(agent)) == 2
    result = agent.ctl("info", ids.pop(), "-o", "json")
    error = envelope.failure(result, FAILURE, USAGE, NOT_FOUND)
    assert error["name"] == "ambiguous", error
    assert str(first.path) in error["message"] and str(second.path) in error["message"], error
    for sample, alias in ((first, "tiny"), (second, "b-tiny")):
        assert envelope.data(agent.ctl("info", alias, "-o", "json"))["path"] == str(sample.path)


def test_scanned_databases_get_names_of_their_own(agent, put):
    put("tiny", agent.databases / "a")
    put("tiny", agent.databases / "b")
    put("typed")
    agent.ctl("scan", agent.databases).expect(OK)
    aliases = sorted(r["alias"] for r in rows(agent))
    assert aliases == ["b-tiny", "tiny", "typed"]
    for alias in aliases:
        agent.ctl("info", alias).expect(OK)


def test_scanning_again_changes_nothing(agent, put):
    put("tiny")
    agent.ctl("scan", agent.databases).expect(OK)
    agent.ctl("db", "alias", "tiny", "mine").expect(OK)
    before = rows(agent)
    agent.ctl("scan", agent.databases).expect(OK)
    assert rows(agent) == before


@pytest.mark.parametrize("alias", ["", "a/b", "@x", "-x", ".x", "x y", "a" * 65, "abcdef12", "new\nline", "caf\u00e9"])
def test_names_that_would_be_mistaken_are_refused(agent, put, alias):
    sample = put("tiny")
    agent.ctl("db", "add", sample.path).expect(OK)
    result = agent.ctl("db", "alias", "-o", "json", "--", sample.path, alias)
    assert result.expect(USAGE).out == b"" and result.err


def test_a_name_that_is_taken(agent, put):
    first, second = put("tiny"), put("typed")
    agent.ctl("db", "add", first.path, "--alias", "x").expect(OK)
    result = agent.ctl("db", "add", second.path, "--alias", "x")
    assert result.status in (USAGE, FAILURE, 22) and "x" in result.messages, result
    assert len(rows(agent)) == 1


def test_it_lasts_beyond_the_agent(world, put):
    sample = put("tiny")
    world.start()
    world.ctl("db", "add", sample.path, "--alias", "kept").expect(OK)
    world.ctl("db", "tag", "kept", "t").expect(OK)
    world.stop()
    world.start()
    assert [(r["alias"], r["tags"]) for r in rows(world)] == [("kept", ["t"])]


def test_what_has_gone_is_called_missing(agent, put):
    sample = put("tiny")
    agent.ctl("db", "add", sample.path).expect(OK)
    sample.path.unlink()
    row = rows(agent)[0]
    assert row["state"] == "missing" and row["records"] is None and row["reason"]
    agent.ctl("info", "tiny").expect(NOT_FOUND)
    agent.ctl("db", "forget", "tiny").expect(OK)


@pytest.mark.parametrize("content", [b"", b"{", b"not json", b"[]", b"{\"version\":99,\"databases\":[]}", b"\0" * 100])
def test_a_spoilt_catalogue_is_set_aside_and_told(world, put, content):
    sample = put("tiny")
    world.start()
    world.ctl("db", "add", sample.path).expect(OK)
    world.stop()
    catalog(world).write_bytes(content)
    world.start()
    result = world.ctl("ls", "-o", "json")
    parsed = envelope.success(result)
    status = envelope.success(world.ctl("status", "-o", "json"))
    assert any("catalog" in w for w in parsed["warnings"] + status["warnings"]), (parsed, status)
    kept = [f for f in catalog(world).parent.iterdir() if f.name != "catalog.json" and f.read_bytes() == content]
    assert len(kept) == 1, "what was spoilt has not been kept"
    world.ctl("db", "add", sample.path).expect(OK)
    assert len(rows(world)) == 1


def test_many_changes_at_once_lose_nothing(world):
    world.start()
    paths = [samples.sample("empty").copy_to(world.databases / str(n)).path for n in range(12)]
    running = [world.spawn(
        "db", "add", path, "--alias", f"n{n}", cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE) for n, path in enumerate(paths)]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == OK, err
    assert {r["alias"] for r in rows(world)} == {f"n{n}" for n in range(12)}
    world.stop()
    world.start()
    assert len(rows(world)) == 12


def test_a_link_names_the_same_database(agent, put):
    sample = put("tiny")
    link = agent.databases / "link.blazedb"
    link.symlink_to(sample.path)
    agent.ctl("db", "add", sample.path).expect(OK)
    data = envelope.data(agent.ctl("info", link, "-o", "json"))
    assert os.path.samefile(data["path"], sample.path)
