"""Files that are no databases, or not quite: a clear error, no crash, no hang, nothing on stdout, nothing changed."""
import os
import pathlib
import socket

import pytest

import envelope
import processes
import samples
import typed_json
from snapshot import unchanged
from statuses import DAMAGE, FAILURE, INSUFFICIENT, LOCKED, NOT_FOUND, OK, UNSUPPORTED, WRONG_PASSWORD

# What may be said of something that cannot be read as a database.
CLEAR = {FAILURE, DAMAGE, NOT_FOUND, UNSUPPORTED, INSUFFICIENT}

CONTENTS = [["unlock"], ["export", "--format", "typed"]]
EVERY = CONTENTS + [["info"], ["check", "--quick"]]


def ask(agent, path, words, limit=30):
    """Asks with the right password, and with a time limit that a hang would exceed."""
    return agent.ctl(*words, path, "-o", "json", password=samples.PASSWORD, limit=limit)


def refused(agent, path, statuses=CLEAR, verbs=CONTENTS):
    """Asks by every verb that needs the contents; each must refuse clearly. The errors."""
    errors = []
    with unchanged(agent.databases):
        for words in EVERY:
            result = ask(agent, path, words)
            if words in verbs or result.status != OK:
                if words == ["check", "--quick"] and result.status == DAMAGE and result.out:
                    envelope.success(result, DAMAGE)
                    continue
                errors.append(envelope.failure(result, *statuses))
            else:
                data = envelope.data(result)
                assert data["records"]["count"] is None or words != ["info"] or data["findings"], data
    for error in errors:
        assert len(error["message"]) < 1000
    return errors


# -- A path that does not exist

@pytest.mark.parametrize("words", EVERY + [["db", "add"], ["db", "forget"], ["scan"]])
def test_a_missing_path_is_told_and_nothing_is_made(agent, words):
    with unchanged(agent.databases, agent.root / "data", agent.root / "home"):
        for path in (agent.databases / "none.blazedb", agent.databases / "no" / "such" / "none.blazedb"):
            password = samples.PASSWORD if words in EVERY else None
            error = envelope.failure(agent.ctl(*words, path, "-o", "json", password=password), NOT_FOUND)
            assert "none.blazedb" in error["message"] + (error["target"] or ""), error


def test_a_dangling_link_is_missing_and_its_target_is_not_made(agent):
    link = agent.databases / "x.blazedb"
    link.symlink_to(agent.databases / "target.blazedb")
    refused(agent, link, {NOT_FOUND}, EVERY)


def test_a_link_to_itself(agent):
    link = agent.databases / "x.blazedb"
    link.symlink_to(link)
    refused(agent, link, CLEAR, EVERY)


# -- Not a database

@pytest.mark.parametrize("content", [b"", b"hello\n", b"SQLite format 3\0" + bytes(4080), b"\x89PNG\r\n\x1a\n" * 900,
                                     b"BZDB", b"\0" * 4096, b"OVER" * 1024])
def test_a_file_that_is_no_database(agent, content):
    path = agent.databases / "x.blazedb"
    path.write_bytes(content)
    errors = refused(agent, path)
    assert any("meta" in e["message"] or "not a" in e["message"].lower() for e in errors), errors


def test_a_directory(agent):
    path = agent.databases / "x.blazedb"
    path.mkdir()
    for error in refused(agent, path, CLEAR, EVERY):
        assert "directory" in error["message"] or "regular file" in error["message"], error


def test_a_fifo(agent):
    path = agent.databases / "x.blazedb"
    os.mkfifo(path)
    for error in refused(agent, path, CLEAR, EVERY):
        assert "regular file" in error["message"] or "FIFO" in error["message"], error


def test_a_socket(agent):
    path = agent.databases / "x.blazedb"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        refused(agent, path, CLEAR, EVERY)


@pytest.mark.linux
@pytest.mark.parametrize("device", [(1, 3), (1, 5)])
def test_a_device(agent, device):
    """/dev/null and /dev/zero under a database's name; where nodes cannot be made, a link to the device."""
    path = agent.databases / "x.blazedb"
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(*device))
    except PermissionError:
        path.symlink_to({3: "/dev/null", 5: "/dev/zero"}[device[1]])
    refused(agent, path, CLEAR, EVERY)


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/urandom"])
def test_a_link_to_a_device(agent, device):
    path = agent.databases / "x.blazedb"
    path.symlink_to(device)
    refused(agent, path, CLEAR, EVERY)


@pytest.mark.parametrize("extension", ["meta", "salt", "wal"])
@pytest.mark.parametrize("kind", ["fifo", "directory", "zero"])
def test_a_sidecar_that_is_no_file(agent, put, extension, kind):
    sample = put("tiny")
    sidecar = sample.sidecar(extension)
    sidecar.unlink()
    if kind == "fifo":
        os.mkfifo(sidecar)
    elif kind == "directory":
        sidecar.mkdir()
    else:
        sidecar.symlink_to("/dev/zero")
    with unchanged(agent.databases):
        for words in EVERY:
            result = ask(agent, sample.path, words)
            assert result.status in CLEAR | {OK, 4}, result
            if words in CONTENTS and extension != "wal":
                envelope.failure(result, *CLEAR)


# -- Something missing

def test_without_metadata(agent, put):
    sample = put("tiny")
    sample.sidecar("meta").unlink()
    for error in refused(agent, sample.path, {DAMAGE, NOT_FOUND, FAILURE}):
        assert "meta" in error["message"], error
    info = envelope.data(agent.ctl("info", sample.path, "-o", "json"))
    assert info["records"]["count"] is None


def test_without_salt(agent, put):
    """Without its salt a newer database cannot be told from an old one: the password does not fit."""
    sample = put("tiny")
    sample.sidecar("salt").unlink()
    for words in CONTENTS:
        with unchanged(agent.databases):
            error = envelope.failure(ask(agent, sample.path, words), WRONG_PASSWORD)
        assert "salt" in error["message"] + (error["hint"] or ""), error


def test_with_an_empty_salt(agent, put):
    sample = put("tiny")
    sample.sidecar("salt").write_bytes(b"")
    for error in refused(agent, sample.path, {DAMAGE}):
        assert "salt" in error["message"], error


def test_without_the_data_file(agent, put):
    sample = put("tiny")
    sample.path.unlink()
    refused(agent, sample.path, {NOT_FOUND}, EVERY)


def test_without_a_wal(agent, put):
    sample = put("tiny")
    sample.sidecar("wal").unlink()
    with unchanged(agent.databases):
        result = agent.ctl("export", sample.path, "--format", "typed", password=sample.password).expect(OK)
    assert typed_json.canonical_hash(typed_json.parse(result.out)) == sample.expect["sha256"]


@pytest.mark.parametrize("content", [
    b"", b"{}", b"[]", b"null", b"{\"secureLayoutVersion\":2}", b"not json", b"\xff\xfe{\0}\0", b"{" * 100_000,
    b"[" * 100_000, b'{"a":' * 100_000, b'{"signedPayload":"' + b"A" * 100_000 + b'"}',
    b'{"secureLayoutVersion":2,"signedPayload":"e30=","signature":"AAAA","layout":{},"signedAt":"x"}',
    b'{"secureLayoutVersion":99999999999999999999,"signedPayload":"e30="}',
    b'{"secureLayoutVersion":3,"signedPayload":"e30=","signature":"AAAA","layout":{},"signedAt":"2026-01-01T00:00:00Z"}',
    b'{"indexMap":{},"nextPageIndex":0,"version":1}',
])
def test_metadata_that_is_nonsense(agent, put, content):
    sample = put("tiny")
    sample.sidecar("meta").write_bytes(content)
    refused(agent, sample.path, {DAMAGE, UNSUPPORTED, WRONG_PASSWORD})
    info = envelope.data(agent.ctl("info", sample.path, "-o", "json"))
    assert info["records"]["count"] in (None, 0) and (info["records"]["count"] is None or content != b"")


# -- Sizes

def sparse(path, size, head=b""):
    with open(path, "wb") as f:
        f.write(head)
        f.truncate(size)


def with_little_memory(agent):
    assert processes.resident_peak(agent.pid()) < 600 << 20


@pytest.mark.linux
def test_a_sparse_data_file_of_10_gb(agent, put):
    sample = put("tiny")
    os.truncate(sample.path, 10 << 30)
    with unchanged(agent.databases):
        for words in EVERY:
            result = ask(agent, sample.path, words)
            assert result.status in (OK, 4, DAMAGE), result
        out = agent.ctl("export", sample.path, "--format", "typed", password=sample.password, limit=30).expect(OK).out
        info = envelope.data(ask(agent, sample.path, ["info"]))
    assert typed_json.canonical_hash(typed_json.parse(out)) == sample.expect["sha256"]
    assert info["pages"]["total"] == (10 << 30) // 4096
    assert info["size"] >= 10 << 30
    with_little_memory(agent)


@pytest.mark.linux
@pytest.mark.parametrize("head", [b"", b"{", b'{"signedPayload":"'])
def test_a_sparse_metadata_file_of_10_gb(agent, put, head):
    sample = put("tiny")
    sparse(sample.sidecar("meta"), 10 << 30, head)
    refused(agent, sample.path, {DAMAGE, INSUFFICIENT, UNSUPPORTED})
    with_little_memory(agent)


@pytest.mark.linux
def test_a_sparse_salt_file_of_10_gb(agent, put):
    sample = put("tiny")
    sparse(sample.sidecar("salt"), 10 << 30, b"\1")
    refused(agent, sample.path, {DAMAGE, INSUFFICIENT, UNSUPPORTED, WRONG_PASSWORD})
    with_little_memory(agent)


@pytest.mark.linux
@pytest.mark.parametrize("head", [b"", b"ELAW", b"\1"])
def test_a_sparse_wal_of_10_gb(agent, put, head):
    sample = put("tiny")
    sparse(sample.sidecar("wal"), 10 << 30, head)
    with unchanged(agent.databases):
        for words in EVERY:
            result = ask(agent, sample.path, words)
            assert result.status in (OK, 4, DAMAGE), result
    with_little_memory(agent)


@pytest.mark.linux
def test_a_sparse_database_of_10_gb_that_is_none(agent):
    path = agent.databases / "x.blazedb"
    sparse(path, 10 << 30)
    refused(agent, path)
    with_little_memory(agent)


# -- Names

NAMES = [b"two\nlines.blazedb", b"bad\xff\xfeutf8.blazedb", b"\x1b[31mred.blazedb", b"-o.blazedb", b"a b'c\"d.blazedb",
         b"caf\xc3\xa9.blazedb", b"UPPER.BLAZEDB", b"tab\there.blazedb", b"back\\slash.blazedb", b"n" * 247 + b".blazedb",
         b"rtl\xe2\x80\xaeoverride.blazedb", b"cr\rhere.blazedb"]


def with_name(directory, name):
    """A copy of `tiny` under a name of bytes."""
    sample = samples.sample("tiny")
    path = os.path.join(os.fsencode(directory), name)
    for extension in ("blazedb", "meta", "salt", "wal"):
        source = sample.directory / f"tiny.{extension}"
        target = path if extension == "blazedb" else os.path.splitext(path)[0] + b"." + extension.encode()
        with open(target, "wb") as f:
            f.write(source.read_bytes())
    return path


@pytest.mark.parametrize("name", NAMES)
def test_unusual_names(agent, name):
    path = with_name(agent.databases, name)
    expect = samples.sample("tiny").expect
    with unchanged(agent.databases):
        result = agent.ctl("export", "--format", "typed", path, password=samples.PASSWORD).expect(OK)
        assert typed_json.canonical_hash(typed_json.parse(result.out)) == expect["sha256"]
        data = envelope.data(agent.ctl("info", path, "-o", "json", password=samples.PASSWORD))
        assert bytes_of(data) == path
        scan = envelope.data(agent.ctl("scan", agent.databases, "-o", "json"))
        assert [bytes_of(r) for r in scan["databases"]] == [path]
        rows = envelope.data(agent.ctl("ls", "-o", "json"))["databases"]
        assert [bytes_of(r) for r in rows] == [path]
        agent.ctl("unlock", path, password=samples.PASSWORD).expect(OK)
        assert envelope.data(agent.ctl("ls", "-o", "json"))["databases"][0]["session"] == "unlocked"
        for output in ("plain", "table"):
            for words in (["ls"], ["info", path], ["status"], ["scan", agent.databases]):
                shown = agent.ctl(*words, "-o", output).expect(OK)
                for stream in (shown.out, shown.err):
                    text = stream.decode("utf-8")
                    allowed = "\n\t" if output == "plain" else "\n"
                    bad = [c for c in text if c not in allowed and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e")]
                    assert not bad, f"{words} shows control characters {bad!r}"
        lines = [line for line in agent.ctl("ls", "-o", "plain").expect(OK).text.splitlines() if "blazedb" in line.lower()]
        assert len(lines) == 1, "one database, one line"


def bytes_of(row):
    """The path's bytes as the JSON gives them."""
    if row.get("path_hex"):
        raw = bytes.fromhex(row["path_hex"])
        with pytest.raises(UnicodeDecodeError):
            raw.decode("utf-8")
        assert "\\x" in row["path"]
        return raw
    return row["path"].encode("utf-8")


def test_a_name_that_starts_with_a_dash_behind_the_end_of_options(agent):
    with_name(agent.databases, b"-o.blazedb")
    agent.ctl("info", "--", "-o.blazedb", cwd=agent.databases).expect(OK)


def test_relative_paths_are_meant_from_where_the_user_stands(agent, put):
    sample = put("tiny")
    (agent.databases / "sub").mkdir()
    for cwd, path in ((agent.databases, "tiny.blazedb"), (agent.databases, "./tiny.blazedb"),
                      (agent.databases / "sub", "../tiny.blazedb")):
        data = envelope.data(agent.ctl("info", path, "-o", "json", cwd=cwd))
        assert os.path.samefile(data["path"], sample.path)


def test_a_path_that_is_too_long(agent):
    path = "/" + "/".join(["d" * 250] * 20) + "/x.blazedb"
    for words in EVERY:
        result = ask(agent, path, words)
        assert result.status in CLEAR | {2} and result.out == b"" and result.err, result


def test_an_empty_argument(agent):
    for words in EVERY:
        result = ask(agent, "", words)
        assert result.status in {2, NOT_FOUND} and result.out == b"" and result.err, result


def test_a_database_of_another_database_is_refused(agent, put):
    """The metadata of one with the data of the other: nothing of it authenticates."""
    tiny, large = put("tiny"), put("large")
    tiny.path.write_bytes(large.path.read_bytes()[:200 * 4096])
    result = agent.ctl("export", tiny.path, "--format", "typed", password=tiny.password)
    assert result.expect(DAMAGE).out is not None
    assert typed_json.parse(result.out) == []


def test_locked_export_leaves_no_output_file(agent, put):
    sample = put("tiny")
    out = agent.root / "tmp" / "out.json"
    agent.ctl("export", sample.path, "--format", "typed", "--out", out).expect(LOCKED)
    assert not out.exists() and not list(pathlib.Path(out.parent).glob("*out*"))
