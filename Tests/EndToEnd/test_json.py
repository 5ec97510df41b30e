"""JSON: one object on stdout for every verb, one object on stderr for every error, and nothing else."""
import json
import re

import pytest

import envelope
from statuses import LOCKED, NEEDS_PROMPT, NOT_FOUND, OK, USAGE, WOULD_OVERWRITE

ROW = {"id", "alias", "name", "path", "tags", "size", "records", "records_estimated", "modified", "session", "state",
       "reason", "ownership", "twins", "twin_count", "app", "last_holder", "moved_from", "moved_as_file"}


def every_verb(agent, sample):
    """(words, schema's verb, further options of ctl, the keys of data) of every verb that succeeds here."""
    path, password = sample.path, sample.password
    return [
        (["version"], "version", {}, {"version"}),
        (["agent", "start"], "agent.start", {}, {"pid"}),
        (["agent", "env"], "agent.env", {}, {"variable", "socket", "shell", "pid"}),
        (["ping"], "ping", {}, {"pid", "round_trip"}),
        (["agent", "ping"], "agent.ping", {}, {"pid", "round_trip"}),
        (["status"], "status", {}, {"agent", "hardening", "unlocked", "leases", "connections", "config"}),
        (["agent", "status"], "agent.status", {}, {"agent", "hardening", "unlocked", "connections", "config"}),
        (["scan", agent.databases], "scan", {}, {
            "roots", "databases", "leftovers", "skipped", "directories", "files"}),
        (["ls"], "ls", {}, {"databases", "groups"}),
        (["info", path], "info", {}, {
            "id", "alias", "name", "path", "tags", "session", "size", "modified", "files", "records", "format", "pages",
            "wal", "indexes", "leftovers", "findings", "twins", "app", "last_holder"}),
        (["check", "--quick", path], "check", {"password": password}, {
            "id", "alias", "path", "verdict", "findings", "counts", "depth", "sample", "reading"}),
        (["check", path], "check", {"password": password}, {
            "id", "alias", "path", "verdict", "findings", "counts", "depth", "sample", "reading"}),
        (["vacuum", path, "--dry-run"], "vacuum", {"password": password}, {
            "id", "alias", "path", "dry_run", "space", "job"}),
        (["gc", "status", path], "gc.status", {"password": password}, {"id", "alias", "path", "space"}),
        (["gc", "run", path, "--yes"], "gc.run", {"password": password}, {"id", "alias", "path", "space", "job"}),
        (["jobs", "ls"], "jobs.ls", {}, {"jobs"}),
        (["jobs", "show", "1"], "jobs.show", {}, {"job"}),
        (["jobs", "cancel", "1"], "jobs.cancel", {}, {"job", "was_active"}),
        (["unlock", path], "unlock", {"password": password}, {"id", "alias", "path", "kdf_iterations"}),
        (["export", path, "--format", "typed", "--out", agent.root / "tmp" / "o.json"], "export", {}, {
            "path", "records", "bytes", "findings"}),
        (["db", "alias", path, "first"], "db.alias", {}, ROW),
        (["db", "tag", path, "work"], "db.tag", {}, ROW),
        (["holders", path], "holders", {}, {"id", "alias", "path", "ownership", "holders"}),
        (["release", "--all"], "release", {}, {"released"}),
        (["lock"], "lock", {}, {"locked"}),
        (["db", "forget", path], "db.forget", {}, ROW),
        (["db", "add", path], "db.add", {}, ROW),
        (["config", "path"], "config.path", {}, {"path"}),
        (["config", "show"], "config.show", {}, set()),
        (["config", "get", "scan.exclude"], "config.get", {}, set()),
        (["config", "set", "scan.exclude", '["x"]'], "config.set", {}, set()),
        (["config", "check"], "config.check", {}, set()),
    ]


def test_every_verb_prints_one_object(agent, put):
    sample = put("tiny")
    seen = []
    for words, verb, options, keys in every_verb(agent, sample):
        result = agent.ctl(*words, "-o", "json", **options)
        parsed = envelope.success(result, OK)
        seen.append((words, parsed["schema"]))
        assert keys <= set(parsed["data"]), f"{words}: {sorted(keys - set(parsed['data']))} missing"
        assert not any(c in result.text for c in "\x1b\x07"), words
    for (words, schema), (_, verb, _, _) in zip(seen, every_verb(agent, sample)):
        assert schema == f"blazectl/{verb}/1", words


def test_the_option_is_taken_before_and_behind_the_verb(agent):
    for words in (["ls", "-o", "json"], ["ls", "--output", "json"], ["ls", "--output=json"]):
        envelope.success(agent.ctl(*words))


def test_an_unknown_output_is_refused(agent):
    assert agent.ctl("ls", "-o", "xml").expect(USAGE).out == b""


ERRORS = [
    (["info", "none"], NOT_FOUND), (["info", "/none.blazedb"], NOT_FOUND), (["db", "forget", "none"], NOT_FOUND),
    (["db", "add", "/none.blazedb"], NOT_FOUND), (["scan", "/none"], NOT_FOUND), (["config", "get", "no.such"], USAGE),
    (["config", "set", "no.such", "1"], USAGE), (["config", "set", "scan.roots", "5"], USAGE),
    (["unlock", "DB"], NEEDS_PROMPT), (["export", "DB", "--format", "typed"], LOCKED),
    (["db", "alias", "DB", "x"], NOT_FOUND), (["db", "alias", "DB", "-x-/"], USAGE), (["db", "alias", "DB", "0123456789"], USAGE),
    (["db", "add", "DB", "--alias", "a/b"], USAGE),
    (["db", "add", "DB", "--alias", "0123456789"], USAGE),
]


@pytest.mark.parametrize("words,status", ERRORS)
def test_every_error_is_one_object_on_stderr(agent, put, words, status):
    sample = put("tiny")
    words = [str(sample.path) if w == "DB" else w for w in words]
    error = envelope.failure(agent.ctl(*words, "-o", "json"), status)
    assert error["holder"] is None


def test_errors_without_json_go_to_stderr_too(agent):
    for output in ("plain", "table"):
        result = agent.ctl("info", "/none.blazedb", "-o", output).expect(NOT_FOUND)
        assert result.out == b"" and result.messages.startswith("blazectl"), result
        assert len(result.messages.splitlines()) <= 3


@pytest.mark.parametrize("words", [["nonsense"], ["info"], ["ls", "--nonsense"], ["db", "nonsense", "x"],
                                   ["export", "x", "--format", "nonsense"], ["unlock", "x", "--password-fd"],
                                   ["ls", "--timeout", "x"], ["ls", "--timeout", "-1"], ["check"], ["check", "x", "--quick", "--full"],
                                   ["check", "x", "--full", "--sample", "5"], ["check", "x", "--sample", "0"],
                                   ["check", "x", "--sample", "100.5"], ["check", "x", "--sample", "nan"],
                                   ["check", "x", "--seed", "5"], ["check", "x", "--full", "--tier", "file"]])
def test_misuse_is_told_on_stderr_with_status_2(world, words):
    result = world.ctl(*words).expect(USAGE)
    assert result.out == b"" and result.err


@pytest.mark.parametrize("words", [["--help"], ["help"], ["info", "--help"], ["db", "--help"], ["db", "alias", "--help"]])
def test_help(world, words):
    result = world.ctl(*words).expect(OK)
    assert "USAGE" in result.text.upper() and result.err == b""
    assert world.pid() is None, "help needs no agent"


def test_unknown_is_null(agent, put):
    sample = put("damaged/meta-truncated")
    data = envelope.data(agent.ctl("info", sample.path, "-o", "json"))
    assert data["records"]["count"] is None
    assert data["pages"] is None
    assert data["format"]["kdf_iterations"] is None
    assert data["alias"] is None


def test_the_tier_is_told(agent, put):
    sample = put("tiny")
    assert envelope.success(agent.ctl("info", sample.path, "-o", "json"))["tier"] == "file"
    checked = envelope.success(agent.ctl("check", "--quick", sample.path, "-o", "json"), OK, 4)
    assert checked["tier"] == "file"
    assert any("signature" in w for w in checked["warnings"]), checked["warnings"]
    checked = envelope.success(agent.ctl("check", "--quick", sample.path, "-o", "json", password=sample.password))
    assert checked["tier"] == "observe" and checked["warnings"] == []


def test_counts_of_findings_agree_with_the_list(agent, put):
    for name, statuses in (("tiny", {OK}), ("unclean", {4}), ("damaged/stale-next-page", {4, 5})):
        sample = put(name)
        result = agent.ctl("check", "--quick", sample.path, *sample.kdf, "-o", "json", password=sample.password)
        data = envelope.data(result, *statuses)
        for severity in ("note", "advice", "damage"):
            assert data["counts"][severity] == sum(f["severity"] == severity for f in data["findings"])
        verdict = {OK: "clean", 4: "advice", 5: "damage"}[result.status]
        assert data["verdict"] == verdict


def test_quiet(agent, put):
    put("tiny")
    result = agent.ctl("scan", agent.databases, "-q").expect(OK)
    assert result.err == b""


def test_large_numbers_and_text_survive(agent, put):
    sample = put("tiny")
    raw = agent.ctl("info", sample.path, "-o", "json").expect(OK).out
    assert json.loads(raw)["data"]["size"] == sum(
        f.stat().st_size for f in sample.directory.iterdir() if f.stem == "tiny")
    assert re.search(rb'"path":\s*"', raw)


def test_export_to_a_file_is_told_as_json(agent, put):
    sample = put("tiny")
    out = agent.root / "tmp" / "tiny.json"
    data = envelope.data(agent.ctl(
        "export", sample.path, "--format", "typed", "--out", out, "-o", "json", password=sample.password))
    assert data["path"] == str(out) and data["records"] == sample.expect["records"]
    assert data["bytes"] == out.stat().st_size
    envelope.failure(agent.ctl(
        "export", sample.path, "--format", "typed", "--out", out, "-o", "json", password=sample.password),
        WOULD_OVERWRITE)
