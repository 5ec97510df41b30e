"""security exposure and fix-perms: what is told, what is closed, and what is left alone."""
import base64
import grp
import json
import os
import pathlib
import shutil
import stat
import tempfile

import pytest

import envelope
import owner
from snapshot import unchanged
from statuses import ADVICE, DAMAGE, FAILURE, NEEDS_PROMPT, NOT_FOUND, OK
from terminals import finish, on_terminal


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture
def public():
    """A directory that everybody comes to."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="bz-public-", dir="/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def open_sample(put, public):
    """An indexed database in a directory of its own, as BlazeDB makes it with the usual umask."""
    sample = put("typed", public / "app")
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
    with unchanged(open_sample.path.parent):
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


def test_a_closed_directory_further_up_protects_too(agent, open_sample, public):
    public.chmod(0o700)
    data = exposure(agent, open_sample, OK)
    assert names(data)["file-mode-open"] == "note" and names(data)["directory-mode-open"] == "note"
    assert not any(file["others_may_read"] for file in data["files"])


def test_a_group_is_told_by_its_name(agent, open_sample):
    group = next(g for g in grp.getgrall() if g.gr_gid != 0)
    for file in open_sample.path.parent.iterdir():
        file.chmod(0o640)
        os.chown(file, 0, group.gr_gid)
    (meta,) = [file for file in exposure(agent, open_sample)["files"] if file["role"] == "meta"]
    assert meta["readers"] == {"everyone": False, "except_groups": [], "users": [], "certain": True,
                               "groups": [{"id": group.gr_gid, "name": group.gr_name}]}
    assert f"group {group.gr_name}" in agent.ctl("security", "exposure", open_sample.path).expect(ADVICE).text


def test_metadata_that_is_cut_off_is_not_passed_over(agent, put):
    data = exposure(agent, put("damaged/meta-truncated"), DAMAGE)
    assert names(data)["bad-meta"] == "damage" and names(data)["exposure-unknown"] == "advice"
    assert data["record_ids"] is None and data["texts"][0]["problem"]


def test_metadata_without_a_wrapper_is_told_as_it_stands(agent, put):
    sample = put("damaged/torn-wal")
    meta = sample.path.with_suffix(".meta")
    layout = json.loads(meta.read_text())["layout"]
    meta.write_text(json.dumps(layout))
    data = exposure(agent, sample, DAMAGE)
    assert names(data)["unsigned-meta"] == "damage" and "exposure-unknown" not in names(data)
    assert {i["name"]: i["keys"] for i in data["indexes"]} == \
        {name: len(flat) // 2 for name, flat in layout["secondaryIndexes"].items()}


def test_an_unsigned_copy_that_differs_is_told(agent, put):
    sample = put("damaged/torn-wal")
    assert "mirror-differs" not in names(exposure(agent, sample, OK))
    meta = sample.path.with_suffix(".meta")
    wrapper = json.loads(meta.read_text())
    wrapper["layout"]["secondaryIndexes"]["status"][0]["components"] = ["old value"]
    meta.write_text(json.dumps(wrapper))
    result = agent.ctl("security", "exposure", sample.path, "-o", "json").expect(ADVICE)
    data = envelope.data(result, ADVICE)
    assert names(data)["mirror-differs"] == "advice" and "old value" not in result.text
    assert [text["part"] for text in data["texts"] if text["differs"]] == ["layout"]
    assert "(unsigned copy)" in agent.ctl("security", "exposure", sample.path).expect(ADVICE).text


def test_kept_sets_are_told_looked_into_and_closed(agent, put):
    sample = put("damaged/torn-wal")
    kept = sample.path.parent / f"{sample.stem}.before-repair-20260101T000000Z"
    kept.mkdir(mode=0o755)
    kept.chmod(0o755)
    shutil.copy(sample.path.with_suffix(".meta"), kept)
    data = exposure(agent, sample, OK)
    assert names(data)["kept-before-repair"] == "note"
    roles = {file["role"]: file for file in data["files"]}
    assert roles["kept-set"]["mode"] == "0755" and "kept" in roles
    assert any(text["role"] == "kept" and text["indexes"] for text in data["texts"])
    agent.ctl("security", "fix-perms", sample.path, "--yes").expect(OK)
    assert mode(kept) == 0o700 and {mode(file) for file in kept.iterdir()} == {0o600}


@pytest.mark.parametrize("before", [0o444, 0o400, 0o660])
def test_files_get_exactly_the_mode(agent, open_sample, before):
    open_sample.path.chmod(before)
    agent.ctl("security", "fix-perms", open_sample.path, "--yes").expect(OK)
    assert mode(open_sample.path) == 0o600


@pytest.mark.linux
def test_an_ordinary_user_closes_a_file_that_he_may_not_read(other_world):
    import samples
    other_world.start()
    sample = samples.sample("tiny").copy_to(other_world.databases)
    for file in sample.path.parent.iterdir():
        os.chown(file, other_world.uid, other_world.uid)
        file.chmod(0o644)
    wal = sample.path.with_suffix(".wal")
    wal.chmod(0o004)
    other_world.ctl("security", "fix-perms", sample.path, "--yes").expect(OK)
    assert mode(wal) == 0o600 and mode(sample.path) == 0o600


def test_fix_perms_closes_files_and_directory(agent, open_sample):
    directory = open_sample.path.parent
    with unchanged(directory):
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
