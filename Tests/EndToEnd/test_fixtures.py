"""Every database that BlazeDB wrote reads exactly as its manifest says, through the agent."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

import envelope
import samples
import typed_json
from snapshot import unchanged
from statuses import DAMAGE, LOCKED, OK

REFERENCE = pathlib.Path(os.environ.get("BLAZEDB_FIXTURES", "/nonexistent")).parent / "format" / "blazefmt.py"

# The metadata of this one lists five records that are not in its file: whoever exports it must hear of them.
LOST = {"damaged/lost-second-owner"}

by_name = pytest.mark.parametrize("name", [s.name for s in samples.READABLE])


def complete(name):
    """The exit status of an export of all that is there."""
    return DAMAGE if name in LOST else OK


def reference(*arguments):
    """Runs the independent reader."""
    return subprocess.run([sys.executable, str(REFERENCE), *map(str, arguments)], capture_output=True, timeout=300)


@by_name
def test_export_is_what_the_manifest_says(agent, put, name):
    sample = put(name)
    with unchanged(agent.databases):
        result = agent.ctl("export", sample.path, "--format", "typed", *sample.kdf, password=sample.password)
    result.expect(complete(name))
    records = typed_json.parse(result.out)
    assert len(records) == sample.expect["records"]
    assert typed_json.canonical_hash(records) == sample.expect["sha256"]


@by_name
def test_export_of_an_unlocked_database_is_the_same_and_locked_there_is_none(agent, put, name):
    sample = put(name)
    with unchanged(agent.databases):
        refused = agent.ctl("export", sample.path, "--format", "typed")
        assert refused.expect(LOCKED).out == b""
        agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
        unlocked = agent.ctl("export", sample.path, "--format", "typed").expect(complete(name))
        agent.ctl("lock", sample.path).expect(OK)
        given = agent.ctl(
            "export", sample.path, "--format", "typed", *sample.kdf, password=sample.password).expect(complete(name))
        assert agent.ctl("export", sample.path, "--format", "typed").expect(LOCKED).out == b""
    assert unlocked.out == given.out
    assert typed_json.canonical_hash(typed_json.parse(unlocked.out)) == sample.expect["sha256"]


if REFERENCE.exists():
    # The independent reader is no part of the project: where it lies beside the larger set of fixtures, it is asked.
    @by_name
    def test_export_equals_the_independent_reader_byte_for_byte(agent, put, tmp_path, name):
        sample = put(name)
        ours = agent.ctl("export", sample.path, "--format", "typed", *sample.kdf, password=sample.password)
        ours.expect(complete(name))
        theirs = reference("dump", sample.path, "--password", sample.password, "--iterations", sample.iterations)
        assert theirs.returncode in (0, 1), theirs.stderr.decode()
        assert ours.out == theirs.stdout
        dump = tmp_path / "dump.json"
        dump.write_bytes(ours.out)
        told = reference("hash", dump).stdout.decode().split()
        assert told == [str(sample.expect["records"]), sample.expect["sha256"]]


def found(agent, sample):
    """The findings of the quick check and of reading all records, by name."""
    checked = envelope.data(
        agent.ctl("check", "--quick", sample.path, *sample.kdf, "-o", "json", password=sample.password), 0, 4, 5)
    out = agent.root / "tmp" / "out.json"
    exported = envelope.data(agent.ctl(
        "export", sample.path, "--format", "typed", "--out", out, *sample.kdf, "-o", "json",
        password=sample.password), complete(sample.name))
    both = checked["findings"] + exported["findings"]
    for finding in both:
        assert set(finding) == {"name", "severity", "page", "record", "count", "possible", "message"}
        # Nobody has the fixture open, and the system can tell: nothing is merely possible.
        assert finding["possible"] is False
        assert finding["severity"] in ("note", "advice", "damage") and finding["count"] >= 1 and finding["message"]
    return both


@by_name
def test_every_known_problem_is_found(agent, put, name):
    sample = put(name)
    with unchanged(agent.databases):
        names = {f["name"] for f in found(agent, sample)}
    missing = set(sample.expect["problems"]) - names
    assert not missing, f"{sorted(missing)} not among {sorted(names)}"


# What a look at each damaged database must at least tell, by name.
TELLS = {
    "unclean": {"phantom", "wal-would-resurrect"},
    "damaged/chain-order": {"chain-order"},
    "damaged/leaked-pages": {"leaked"},
    "damaged/phantom-delete": {"phantom"},
    "damaged/stale-next-page": {"next-page-low"},
    "damaged/async-vacuum-free-list": {"next-page-low"},
    "damaged/wal-over-overflow": {"wal-over-overflow"},
    "damaged/txn-interrupted": {"transaction-interrupted"},
    "damaged/overflow-v1": {"old-overflow-form", "legacy-salt"},
    "damaged/rebuild-hides-records": {"orphan", "next-page-low"},
    "damaged/torn-wal": {"wal-garbage"},
    "damaged/lost-second-owner": {"phantom"},
}


@pytest.mark.parametrize("name", sorted(TELLS))
def test_each_pattern_of_damage_is_told_by_name(agent, put, name):
    names = {f["name"] for f in found(agent, put(name))}
    assert TELLS[name] <= names, f"{sorted(TELLS[name] - names)} not among {sorted(names)}"


@pytest.mark.parametrize("name", ["empty", "tiny", "large"])
def test_sound_databases_are_called_sound(agent, put, name):
    sample = put(name)
    checked = envelope.data(
        agent.ctl("check", "--quick", sample.path, "-o", "json", password=sample.password), OK)
    assert checked["verdict"] == "clean", checked


# -- Refused, for the stated reason

def refusals(agent, sample):
    """Every way to ask for contents; each is refused alike."""
    with unchanged(agent.databases):
        for words in (["unlock"], ["export", "--format", "typed"]):
            result = agent.ctl(*words, sample.path, *sample.kdf, "-o", "json", password=sample.password)
            yield result


def test_truncated_metadata_is_refused_with_the_byte_position(agent, put):
    sample = put("damaged/meta-truncated")
    for result in refusals(agent, sample):
        error = envelope.failure(result, DAMAGE)
        assert "JSON" in error["message"], error
        assert str(sample.sidecar("meta").stat().st_size)[:3] in error["message"].replace(",", ""), error


def test_forged_metadata_is_refused_although_the_password_is_right(agent, put):
    sample = put("damaged/forged-v1-meta")
    for result in refusals(agent, sample):
        error = envelope.failure(result, DAMAGE)
        assert "signature does not verify" in error["message"], error


def test_the_refused_ones_are_all_covered():
    assert {s.name for s in samples.REFUSED} == {"damaged/meta-truncated", "damaged/forged-v1-meta"}
    without = {s.name for s in samples.ALL.values() if not s.expect}
    assert without == {"damaged/vacuum-between-renames"}


def test_a_vacuum_that_was_cut_off_is_told_and_not_undone(agent, put):
    sample = put("damaged/vacuum-between-renames")
    with unchanged(agent.databases):
        info = envelope.data(agent.ctl("info", sample.path, "-o", "json"))
        assert "vacuum-interrupted" in {f["name"] for f in info["findings"]}
        for words in (["unlock"], ["export", "--format", "typed"]):
            error = envelope.failure(
                agent.ctl(*words, sample.path, *sample.kdf, "-o", "json", password=sample.password), DAMAGE)
            assert "vacuum" in error["message"] and "db.vacuum_backup.blazedb" in error["hint"], error


# -- The numbers of info and ls

@by_name
def test_info_of_an_open_database_gives_the_true_numbers(agent, put, name):
    sample, expect = put(name), samples.sample(name).expect
    with unchanged(agent.databases):
        parsed = envelope.success(
            agent.ctl("info", sample.path, *sample.kdf, "-o", "json", password=sample.password))
    assert parsed["tier"] == "observe"
    data = parsed["data"]
    assert data["records"]["count"] == expect["indexed"]
    pages, kinds = data["pages"], expect["kinds"]
    if name == "unclean":  # the manifest counts 10 deleted pages as the WAL would bring them back; on the disk they are zero
        kinds = {"main": kinds["main"] - 10, "empty": 10}
    assert pages["size"] == 4096
    assert pages["total"] == expect["pages"]
    assert pages["record"] == kinds.get("main", 0)
    assert pages["overflow"] == kinds.get("overflow", 0)
    assert pages["empty"] == kinds.get("empty", 0)
    assert pages["plain"] == pages["compressed"] == pages["unrecognized"] == 0
    assert pages["free"] == expect["deletedPages"]
    assert pages["next_page_index"] == expect["nextPageIndex"]
    assert {i["name"]: i["keys"] for i in data["indexes"]} == expect["indexes"]
    for index in data["indexes"]:
        assert sorted(index["fields"]) == sorted(index["name"].split("+"))
        assert index["entries"] >= index["keys"]
    facts = data["format"]
    assert facts["kdf_iterations"] == sample.iterations
    assert facts["signature"] == "verified"
    old = name == "damaged/overflow-v1"
    assert facts["wrapper_version"] == (1 if old else 2)
    assert facts["salt"] == ("legacy" if old else "file")
    wal = sample.sidecar("wal")
    assert data["wal"]["size"] == (wal.stat().st_size if wal.exists() else 0)
    if name != "damaged/torn-wal":  # the manifest counts nothing behind the garbage, we do
        assert data["wal"]["entries"] == expect["walEntries"]
    for part in data["files"]:
        assert os.path.getsize(part["path"]) == part["size"]
        assert envelope.MOMENT.match(part["modified"])
    assert data["size"] >= sum(part["size"] for part in data["files"]) > 0


@by_name
def test_info_of_a_locked_database_tells_what_the_files_tell(agent, put, name):
    sample, expect = put(name), samples.sample(name).expect
    with unchanged(agent.databases):
        parsed = envelope.success(agent.ctl("info", sample.path, "-o", "json"))
    assert parsed["tier"] == "file"
    data = parsed["data"]
    assert data["pages"] is None
    assert data["session"] == "locked"
    assert data["format"]["signature"] == "unverified"
    assert data["records"]["count"] == expect["indexed"]
    wal = sample.sidecar("wal")
    if wal.exists() and wal.stat().st_size:
        assert data["records"]["estimated"] is True


def test_ls_after_a_scan_tells_all_and_never_zero_for_unknown(agent):
    found = {}
    for name, sample in samples.ALL.items():
        # One of them has its data file aside; it is a database all the same.
        copy = sample.copy_to(agent.databases / name)
        found[str(copy.path)] = copy
    with unchanged(agent.databases):
        scan = envelope.data(agent.ctl("scan", agent.databases, "-o", "json"))
        rows = envelope.data(agent.ctl("ls", "-o", "json"))["databases"]
    assert {r["path"] for r in rows} == set(found) == {r["path"] for r in scan["databases"]}
    for row in rows:
        sample = found[row["path"]]
        if not sample.path.exists():
            assert row["state"] == "damaged" and row["reason"]
            continue
        if sample.name == "damaged/meta-truncated":
            assert row["records"] is None and row["state"] == "damaged" and row["reason"]
        elif sample.name == "damaged/forged-v1-meta":
            assert row["records"] in (None, 5)
        else:
            assert row["records"] == sample.expect["indexed"]
            interrupted = sample.name == "damaged/txn-interrupted"
            assert row["state"] == ("damaged" if interrupted else "ok"), row
        assert row["session"] == "locked"
        assert row["size"] >= sample.path.stat().st_size
        assert envelope.MOMENT.match(row["modified"])
    kinds = {pathlib.Path(leftover["path"]).name: leftover["kind"] for leftover in scan["leftovers"]}
    assert any(name.startswith("txn_in_progress-") for name in kinds), kinds
    assert "db.vacuum_backup.blazedb" in kinds, kinds


def test_an_unknown_count_is_called_unknown(agent, put):
    put("damaged/meta-truncated")
    agent.ctl("scan", agent.databases).expect(OK)
    for output in ("plain", "table"):
        shown = agent.ctl("ls", "-o", output).expect(OK).text
        assert "unknown" in shown, shown
    rows = envelope.data(agent.ctl("ls", "-o", "json"))["databases"]
    assert [r["records"] for r in rows] == [None]


def test_a_count_that_may_be_off_is_marked(agent, put):
    put("unclean")
    put("tiny")
    agent.ctl("scan", agent.databases).expect(OK)
    rows = {r["name"]: r for r in envelope.data(agent.ctl("ls", "-o", "json"))["databases"]}
    estimated = {name.split(".")[0]: row["records_estimated"] for name, row in rows.items()}
    assert estimated == {"unclean": True, "tiny": False}


def test_the_typed_form_is_strict_json_with_one_record_per_line(agent, put):
    sample = put("tiny")
    out = agent.ctl("export", sample.path, "--format", "typed", password=sample.password).expect(OK).out
    lines = out.decode("utf-8").split("\n")
    assert lines[0] == "[" and lines[-2:] == ["]", ""]
    records = [json.loads(line.removesuffix(",")) for line in lines[1:-2]]
    ids = [r["id"]["v"] for r in records]
    assert ids == sorted(ids) and len(set(ids)) == sample.expect["records"]
