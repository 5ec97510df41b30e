"""What ends an unlocked session, and what a wrong passphrase costs."""
import concurrent.futures
import os
import shutil
import subprocess
import threading
import time

import pytest

import envelope
import processes
from statuses import LOCKED, NEEDS_PROMPT, NO_AGENT, OK, RATE_LIMITED, WRONG_PASSWORD
from vaults import PASSPHRASE, keep, make_vault, status, vault_state
from waiting import until

WRONG = "Wr0ng-Passphrase-2026"
EITHER = (OK, LOCKED)


def set_session(world, name, value):
    world.ctl("config", "set", f"session.{name}", value).expect(OK)


def test_status_starts_no_agent_and_tells_the_state_by_its_exit(world, put):
    sample = put("tiny")
    world.ctl("status").expect(NO_AGENT)
    assert world.pid() is None
    world.start()
    assert status(world, OK)["vault"]["state"] == "none"
    make_vault(world)
    assert status(world, OK)["vault"]["state"] == "unlocked"
    keep(world, sample)
    world.ctl("lock").expect(OK)
    told = status(world, LOCKED)
    assert told["vault"]["state"] == "locked" and told["session"]["last_lock"] == "request"
    assert told["hardening"]["memory_locking"] in ("ok", "unavailable")
    people = world.ctl("status").expect(LOCKED).text
    for word in ("vault", "locks", "core dumps", "locked memory"):
        assert word in people, people


def test_lock_ends_everything_within_a_second_and_figures_of_files_go_on(agent, put):
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    # An operation that holds the lock and would go on: nobody reads its parts.
    big = put("large")
    agent.ctl("unlock", big.path, *big.kdf, password=big.password).expect(OK)
    reader, writer = os.pipe()
    export = agent.spawn(
        "export", big.path, "--format", "typed", "--tier", "lease", stdin=subprocess.DEVNULL, stdout=writer,
        stderr=subprocess.PIPE, cwd=agent.root)
    os.close(writer)
    try:
        until(lambda: status(agent, *EITHER)["leases"], "the lock is held")
        began = time.monotonic()
        told = envelope.data(agent.ctl("lock", "-o", "json"))
        took = time.monotonic() - began
        assert told["vault"] is True and len(told["databases"]) == 2
        after = status(agent, LOCKED)
        assert after["leases"] == [] and after["unlocked"] == []
        assert took < 3, f"{took:.1f} s, the start of a debug binary among them"
    finally:
        os.close(reader)
        export.communicate(timeout=60)
    assert export.returncode != OK
    info = envelope.success(agent.ctl("info", sample.path, "-o", "json"))
    assert info["tier"] == "file" and info["data"]["session"] == "locked"
    agent.ctl("ls").expect(OK)
    agent.ctl("export", sample.path, "--format", "typed").expect(LOCKED)


def test_stopping_the_agent_ends_the_session(world, put):
    sample = put("tiny")
    world.start()
    make_vault(world)
    keep(world, sample)
    world.ctl("agent", "restart").expect(OK)
    world.pid()
    assert vault_state(world) == "locked"
    world.ctl("export", sample.path, "--format", "typed", "--batch").expect(NEEDS_PROMPT)


def test_idle_time_counts_secrets_only(agent, put):
    """Status polling does not keep a session alive; use of a secret does."""
    sample = put("typed")
    set_session(agent, "idle-timeout", '"3s"')
    make_vault(agent)
    keep(agent, sample)
    began = time.monotonic()
    while time.monotonic() - began < 6:
        agent.ctl("export", sample.path, *sample.kdf, "--format", "typed").expect(OK)
    left = status(agent, OK)["session"]
    assert 0 < left["idle_left"] <= 3 and left["idle_timeout"] == 3
    until(lambda: vault_state(agent) == "locked", "the session has ended", 15)
    told = status(agent, LOCKED)
    assert told["session"]["last_lock"] == "idle" and told["unlocked"] == []


def test_a_lifetime_ends_however_much_it_is_used(agent, put):
    sample = put("typed")
    set_session(agent, "max-lifetime", '"4s"')
    make_vault(agent)
    keep(agent, sample)
    until(
        lambda: agent.ctl("export", sample.path, "--format", "typed", "--batch").expect(OK, NEEDS_PROMPT).status
        == NEEDS_PROMPT, "it ends in use", 20)
    assert status(agent, LOCKED)["session"]["last_lock"] == "lifetime"


def test_a_shorter_limit_counts_for_a_session_that_runs(agent, put):
    make_vault(agent)
    assert status(agent, OK)["session"]["idle_left"] is None
    set_session(agent, "idle-timeout", '"2s"')
    until(lambda: vault_state(agent) == "locked", "the new limit counts", 20)


def test_a_session_that_follows_another_ends_as_well(agent, put):
    """What was locked one by one, and everything locked when nothing was open any more, leaves no session without limits."""
    sample = put("typed")
    set_session(agent, "idle-timeout", '"2s"')
    for _ in range(2):
        agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
        agent.ctl("lock", sample.path).expect(OK)
        agent.ctl("lock").expect(OK)
        assert status(agent, OK)["session"]["unlocked_since"] is None
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    assert status(agent, OK)["session"]["idle_left"] is not None
    until(lambda: status(agent, OK)["unlocked"] == [], "idle time ends it", 15)
    assert status(agent, OK)["session"]["last_lock"] == "idle"


# -- The machine sleeps, the screen is locked, the user leaves

@pytest.fixture
def watched(world, logind, put):
    """An agent that listens to a mock of logind, with a vault and one entry, unlocked."""
    world.start(environment=world.environment(DBUS_SYSTEM_BUS_ADDRESS=logind.address))
    sample = put("typed")
    logind.add_session("c1", os.getuid())
    make_vault(world)
    keep(world, sample)
    until(lambda: status(world, OK)["session"]["logind"], "logind is seen")
    until(lambda: logind.inhibitors() == 1, "the sleep lock is held")
    return logind


def is_locked_by(world, reason):
    until(lambda: vault_state(world) == "locked", f"locked by {reason}", 30)
    told = status(world, LOCKED)
    assert told["session"]["last_lock"] == reason and told["unlocked"] == []


@pytest.mark.linux
def test_suspend_locks(world, watched):
    watched.prepare_sleep(True)
    # The machine may sleep only when the keys are gone.
    until(lambda: watched.inhibitors() == 0, "the sleep lock is given back")
    assert status(world, LOCKED)["session"]["last_lock"] == "suspend"
    watched.prepare_sleep(False)
    until(lambda: watched.inhibitors() == 1, "the next sleep waits as well")


@pytest.mark.linux
def test_logout_locks(world, watched):
    watched.remove_session("c1")
    is_locked_by(world, "logout")


@pytest.mark.linux
def test_screen_lock_locks_when_asked_for(world, watched):
    set_session(world, "lock-on-screen-lock", "true")
    watched.lock_session("c1")
    is_locked_by(world, "screen-lock")


@pytest.mark.linux
def test_switches_that_are_off(world, watched):
    for name in ("lock-on-suspend", "lock-on-logout"):
        set_session(world, name, "false")
    watched.lock_session("c1")
    watched.prepare_sleep(True)
    until(lambda: watched.inhibitors() == 0, "the agent has seen it")
    watched.prepare_sleep(False)
    watched.remove_session("c1")
    until(lambda: watched.inhibitors() == 1, "the agent has seen it")
    assert vault_state(world) == "unlocked"


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

/* The clock that goes on in sleep stands so many seconds ahead as the file has bytes. */
int clock_gettime(clockid_t clock, struct timespec *out) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, out);
    struct stat file;
    const char *path = getenv("SLEPT");
    if (clock == CLOCK_BOOTTIME && path && stat(path, &file) == 0) out->tv_sec += file.st_size;
    return status;
}
"""


@pytest.fixture
def sleeper(world):
    """An agent whose machine seems to have slept: `sleeper(hours)` in all."""
    source, library, slept = (world.root / name for name in ("shim.c", "shim.so", "slept"))
    source.write_text(SHIM)
    built = subprocess.run(
        [shutil.which("cc") or "clang", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], capture_output=True, timeout=60)
    assert built.returncode == 0, built.stderr.decode()
    slept.write_bytes(b"")

    def pass_hours(hours):
        os.truncate(slept, hours * 3600)

    # Not by blazectl, which hands no LD_PRELOAD on.
    with world.foreground(environment=world.environment(LD_PRELOAD=library, SLEPT=slept)):
        yield pass_hours


@pytest.mark.linux
@pytest.mark.parametrize("limits,reason", [
    ({}, "suspend"),
    ({"lock-on-suspend": "false", "idle-timeout": '"8h"'}, "idle"),
    ({"lock-on-suspend": "false", "max-lifetime": '"11h"'}, "lifetime")])
def test_twelve_hours_that_nobody_saw_lock_before_the_first_reply(world, put, sleeper, limits, reason):
    sample = put("typed")
    for name, value in limits.items():
        set_session(world, name, value)
    make_vault(world)
    keep(world, sample)
    world.ctl("export", sample.path, "--format", "typed").expect(OK)
    pid = world.pid()
    # Nothing but the request itself can have noticed: the agent stands still until it is there.
    with processes.frozen(pid):
        sleeper(12)
        asking = world.spawn(
            "export", sample.path, "--format", "typed", "--batch", cwd=world.root, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until(lambda: has_connected(asking.pid), "the request is under way")
    out, err = asking.communicate(timeout=60)
    assert asking.returncode == NEEDS_PROMPT and out == b"", (asking.returncode, err)
    told = status(world, LOCKED)
    assert told["session"]["last_lock"] == reason and told["unlocked"] == []


@pytest.mark.linux
def test_without_a_limit_a_sleep_that_is_not_to_lock_does_not(world, put, sleeper):
    set_session(world, "lock-on-suspend", "false")
    make_vault(world)
    sleeper(12)
    assert vault_state(world) == "unlocked"


def has_connected(pid):
    try:
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:") for fd in os.listdir(f"/proc/{pid}/fd"))
    except FileNotFoundError:
        return False


# -- Races

def test_a_lock_that_arrives_while_an_unlock_derives_wins(agent, put, rng, rounds):
    """Whatever the order: when `lock` was answered after the unlock had begun, the vault is locked, or unlocked by an
    unlock that began later."""
    make_vault(agent)
    agent.ctl("lock").expect(OK)
    won = 0
    for _ in range(rounds(12)):
        unlock = {}

        def run():
            unlock["result"] = agent.ctl("unlock", "-o", "json", passphrase=PASSPHRASE)

        thread = threading.Thread(target=run)
        thread.start()
        # Where in the derivation the lock comes is what the rounds try.
        threading.Event().wait(rng.random() * 0.9)
        agent.ctl("lock").expect(OK)
        thread.join(60)
        result = unlock["result"]
        state = vault_state(agent)
        if result.status == LOCKED:
            won += 1
            assert envelope.failure(result, LOCKED)["name"] == "locked-meanwhile"
            assert state == "locked"
        else:
            result.expect(OK)
        agent.ctl("lock").expect(OK)
    assert won > 0, "no round had the lock arrive during the derivation"


def test_unlocks_at_the_same_time_all_succeed(agent, put):
    """None takes the vault or a database's key away from another that works with it."""
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    agent.ctl("lock").expect(OK)

    def work(number):
        if number % 2:
            return agent.ctl("export", sample.path, "--format", "typed", "--batch", passphrase=PASSPHRASE)
        return agent.ctl("vault", "verify", passphrase=PASSPHRASE)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for result in pool.map(work, range(8)):
            result.expect(OK)


# -- Wrong passphrases

def test_wrong_passphrases_make_the_next_attempt_wait(world, put):
    sample = put("tiny")
    world.start()
    make_vault(world)
    world.ctl("lock").expect(OK)
    for _ in range(4):
        world.ctl("unlock", passphrase=WRONG).expect(WRONG_PASSWORD)
    # 0.25, 0.5, 1 and 2 s after the first to the fourth.
    assert 1 < status(world, LOCKED)["session"]["retry_after"] <= 2
    error = envelope.failure(world.ctl("unlock", "--no-wait", "-o", "json", passphrase=PASSPHRASE), RATE_LIMITED)
    assert error["name"] == "rate-limited"
    # Whoever waits keeps nobody else waiting.
    waiting = threading.Thread(target=lambda: world.ctl("unlock", passphrase=WRONG))
    waiting.start()
    world.ctl("info", sample.path, limit=30).expect(OK)
    waiting.join(60)
    # A restart forgives nothing.
    world.ctl("agent", "restart").expect(OK)
    world.pid()
    assert status(world, LOCKED)["session"]["retry_after"] > 0
    world.ctl("unlock", "--no-wait", passphrase=PASSPHRASE).expect(RATE_LIMITED)
    began = time.monotonic()
    world.ctl("unlock", passphrase=PASSPHRASE).expect(OK)
    assert time.monotonic() - began > 0.5
    assert status(world, OK)["session"]["retry_after"] == 0


# -- exec

def program(world, text):
    path = world.root / "program"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o700)
    return path


def test_exec_hands_the_password_over(agent, put):
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    agent.ctl("lock").expect(OK)
    by_descriptor = program(agent, "cat <&3; env > environment; exit 7\n")
    result = agent.ctl("exec", sample.path, "--", by_descriptor, passphrase=PASSPHRASE)
    assert result.status == 7 and result.out == sample.password.encode()
    assert sample.password not in (agent.root / "environment").read_text()
    by_variable = program(agent, 'printf %s "$DB_PASSWORD"; kill -TERM $$\n')
    result = agent.ctl("exec", sample.path, "--env", "DB_PASSWORD", "--", by_variable)
    assert result.status == 128 + 15 and result.out == sample.password.encode()
    agent.ctl("exec", sample.path, "--", "/no/such/program").expect(10)


def test_exec_with_a_given_password_verifies_it_first(agent, put):
    sample = put("typed")
    ran = agent.root / "ran"
    run = program(agent, f"cat <&3; touch {ran}\n")
    agent.ctl("exec", sample.path, *sample.kdf, "--", run, password=WRONG).expect(WRONG_PASSWORD)
    assert not ran.exists()
    result = agent.ctl("exec", sample.path, *sample.kdf, "--", run, password=sample.password).expect(OK)
    assert result.out == sample.password.encode()
    agent.ctl("exec", sample.path, "--batch", "--", run).expect(NEEDS_PROMPT, LOCKED)


@pytest.mark.linux
def test_no_lock_of_ours_while_the_program_runs(agent, put):
    """The program opens its database as BlazeDB does, exclusively; the agent leaves it alone until the program's end."""
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    go, held = agent.root / "go", agent.root / "held"
    os.mkfifo(go)
    run = program(agent, f"flock --nonblock --exclusive {sample.path} "
                         f"sh -c 'echo held > {held}; cat {go}'\n")
    child = agent.spawn(
        "exec", sample.path, "--", run, cwd=agent.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    try:
        until(held.exists, "the program has its database")
        agent.ctl("check", "--quick", sample.path, "--tier", "lease").expect(11)
        agent.ctl("gc", "run", sample.path, "--yes").expect(11)
        agent.ctl("export", sample.path, "--format", "typed").expect(OK)
        waiting = agent.spawn(
            "gc", "run", sample.path, "--yes", "--wait", "60s", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

        def is_waited_for():
            jobs = envelope.data(agent.ctl("jobs", "ls", "-o", "json"))["jobs"]
            # A job waits for a moment before it knows for whom.
            return jobs and jobs[0]["state"] == "waiting" and (jobs[0]["waits_for"] or {}).get("pid") == child.pid
        until(is_waited_for, "a job waits for the program's end")
        go.write_bytes(b"")
        _, err = child.communicate(timeout=60)
        assert child.returncode == OK, err
        _, err = waiting.communicate(timeout=60)
        assert waiting.returncode == OK, err
    finally:
        if child.poll() is None:
            os.killpg(child.pid, 9)
            child.communicate(timeout=60)
    until(
        lambda: agent.ctl("check", "--quick", sample.path, "--tier", "lease").expect(OK, 4, 11).status != 11,
        "the agent may lock it again")
