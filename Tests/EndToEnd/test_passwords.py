"""Passwords: right, wrong, where they may come from, and where they must never be seen."""
import hashlib
import os
import subprocess

import pytest

import envelope
import processes
from snapshot import unchanged
from statuses import LOCKED, NEEDS_PROMPT, NOT_FOUND, OK, USAGE, WRONG_PASSWORD
from waiting import until

WRONG = "Not-The-Passw0rd-2026"


def digits(text):
    """The text with numbers written plainly: 600,000 -> 600000."""
    return text.replace(",", "").replace("_", "")


@pytest.mark.parametrize("words", [["unlock"], ["info"], ["check", "--quick"], ["export", "--format", "typed"]])
def test_a_wrong_password_is_told_with_the_counts_that_were_tried(agent, put, words):
    sample = put("tiny")
    with unchanged(agent.databases):
        error = envelope.failure(agent.ctl(*words, sample.path, "-o", "json", password=WRONG), WRONG_PASSWORD)
    for count in ("600000", "100000", "10000"):
        assert count in digits(error["message"]), error
    assert WRONG not in str(error)
    assert error["hint"], error


def test_a_wrong_password_with_a_named_count_tells_only_that_count(agent, put):
    sample = put("typed")
    error = envelope.failure(
        agent.ctl("unlock", sample.path, "--kdf-iterations", "1000", "-o", "json", password=WRONG), WRONG_PASSWORD)
    assert "1000" in digits(error["message"]) and "600000" not in digits(error["message"]), error


def test_the_right_password_with_another_count_is_refused_and_the_hint_names_the_option(agent, put):
    sample = put("typed")
    error = envelope.failure(
        agent.ctl("unlock", sample.path, "-o", "json", password=sample.password), WRONG_PASSWORD)
    assert "--kdf-iterations" in (error["hint"] or "") + error["message"], error


def test_an_empty_password_is_only_wrong(agent, put):
    sample = put("tiny")
    result = agent.ctl("unlock", sample.path, "-o", "json", password="")
    envelope.failure(result, WRONG_PASSWORD, USAGE)


@pytest.mark.parametrize("count", ["0", "-1", "x", "", "99999999999999999999", "4294967296"])
def test_senseless_iteration_counts_are_refused(agent, put, count):
    sample = put("tiny")
    result = agent.ctl("unlock", sample.path, "--kdf-iterations=" + count, "-o", "json", password=sample.password)
    assert result.expect(USAGE).out == b""
    assert result.err


def test_an_excessive_iteration_count_does_not_bind_the_agent(agent, put):
    sample = put("tiny")
    result = agent.ctl("unlock", sample.path, "--kdf-iterations", "4000000000", password=sample.password, limit=60)
    assert result.expect(USAGE).out == b""


@pytest.mark.parametrize("words", [
    ["unlock", "DB", "--password", "PASSWORD"], ["unlock", "DB", "--password=PASSWORD"],
    ["info", "DB", "--password", "PASSWORD"], ["export", "DB", "--format", "typed", "--password", "PASSWORD"],
    ["check", "--quick", "DB", "--password", "PASSWORD"]])
def test_a_password_on_the_command_line_is_refused_with_the_reason(agent, put, words):
    sample = put("tiny")
    replaced = [w.replace("DB", str(sample.path)).replace("PASSWORD", sample.password) for w in words]
    result = agent.ctl(*replaced).expect(USAGE)
    assert result.out == b""
    assert sample.password not in result.messages
    assert "--password-fd" in result.messages, result
    assert envelope.data(agent.ctl("status", "-o", "json"))["unlocked"] == []


def test_the_environment_is_never_a_source(agent, put):
    sample = put("tiny")
    environment = agent.environment(BLAZEDB_PASSWORD=sample.password)
    agent.ctl("unlock", sample.path, environment=environment).expect(NEEDS_PROMPT)


def test_from_a_file(agent, put):
    sample = put("tiny")
    for content in (sample.password, sample.password + "\n"):
        file = agent.root / "tmp" / "password"
        file.write_text(content)
        file.chmod(0o600)
        agent.ctl("unlock", sample.path, "--password-file", file).expect(OK)
        agent.ctl("lock").expect(OK)
    agent.ctl("unlock", sample.path, "--password-file", agent.root / "tmp" / "none").expect(NOT_FOUND)


def test_from_a_command(agent, put):
    sample = put("tiny")
    file = agent.root / "tmp" / "password"
    file.write_text(sample.password + "\n")
    agent.ctl("unlock", sample.path, "--password-command", f"cat {file}").expect(OK)
    agent.ctl("lock").expect(OK)
    failed = agent.ctl("unlock", sample.path, "--password-command", "echo something; exit 3")
    assert failed.status not in (OK, WRONG_PASSWORD), failed
    assert "something" not in failed.messages


def test_two_sources_at_once_are_refused(agent, put):
    sample = put("tiny")
    agent.ctl(
        "unlock", sample.path, "--password-file", "/dev/null", password=sample.password).expect(USAGE)


@pytest.mark.parametrize("fd", ["97", "-1", "x", "99999999999999999999"])
def test_a_descriptor_that_is_not_there(agent, put, fd):
    sample = put("tiny")
    result = agent.ctl("unlock", sample.path, f"--password-fd={fd}")
    assert result.status not in (OK, WRONG_PASSWORD) and result.out == b"" and result.err, result


def test_a_password_over_the_limit_is_refused(agent, put):
    sample = put("tiny")
    result = agent.ctl("unlock", sample.path, "-o", "json", password="x" * 5000)
    error = envelope.failure(result, USAGE, WRONG_PASSWORD)
    assert "4096" in digits(error["message"]) + digits(error["hint"] or ""), error


def test_an_endless_password_is_refused_and_not_read_for_ever(agent, put):
    sample = put("tiny")
    result = agent.ctl("unlock", sample.path, "--password-file", "/dev/zero", limit=30)
    assert result.status not in (OK, WRONG_PASSWORD) and result.err, result


@pytest.mark.parametrize("words", [[], ["--batch"]])
def test_without_a_terminal_nobody_is_asked(agent, put, words):
    sample = put("tiny")
    error = envelope.failure(agent.ctl("unlock", sample.path, "-o", "json", *words), NEEDS_PROMPT)
    assert "--password-fd" in error["message"] + (error["hint"] or ""), error


@pytest.mark.linux
def test_the_password_is_in_no_command_line_environment_or_file(world, put):
    """Neither the password nor the key that it gives is anywhere but in guarded memory."""
    sample = put("tiny")
    pid = world.start()
    reader, writer = os.pipe()
    client = world.spawn(
        "unlock", sample.path, "--password-fd", str(reader), pass_fds=[reader], cwd=world.root,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(reader)
    try:
        # The client has the password, waits for its end, and is looked at.
        os.write(writer, sample.password.encode())
        until(lambda: b"blazectl" in read(client.pid, "cmdline"), "blazectl runs")
        for process in (client.pid, pid):
            for what in ("cmdline", "environ"):
                assert sample.password.encode() not in read(process, what)
    finally:
        os.close(writer)
        out, err = client.communicate(timeout=60)
    assert client.returncode == OK, (out, err)
    assert sample.password.encode() not in out + err
    key = hashlib.pbkdf2_hmac(
        "sha256", sample.password.encode(), sample.sidecar("salt").read_bytes(), sample.iterations)
    world.ctl("info", sample.path).expect(OK)
    for what in ("cmdline", "environ"):
        assert sample.password.encode() not in read(pid, what)
    for directory, _, files in os.walk(world.root):
        for name in files:
            path = os.path.join(directory, name)
            if not os.path.isfile(path):
                continue  # the socket
            with open(path, "rb") as f:
                content = f.read()
            for form in (sample.password.encode(), key, key.hex().encode(), key.hex().upper().encode()):
                assert form not in content, f"{name} holds a secret"
    assert processes.is_alive(pid)


def read(pid, what):
    with open(f"/proc/{pid}/{what}", "rb") as f:
        return f.read()


def test_one_unlock_serves_every_terminal_until_lock(agent, put):
    sample = put("tiny")
    agent.ctl("unlock", sample.path, password=sample.password).expect(OK)
    for _ in range(2):
        parsed = envelope.success(agent.ctl("info", sample.path, "-o", "json"))
        assert parsed["tier"] == "observe" and parsed["data"]["session"] == "unlocked"
    listed = envelope.data(agent.ctl("status", "-o", "json"))["unlocked"]
    assert [u["path"] for u in listed] == [str(sample.path)]
    locked = envelope.data(agent.ctl("lock", "-o", "json"))["locked"]
    assert len(locked) == 1
    assert envelope.data(agent.ctl("status", "-o", "json"))["unlocked"] == []
    agent.ctl("export", sample.path, "--format", "typed").expect(LOCKED)


def test_a_password_given_once_is_not_kept(agent, put):
    sample = put("tiny")
    agent.ctl("info", sample.path, password=sample.password).expect(OK)
    assert envelope.data(agent.ctl("status", "-o", "json"))["unlocked"] == []
    agent.ctl("export", sample.path, "--format", "typed").expect(LOCKED)


def test_a_key_goes_with_its_agent(world, put):
    sample = put("tiny")
    world.start()
    world.ctl("unlock", sample.path, password=sample.password).expect(OK)
    world.stop()
    world.start()
    world.ctl("export", sample.path, "--format", "typed").expect(LOCKED)


def test_lock_one_of_two(agent, put):
    tiny, typed = put("tiny"), put("typed")
    agent.ctl("unlock", tiny.path, password=tiny.password).expect(OK)
    agent.ctl("unlock", typed.path, *typed.kdf, password=typed.password).expect(OK)
    agent.ctl("lock", tiny.path).expect(OK)
    agent.ctl("export", tiny.path, "--format", "typed").expect(LOCKED)
    agent.ctl("export", typed.path, "--format", "typed").expect(OK)


def test_unlocking_again_and_locking_again_are_no_errors(agent, put):
    sample = put("tiny")
    for _ in range(2):
        agent.ctl("unlock", sample.path, password=sample.password).expect(OK)
    for _ in range(2):
        agent.ctl("lock", sample.path).expect(OK)


def test_a_wrong_password_does_not_lock_what_is_unlocked(agent, put):
    sample = put("tiny")
    agent.ctl("unlock", sample.path, password=sample.password).expect(OK)
    agent.ctl("unlock", sample.path, password=WRONG).expect(WRONG_PASSWORD)
    agent.ctl("export", sample.path, "--format", "typed").expect(OK)
