"""Who may be asked, and what is left of a secret that was handed out."""
import hashlib
import os
import re
import subprocess

import pexpect
import pytest

import memory
from statuses import NEEDS_PROMPT
from waiting import until

PROMPT = "shell-is-ready>"


@pytest.fixture
def shell(agent):
    """An interactive shell with job control on a terminal of its own."""
    child = pexpect.spawn(
        "/bin/bash", ["--norc", "--noprofile", "-i"], env=agent.environment(PS1=PROMPT), cwd=str(agent.root),
        timeout=60, echo=False)
    child.expect_exact(PROMPT)
    yield child
    child.close(force=True)


def test_a_command_in_the_background_does_not_ask(agent, put, shell):
    sample = put("tiny")
    shell.sendline(f"blazectl unlock {sample.path} & wait $!; echo ended-with-$?-")
    shell.expect(rb"ended-with-(\d+)-")
    # A program that reads in the background is stopped, and `wait` would tell 128 and a signal, or nothing at all.
    assert int(shell.match.group(1)) == NEEDS_PROMPT
    assert b"background" in shell.before
    assert sample.name.encode() in shell.before or b"password" in shell.before


CLEARER = "clipboard-clearing-process"
SECRET = b"Clipb0ard-Canary-2026"


@pytest.fixture
def filled(clipboard):
    """The clipboard, with a secret in it."""
    clipboard.write_bytes(SECRET)
    return clipboard


def clearer(world, milliseconds, secret=SECRET):
    """The process that clears later: the job as it is written down in ClipboardClearing.swift."""
    key = os.urandom(32)
    digest = hashlib.blake2b(secret, digest_size=32, key=key).digest()
    job = bytes([1]) + milliseconds.to_bytes(8, "little") + key + digest
    reader, writer = os.pipe()
    os.write(writer, job)
    os.close(writer)
    environment = world.environment(WAYLAND_DISPLAY="w", PATH=f"{world.root}/programs:/usr/bin:/bin")
    try:
        # bash, because other shells move no descriptor with two digits to 3.
        return subprocess.Popen(
            ["/bin/bash", "-c", f'exec "$0" {CLEARER} 3<&{reader}', str(world.binaries / "blazectl")],
            env=environment, pass_fds=[reader], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
    finally:
        os.close(reader)


def test_the_clipboard_is_cleared(world, filled):
    process = clearer(world, 50)
    assert process.communicate(timeout=60) == (b"", b"") and process.returncode == 0
    assert filled.read_bytes() == b""


@pytest.mark.parametrize("other", [SECRET + b"\n", b"", b"something else", b"x" * 5000], ids=len)
def test_what_came_into_the_clipboard_meanwhile_stays(world, filled, other):
    filled.write_bytes(other)
    process = clearer(world, 0)
    process.communicate(timeout=60)
    assert process.returncode == 0 and filled.read_bytes() == other


def test_it_waits_for_its_time(world, filled):
    process = clearer(world, 3_600_000)
    until(lambda: CLEARER.encode() in command_line(process.pid).split(b"\0"), "it runs")
    assert memory.count(process.pid, SECRET) == 0
    assert filled.read_bytes() == SECRET and process.poll() is None
    process.kill()
    process.communicate(timeout=60)


def command_line(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


@pytest.mark.parametrize("job", [b"", b"x" * 10, b"\x09" + bytes(72), bytes(74)], ids=len)
def test_a_job_that_is_none(world, job):
    reader, writer = os.pipe()
    os.write(writer, job)
    os.close(writer)
    try:
        done = subprocess.run(
            ["/bin/bash", "-c", f'exec "$0" {CLEARER} 3<&{reader}', str(world.binaries / "blazectl")],
            env=world.environment(), pass_fds=[reader], capture_output=True, timeout=60)
    finally:
        os.close(reader)
    assert done.returncode == 2
