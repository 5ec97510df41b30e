"""Export: where it goes, what it never overwrites, and what happens when nobody takes it."""
import os
import signal
import stat
import subprocess

import pytest

import samples
import typed_json
from snapshot import unchanged
from statuses import DAMAGE, INTERRUPTED, NOT_FOUND, OK, USAGE, WOULD_OVERWRITE


def export(agent, sample, *words, **options):
    return agent.ctl(
        "export", sample.path, "--format", "typed", *words, *sample.kdf, password=sample.password, **options)


def test_to_a_file(agent, put):
    sample = put("tiny")
    out = agent.root / "tmp" / "tiny.json"
    with unchanged(agent.databases):
        result = export(agent, sample, "--out", out).expect(OK)
    assert str(out) in result.text
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert typed_json.canonical_hash(typed_json.parse(out.read_bytes())) == sample.expect["sha256"]
    assert os.listdir(out.parent) == ["tiny.json"], "a temporary file was left"


def test_relative_to_where_the_user_stands(agent, put):
    sample = put("tiny")
    export(agent, sample, "--out", "here.json", cwd=agent.root / "tmp").expect(OK)
    assert (agent.root / "tmp" / "here.json").exists()


def test_nothing_is_overwritten(agent, put):
    sample = put("tiny")
    tmp = agent.root / "tmp"
    (tmp / "file").write_text("precious\n")
    (tmp / "directory").mkdir()
    (tmp / "link").symlink_to(tmp / "file")
    (tmp / "dangling").symlink_to(tmp / "nowhere")
    os.mkfifo(tmp / "fifo")
    with unchanged(agent.databases, tmp):
        for name in ("file", "directory", "link", "dangling", "fifo"):
            result = export(agent, sample, "--out", tmp / name).expect(WOULD_OVERWRITE)
            assert result.out == b""
        for path in (sample.path, sample.sidecar("meta"), sample.sidecar("wal")):
            export(agent, sample, "--out", path).expect(WOULD_OVERWRITE)


def test_into_a_directory_that_is_not_there(agent, put):
    sample = put("tiny")
    with unchanged(agent.databases, agent.root / "tmp"):
        result = export(agent, sample, "--out", agent.root / "tmp" / "no" / "x.json")
    assert result.status in (NOT_FOUND, 1) and result.out == b"" and result.err, result


def test_a_format_must_be_named_and_known(agent, put):
    sample = put("tiny")
    agent.ctl("export", sample.path, "--format", "csv", password=sample.password).expect(USAGE)


@pytest.mark.linux
def test_a_full_disk_is_told(agent, put):
    sample = put("large")
    agent.ctl("unlock", sample.path, password=sample.password).expect(OK)
    with open("/dev/full", "wb") as full:
        process = agent.spawn(
            "export", sample.path, "--format", "typed", cwd=agent.root, stdin=subprocess.DEVNULL, stdout=full,
            stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert process.returncode not in (OK, DAMAGE) and process.returncode > 0 and err


def test_a_reader_that_leaves_is_no_reason_for_noise(agent, put):
    sample = put("large")
    agent.ctl("unlock", sample.path, password=sample.password).expect(OK)
    process = agent.spawn(
        "export", sample.path, "--format", "typed", cwd=agent.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    assert process.stdout.read(2) == b"[\n"
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) in (-signal.SIGPIPE, 128 + signal.SIGPIPE, 1), err
    assert err == b""


def test_an_interrupted_export_leaves_no_file(agent, put):
    sample = put("large")
    agent.ctl("unlock", sample.path, password=sample.password).expect(OK)
    for turn in range(12):
        out = agent.root / "tmp" / f"out{turn}.json"
        process = agent.spawn(
            "export", sample.path, "--format", "typed", "--out", out, cwd=agent.root, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.wait(timeout=turn * 0.015)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode in (OK, INTERRUPTED, -signal.SIGINT), process.returncode
        if out.exists():
            assert typed_json.canonical_hash(typed_json.parse(out.read_bytes())) == sample.expect["sha256"]
        else:
            assert process.returncode != OK
    assert all(name.endswith(".json") for name in os.listdir(agent.root / "tmp")), "a temporary file was left"


def test_records_that_cannot_be_read_are_left_out_and_told(agent, put):
    sample = put("typed")
    data = bytearray(sample.path.read_bytes())
    data[100] ^= 1  # inside page 0's ciphertext
    sample.path.write_bytes(data)
    with unchanged(agent.databases):
        result = export(agent, sample).expect(DAMAGE)
    assert len(typed_json.parse(result.out)) == sample.expect["records"] - 1
    assert "unreadable" in result.messages, result
    out = agent.root / "tmp" / "out.json"
    export(agent, sample, "--out", out).expect(DAMAGE)
    assert len(typed_json.parse(out.read_bytes())) == sample.expect["records"] - 1


def test_several_at_once(agent, put):
    """One database, many readers: each gets everything."""
    names = ["large", "tiny", "unclean"]
    copies = [put(n) for n in names]
    for sample in copies:
        agent.ctl("unlock", sample.path, password=sample.password).expect(OK)
    running = [(s, agent.spawn(
        "export", s.path, "--format", "typed", cwd=agent.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)) for s in copies * 3]
    for sample, process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == OK, err
        assert typed_json.canonical_hash(typed_json.parse(out)) == samples.sample(sample.name).expect["sha256"]


def test_locking_during_an_export_never_cuts_the_document(agent, put):
    sample = put("large")
    agent.ctl("unlock", sample.path, password=sample.password).expect(OK)
    process = agent.spawn(
        "export", sample.path, "--format", "typed", cwd=agent.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, bufsize=0)
    first = process.stdout.read(1)
    agent.ctl("lock").expect(OK)
    out, err = process.communicate(timeout=60)
    if process.returncode == OK:
        assert typed_json.canonical_hash(typed_json.parse(first + out)) == sample.expect["sha256"]
    else:
        assert err
