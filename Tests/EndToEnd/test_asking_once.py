"""What a user lives with: who is asked for what, how often, and what is remembered."""
import concurrent.futures
import contextlib
import os
import subprocess

import pexpect
import pytest

import crowds
import envelope
import processes
import wire
from statuses import LOCKED, NEEDS_PROMPT, NOT_FOUND, OK, PERMISSION, USAGE, WRONG_PASSWORD
from terminals import finish, on_terminal
from vaults import PASSPHRASE, keep, make_vault, status, vault_state
from waiting import until


def kept(world):
    return {e["alias"]: e for e in envelope.data(world.ctl("vault", "ls", "-o", "json"))["entries"]}


@pytest.mark.parametrize("answer,is_kept", [("y", True), ("", False), ("n", False)])
def test_a_password_is_asked_for_once_and_may_be_remembered(agent, put, answer, is_kept):
    make_vault(agent)
    sample = put("tiny")
    child = on_terminal(agent, "export", sample.path, "--format", "typed")
    child.expect_exact("Password of ")
    child.sendline(sample.password)
    child.expect_exact("Remember in the vault? [y/N] ")
    child.sendline(answer)
    status, _ = finish(child)
    assert status == OK
    assert ("tiny" in kept(agent)) is is_kept


def test_the_hint_is_shown_and_a_wrong_password_is_not_remembered(agent, put):
    make_vault(agent)
    sample = put("tiny")
    agent.ctl("vault", "hint", sample.path, "the one with the year").expect(OK)
    child = on_terminal(agent, "unlock", sample.path)
    child.expect_exact("Hint: the one with the year")
    child.expect_exact("Password of ")
    child.sendline("Wr0ng-Password-2026")
    status, out = finish(child)
    assert status == WRONG_PASSWORD and b"Remember" not in out
    assert kept(agent)["tiny"]["has_password"] is False


@pytest.mark.parametrize("option,is_kept", [("--remember", True), ("--no-remember", False)])
def test_options_answer_the_question(agent, put, option, is_kept):
    make_vault(agent)
    sample = put("typed")
    child = on_terminal(agent, "unlock", sample.path, *sample.kdf, option)
    child.expect_exact("Password of ")
    child.sendline(sample.password)
    status, out = finish(child)
    assert status == OK and b"[y/N]" not in out
    assert ("typed" in kept(agent)) is is_kept


def test_remember_works_without_a_terminal(agent, put):
    make_vault(agent)
    sample = put("typed")
    agent.ctl("lock").expect(OK)
    agent.ctl(
        "unlock", sample.path, *sample.kdf, "--remember", password=sample.password, passphrase=PASSPHRASE).expect(OK)
    assert "typed" in kept(agent)


def test_without_a_vault_nothing_is_offered(agent, put):
    sample = put("typed")
    child = on_terminal(agent, "unlock", sample.path, *sample.kdf)
    child.expect_exact("Password of ")
    child.sendline(sample.password)
    status, out = finish(child)
    assert status == OK and b"Remember" not in out


def test_a_locked_vault_is_asked_for_first_and_once(agent, put):
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    agent.ctl("lock").expect(OK)
    child = on_terminal(agent, "export", sample.path, "--format", "typed")
    child.expect_exact("Passphrase of the vault: ")
    child.sendline(PASSPHRASE)
    status, out = finish(child)
    assert status == OK and b"Password of" not in out
    # Another terminal asks nothing any more.
    assert envelope.data(agent.ctl("unlock", "-o", "json"))["already"] is True


def ask_program(world, answer, status=0):
    """A program that asks nobody, counts how often it was run, and answers."""
    program, count = world.root / "askpass", world.root / "tmp" / "asked"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$1\" >> {count}\nprintf '%s\\n' '{answer}'\nexit {status}\n")
    program.chmod(0o700)
    return program, count


def test_askpass_without_a_terminal(agent, put):
    sample = put("typed")
    program, count = ask_program(agent, sample.password)
    environment = agent.environment(BLAZEDB_ASKPASS=program)
    agent.ctl("unlock", sample.path, *sample.kdf, environment=environment).expect(OK)
    assert "typed" in count.read_text()
    agent.ctl("lock").expect(OK)
    environment["BLAZEDB_ASKPASS_REQUIRE"] = "never"
    agent.ctl("unlock", sample.path, *sample.kdf, environment=environment).expect(NEEDS_PROMPT)
    environment["BLAZEDB_ASKPASS_REQUIRE"] = "force"
    agent.ctl("unlock", sample.path, *sample.kdf, "--batch", environment=environment).expect(NEEDS_PROMPT)
    environment["BLAZEDB_ASKPASS_REQUIRE"] = "sometimes"
    agent.ctl("unlock", sample.path, *sample.kdf, environment=environment).expect(USAGE)
    assert len(count.read_text().splitlines()) == 1


@pytest.mark.parametrize("require,asks", [("", "terminal"), ("never", "terminal"), ("prefer", "program"),
                                          ("force", "program")])
def test_askpass_beside_a_terminal(agent, put, require, asks):
    sample = put("typed")
    program, count = ask_program(agent, sample.password)
    child = on_terminal(
        agent, "unlock", sample.path, *sample.kdf, BLAZEDB_ASKPASS=program, BLAZEDB_ASKPASS_REQUIRE=require)
    if asks == "terminal":
        child.expect_exact("Password of ")
        child.sendline(sample.password)
    status, out = finish(child)
    assert status == OK and count.exists() == (asks == "program"), out


def test_an_askpass_program_that_declines(agent, put):
    sample = put("typed")
    program, _ = ask_program(agent, "", status=1)
    result = agent.ctl("unlock", sample.path, *sample.kdf, environment=agent.environment(BLAZEDB_ASKPASS=program))
    assert result.status not in (OK, WRONG_PASSWORD) and result.err


def test_credentials_of_a_service(agent, put):
    tiny, typed = put("tiny"), put("typed")
    make_vault(agent)
    keep(agent, tiny)
    agent.ctl("lock").expect(OK)
    place = agent.root / "credentials"
    place.mkdir(mode=0o700)
    for name, text in (("blazedb-vault-password", PASSPHRASE), ("blazedb-password", typed.password)):
        (place / name).write_text(text)
        (place / name).chmod(0o400)
    environment = agent.environment(CREDENTIALS_DIRECTORY=place)
    agent.ctl("export", tiny.path, "--format", "typed", "--batch", environment=environment).expect(OK)
    agent.ctl("unlock", typed.path, *typed.kdf, "--batch", environment=environment).expect(OK)
    agent.ctl("lock").expect(OK)
    agent.ctl("export", tiny.path, "--format", "typed", "--batch").expect(NEEDS_PROMPT)


def test_a_password_file_that_others_may_read_is_refused(agent, put):
    sample = put("typed")
    file = agent.root / "tmp" / "password"
    file.write_text(sample.password)
    for mode in (0o640, 0o604, 0o660, 0o620):
        file.chmod(mode)
        error = envelope.failure(
            agent.ctl("unlock", sample.path, *sample.kdf, "--password-file", file, "-o", "json"), PERMISSION)
        assert f"chmod 600 {file}" in error["hint"], error
    make_vault(agent)
    agent.ctl("lock").expect(OK)
    file.write_text(PASSPHRASE)
    agent.ctl("unlock", "--vault-password-file", file).expect(PERMISSION)
    assert vault_state(agent) == "locked"
    file.chmod(0o600)
    agent.ctl("unlock", "--vault-password-file", file).expect(OK)
    agent.ctl("unlock", "--vault-password-file", agent.root / "none").expect(NOT_FOUND)


@pytest.mark.linux
def test_a_password_from_a_process_substitution(other_world):
    """A program that may not be dumped still reads its own /dev/fd."""
    other_world.start()
    make_vault(other_world)
    other_world.ctl("lock").expect(OK)
    script = f"blazectl unlock --vault-password-file <(printf %s {PASSPHRASE})"
    done = subprocess.run(
        processes.as_user(other_world.uid) + ["/bin/bash", "-c", script], env=other_world.environment(),
        cwd=other_world.root, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert done.returncode == OK, done.stderr


def in_the_dark(world, *words):
    """A command without a terminal."""
    return world.spawn(*words, cwd=world.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def waiters(world):
    """How many commands wait for an answer that another asks for."""
    return envelope.data(world.ctl("status", "-o", "json"), OK, LOCKED)["session"]["prompt_waiters"]


def start_waiting(world, count, *words):
    """So many commands without a terminal that wait for an answer, started as fast as the machine takes them."""
    started = []
    while len(started) < count:
        started += [in_the_dark(world, *words) for _ in range(min(10, count - len(started)))]
        until(lambda: waiters(world) == len(started), f"{len(started)} wait", 30)
    return started


def test_a_hundred_commands_ask_once(agent, put):
    """One terminal asks; all others, with and without one, wait for its answer."""
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    agent.ctl("lock").expect(OK)
    asker = on_terminal(agent, "unlock")
    asker.expect_exact("Passphrase of the vault: ")
    others = start_waiting(agent, 99, "info", sample.path, "--tier", "observe")
    try:
        assert all(p.poll() is None for p in others)
        asker.sendline(PASSPHRASE)
        status, _ = finish(asker)
        assert status == OK
        with concurrent.futures.ThreadPoolExecutor(len(others)) as pool:
            ended = list(pool.map(lambda p: p.communicate(timeout=120), others))
        assert all(p.returncode == OK for p in others), [e for (_, e), p in zip(ended, others) if p.returncode]
    finally:
        for p in others:
            if p.poll() is None:
                p.kill()
                p.communicate(timeout=10)


def test_askers_that_come_at_once_ask_once(agent, put):
    """Many at the same moment, each able to ask by a program: it runs once."""
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    agent.ctl("lock").expect(OK)
    program, count = ask_program(agent, PASSPHRASE)
    environment = agent.environment(BLAZEDB_ASKPASS=program)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        results = list(pool.map(
            lambda _: agent.ctl("export", sample.path, "--format", "typed", environment=environment), range(20)))
    assert [r.status for r in results] == [OK] * 20
    assert len(count.read_text().splitlines()) == 1, count.read_text()


@pytest.mark.parametrize("how", ["ctrl-c", "killed", "wrong"])
def test_a_cancelled_prompt_fails_all_that_wait(agent, put, how):
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    agent.ctl("lock").expect(OK)
    asker = on_terminal(agent, "unlock")
    asker.expect_exact("Passphrase of the vault: ")
    others = start_waiting(agent, 5, "export", sample.path, "--format", "typed")
    if how == "ctrl-c":
        asker.sendcontrol("c")
    elif how == "killed":
        os.kill(asker.pid, 9)
    else:
        for _ in range(3):
            asker.sendline("Wr0ng-Passphrase")
            asker.expect([r"try again", pexpect.EOF])
    for p in others:
        _, err = p.communicate(timeout=60)
        assert p.returncode == NEEDS_PROMPT and b"another terminal" in err, (p.returncode, err)
    asker.close(force=True)
    # The next one may ask again.
    child = on_terminal(agent, "unlock")
    child.expect_exact("Passphrase of the vault: ")
    child.sendline(PASSPHRASE)
    assert finish(child)[0] == OK


PROMPT, PROMPT_END = 80, 81


def ask(connection, *more):
    """(role, ticket, limit) of a prompt for the vault's passphrase by a client that can ask."""
    _, reply = connection.call(PROMPT, b"".join(more) + wire.field(2, 1))
    seen = wire.fields(reply)
    return seen[1][0], seen[2][0], seen[3][0]


def test_asking_again_gives_no_more_time(agent, put):
    """A client cannot keep the question to itself by asking for it again and again."""
    make_vault(agent)
    agent.ctl("lock").expect(OK)
    with wire.Connection(agent.socket) as connection:
        connection.greet()
        first, second = ask(connection), ask(connection)
        assert first[:2] == second[:2] and second[2] <= first[2] <= 60 * 10**9
        other = in_the_dark(agent, "vault", "ls")
        until(lambda: waiters(agent) == 1, "another waits")
        # Asked a third time, it still waits for the same question.
        assert ask(connection)[1] == first[1]
        assert waiters(agent) == 1
        # A question about something else ends this one: a user is asked one at a time.
        sample = put("tiny")
        assert ask(connection, wire.field(1, wire.target(sample.path)))[1] != first[1]
        _, err = other.communicate(timeout=60)
        assert other.returncode == NEEDS_PROMPT, err


def test_a_client_may_end_its_question_itself_and_nobody_else(agent):
    make_vault(agent)
    agent.ctl("lock").expect(OK)
    with wire.Connection(agent.socket) as asker, wire.Connection(agent.socket) as stranger:
        asker.greet()
        stranger.greet()
        ticket = ask(asker)[1]
        other = in_the_dark(agent, "vault", "ls")
        until(lambda: waiters(agent) == 1, "another waits")
        stranger.call(PROMPT_END, wire.field(1, ticket))
        assert waiters(agent) == 1
        asker.call(PROMPT_END, wire.field(1, ticket))
        _, err = other.communicate(timeout=60)
        assert other.returncode == NEEDS_PROMPT and b"cancelled" in err, err


def test_one_who_is_asked_keeps_the_seat(agent):
    """Commands that come in crowds take no connection from the one whose user is typing."""
    make_vault(agent)
    agent.ctl("lock").expect(OK)
    limit = status(agent, LOCKED)["connection_limit"]
    crowds.allow_descriptors(limit + 100)
    with contextlib.ExitStack() as crowd:
        asker = crowd.enter_context(wire.Connection(agent.socket))
        asker.greet()
        ticket = ask(asker)[1]

        def comes_in():
            """Whether one more is taken in, at the cost of another that has had its second."""
            connection = crowd.enter_context(wire.Connection(agent.socket))
            connection.send(wire.hello())
            return connection.receive()[0] == wire.REPLY

        for _ in range(limit - 1):
            assert comes_in()
        for _ in range(3):
            until(comes_in, "another gives way")
        assert ask(asker)[1] == ticket


@pytest.mark.slow
def test_a_prompt_ends_after_a_minute(agent, put):
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    agent.ctl("lock").expect(OK)
    asker = on_terminal(agent, "unlock")
    asker.expect_exact("Passphrase of the vault: ")
    other = in_the_dark(agent, "export", sample.path, "--format", "typed")
    _, err = other.communicate(timeout=90)
    assert other.returncode == NEEDS_PROMPT and b"60 seconds" in err, err
    asker.expect(pexpect.EOF, timeout=30)
    asker.close()
    assert asker.exitstatus == 18


def test_two_terminals_and_a_script_share_a_session(agent, put):
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    agent.ctl("lock").expect(OK)
    shells = [pexpect.spawn("/bin/sh", env=agent.environment(PS1="ready>"), cwd=str(agent.root), timeout=60, echo=False)
              for _ in range(2)]
    for shell in shells:
        shell.expect_exact("ready>")
    shells[0].sendline("blazectl unlock; echo status=$?")
    shells[0].expect_exact("Passphrase of the vault: ")
    shells[0].sendline(PASSPHRASE)
    shells[0].expect_exact("status=0")
    shells[1].sendline(f"blazectl export {sample.path} --format typed > second; echo status=$?")
    shells[1].expect_exact("status=0")
    # As cron runs it: no terminal, hardly an environment.
    environment = {k: v for k, v in agent.environment().items() if k not in ("TERM", "LANG")}
    script = f"blazectl export {sample.path} --format typed --batch > third"
    done = subprocess.run(
        ["/bin/sh", "-c", script], env=environment, cwd=agent.root, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=60, start_new_session=True)
    assert done.returncode == OK, done.stderr
    assert (agent.root / "second").read_bytes() == (agent.root / "third").read_bytes() != b""
    shells[1].sendline("blazectl lock; echo status=$?")
    shells[1].expect_exact("status=0")
    done = subprocess.run(
        ["/bin/sh", "-c", script], env=environment, cwd=agent.root, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=60, start_new_session=True)
    assert done.returncode == NEEDS_PROMPT, done.stderr
    for shell in shells:
        shell.close(force=True)
