"""security exposure and fix-perms: what is told, what is closed, and what is left alone."""
import base64
import json
import os
import stat

import pytest

import envelope
import owner
from snapshot import unchanged
from statuses import ADVICE, FAILURE, NEEDS_PROMPT, NOT_FOUND, OK
from terminals import finish, on_terminal


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture
def open_sample(put, agent):
    """An indexed database in a directory of its own, as BlazeDB makes it with the usual umask."""
    sample = put("typed", agent.databases / "app")
    for file in sample.path.parent.iterdir():
        file.chmod(0o644)
    sample.path.parent.chmod(0o755)
    return sample


def exposure(agent, sample, status=ADVICE):
    return envelope.data(agent.ctl("security", "exposure", sample.path, "-o", "json"), status)


def strings(value):
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, list):
        for element in value:
            yield from strings(element)


def names(data):
    return {finding["name"]: finding["severity"] for finding in data["findings"]}


def test_exposure_tells_modes_and_counts_without_a_password(agent, open_sample):
    with unchanged(agent.databases):
        data = exposure(agent, open_sample)
        agent.ctl("security", "exposure", open_sample.path).expect(ADVICE)
    found = names(data)
    assert found["file-mode-open"] == "advice" and found["directory-mode-open"] == "advice"
    roles = {file["role"]: file for file in data["files"]}
    assert {"data", "meta", "salt"} <= set(roles)
    assert all(file["mode"] == "0644" and file["others_may_read"] for file in roles.values())
    assert data["directory"]["mode"] == "0755" and data["signature_verified"] is False
    assert data["record_ids"] > 0


def test_no_indexed_value_is_told(agent, put):
    """Every key of every index stands in the metadata, and in nothing that is said of it."""
    sample = put("damaged/torn-wal")
    payload = json.loads(base64.b64decode(json.loads(sample.path.with_suffix(".meta").read_text())["signedPayload"]))
    keys = {component for index in payload["secondaryIndexes"] for entry in index["entries"]
            for component in entry["key"]["components"] if isinstance(component, str) and component}
    assert keys
    result = agent.ctl("security", "exposure", sample.path, "-o", "json").expect(OK)
    data = envelope.data(result, OK)
    assert {index["name"]: index["keys"] for index in data["indexes"]} == \
        {index["name"]: len(index["entries"]) for index in payload["secondaryIndexes"]}
    assert names(data)["indexed-values-readable"] == "note"
    told = set(strings(json.loads(result.text)))
    for line in agent.ctl("security", "exposure", sample.path).expect(OK).text.splitlines():
        told.update(line.split("\t"))
    assert told.isdisjoint(keys)


def test_what_others_cannot_reach_is_a_note(agent, open_sample):
    open_sample.path.parent.chmod(0o700)
    found = names(exposure(agent, open_sample, OK))
    assert found["file-mode-open"] == "note" and "directory-mode-open" not in found


def test_fix_perms_closes_files_and_directory(agent, open_sample):
    directory = open_sample.path.parent
    with unchanged(agent.databases):
        data = envelope.data(agent.ctl("security", "fix-perms", open_sample.path, "--dry-run", "-o", "json"), OK)
    assert all(change["changed"] for change in data["changes"]) and data["dry_run"] is True
    agent.ctl("security", "fix-perms", open_sample.path).expect(NEEDS_PROMPT)
    assert mode(open_sample.path) == 0o644
    agent.ctl("security", "fix-perms", open_sample.path, "--yes").expect(OK)
    assert mode(directory) == 0o700 and {mode(file) for file in directory.iterdir()} == {0o600}
    assert "file-mode-open" not in names(exposure(agent, open_sample, OK))
    data = envelope.data(agent.ctl("security", "fix-perms", open_sample.path, "--yes", "-o", "json"), OK)
    assert data["changes"] == []


def test_it_asks_once_on_a_terminal(agent, open_sample):
    child = on_terminal(agent, "security", "fix-perms", open_sample.path)
    child.expect(r"Change the modes of .* now\? \[y/N\] ")
    child.sendline("n")
    assert finish(child)[0] == FAILURE
    assert mode(open_sample.path) == 0o644
    child = on_terminal(agent, "security", "fix-perms", open_sample.path)
    child.expect(r"\[y/N\] ")
    child.sendline("y")
    assert finish(child)[0] == OK
    assert mode(open_sample.path) == 0o600


def test_a_directory_of_other_things_is_left_open(agent, open_sample):
    directory = open_sample.path.parent
    (directory / "letters.txt").write_text("x")
    data = envelope.data(agent.ctl("security", "fix-perms", open_sample.path, "--yes", "-o", "json"), FAILURE)
    (left,) = [change for change in data["changes"] if not change["changed"]]
    assert left["path"] == str(directory) and "letters.txt" in left["reason"]
    assert mode(directory) == 0o755 and mode(open_sample.path) == 0o600 and mode(directory / "letters.txt") == 0o644
    agent.ctl("security", "fix-perms", open_sample.path, "--yes", "--directory").expect(OK)
    assert mode(directory) == 0o700


def test_links_foreign_files_and_second_names_are_left_alone(agent, open_sample, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("x")
    victim.chmod(0o644)
    directory = open_sample.path.parent
    wal = open_sample.path.with_suffix(".wal")
    wal.unlink(missing_ok=True)
    wal.symlink_to(victim)
    salt = open_sample.path.with_suffix(".salt")
    os.link(salt, tmp_path / "salt")
    meta = open_sample.path.with_suffix(".meta")
    os.chown(meta, 4711, 4711)
    data = envelope.data(agent.ctl("security", "fix-perms", open_sample.path, "--yes", "-o", "json"), FAILURE)
    reasons = {os.path.basename(change["path"]): change["reason"] for change in data["changes"]}
    assert "symbolic link" in reasons[wal.name] and "2 names" in reasons[salt.name] and "4711" in reasons[meta.name]
    assert reasons[open_sample.path.name] is None
    assert mode(victim) == 0o644 and mode(meta) == 0o644 and mode(salt) == 0o644
    assert mode(open_sample.path) == 0o600 and mode(directory) == 0o700
    found = names(exposure(agent, open_sample, ADVICE))
    assert found["foreign-owner"] == "advice" and found["symbolic-link"] == "note"


def test_a_sticky_directory_is_never_closed(agent, open_sample):
    open_sample.path.parent.chmod(0o1777)
    agent.ctl("security", "fix-perms", open_sample.path, "--yes", "--directory").expect(FAILURE)
    assert mode(open_sample.path.parent) == 0o1777 and mode(open_sample.path) == 0o600


def test_leftovers_with_data_are_told(agent, put):
    sample = put("damaged/txn-interrupted")
    found = exposure(agent, sample)
    assert names(found)["leftover-holds-data"] == "advice"
    assert "transaction-copy" in {file["role"] for file in found["files"]}


def test_what_is_not_there(agent):
    agent.ctl("security", "exposure", agent.databases / "none.blazedb").expect(NOT_FOUND)
    agent.ctl("security", "fix-perms", agent.databases / "none.blazedb", "--yes").expect(NOT_FOUND)


if owner.REFERENCE.exists():
    def test_beside_an_owner(agent, open_sample):
        """Modes can be changed while an app works, whose next save makes the metadata anew."""
        import fcntl
        with open(open_sample.path, "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            exposure(agent, open_sample)
            agent.ctl("security", "fix-perms", open_sample.path, "--yes").expect(OK)
        assert mode(open_sample.path) == 0o600
