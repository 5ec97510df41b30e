"""On a real terminal: the prompt hides what is typed, Ctrl-C gives the terminal back, tables and colours."""
import os
import re
import signal

import pexpect
import pytest

import envelope
from statuses import INTERRUPTED, NEEDS_PROMPT, OK, WRONG_PASSWORD
from terminals import finish, on_terminal

ESCAPE = b"\x1b"
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


def shown(agent, *words, **changes):
    child = on_terminal(agent, *words, **changes)
    status, out = finish(child)
    assert status == OK, out
    return out


def test_unlock_asks_without_echo(agent, put):
    sample = put("tiny")
    child = on_terminal(agent, "unlock", sample.path)
    child.expect(rb"(?i)password")
    assert child.waitnoecho(timeout=30), "what is typed would show"
    child.sendline(sample.password)
    status, out = finish(child)
    assert status == OK, out
    assert sample.password.encode() not in out
    unlocked = envelope.data(agent.ctl("status", "-o", "json"))["unlocked"]
    assert [u["path"] for u in unlocked] == [str(sample.path)]


def test_the_prompt_names_the_database_and_is_not_on_stdout(agent, put):
    sample = put("tiny")
    command = agent.words() + ["unlock", str(sample.path), "-o", "json"]
    out = agent.root / "tmp" / "out"
    child = pexpect.spawn(
        "/bin/sh", ["-c", '"$@" > "$OUT"', "sh"] + command, env=agent.environment(OUT=out), cwd=str(agent.root),
        timeout=60)
    child.expect(rb"tiny")
    assert child.waitnoecho(timeout=30)
    child.sendline(sample.password)
    status, _ = finish(child)
    assert status == OK
    assert out.read_bytes().startswith(b"{")


def test_a_wrong_password_on_a_terminal(agent, put):
    sample = put("tiny")
    child = on_terminal(agent, "unlock", sample.path)
    child.expect(rb"(?i)password")
    assert child.waitnoecho(timeout=30)
    child.sendline("Wr0ng-Passw0rd-2026")
    status, out = finish(child)
    assert status == WRONG_PASSWORD
    assert b"Wr0ng" not in out


def in_a_shell(agent, *words):
    """blazectl under a shell that stays and shows the terminal's settings behind it."""
    command = agent.words() + [str(w) for w in words]
    return pexpect.spawn(
        "/bin/sh", ["-c", 'trap : INT QUIT TERM; "$@"; echo "status=$?"; stty -a', "sh"] + command,
        env=agent.environment(), cwd=str(agent.root), timeout=60)


@pytest.mark.parametrize("key", ["c", "\\"])
def test_ctrl_c_gives_the_terminal_back(agent, put, key):
    sample = put("tiny")
    child = in_a_shell(agent, "unlock", sample.path)
    child.expect(rb"(?i)password")
    assert child.waitnoecho(timeout=30)
    child.send("half of a pass")
    child.sendcontrol(key)
    child.expect(rb"status=(\d+)")
    status = int(child.match.group(1))
    assert status == (INTERRUPTED if key == "c" else 131), status
    _, out = finish(child)
    assert re.search(rb"\secho\s", out) and not re.search(rb"-echo\s", out), out
    assert re.search(rb"\sicanon\s", out) and re.search(rb"\sisig\s", out), out
    assert envelope.data(agent.ctl("status", "-o", "json"))["unlocked"] == []


@pytest.mark.linux
def test_a_terminate_signal_gives_the_terminal_back(agent, put):
    sample = put("tiny")
    child = in_a_shell(agent, "unlock", sample.path)
    child.expect(rb"(?i)password")
    assert child.waitnoecho(timeout=30)
    with open(f"/proc/{child.pid}/task/{child.pid}/children", encoding="ascii") as f:
        (blazectl,) = map(int, f.read().split())
    os.kill(blazectl, signal.SIGTERM)
    child.expect(rb"status=(\d+)")
    assert int(child.match.group(1)) == 143
    _, out = finish(child)
    assert not re.search(rb"-echo\s", out), out


def test_ctrl_d_is_no_password(agent, put):
    sample = put("tiny")
    child = on_terminal(agent, "unlock", sample.path)
    child.expect(rb"(?i)password")
    assert child.waitnoecho(timeout=30)
    child.sendeof()
    status, out = finish(child)
    assert status not in (OK,), out


def test_batch_never_asks_on_a_terminal(agent, put):
    sample = put("tiny")
    child = on_terminal(agent, "unlock", sample.path, "--batch")
    status, _ = finish(child)
    assert status == NEEDS_PROMPT


def test_table_on_a_terminal_plain_in_a_pipe(agent, put):
    for name in ("tiny", "typed", "unclean"):
        put(name)
    agent.ctl("scan", agent.databases).expect(OK)
    piped = agent.ctl("ls").expect(OK)
    assert ESCAPE not in piped.out
    assert piped.out == agent.ctl("ls", "-o", "plain").expect(OK).out
    table = agent.ctl("ls", "-o", "table").expect(OK)
    assert ESCAPE not in table.out, "colours in a pipe"
    assert table.out != piped.out
    on_screen = COLOUR.sub(b"", shown(agent, "ls")).replace(b"\r\n", b"\n")
    assert on_screen.split() == table.out.split()


def test_no_color(agent, put):
    put("damaged/meta-truncated")
    put("unclean")
    agent.ctl("scan", agent.databases).expect(OK)
    for words in (["ls"], ["status"], ["info", agent.databases / "unclean.blazedb"]):
        assert ESCAPE not in shown(agent, *words, NO_COLOR="1")
        assert ESCAPE not in shown(agent, *words, TERM="dumb")


def test_plain_is_one_line_per_database_with_tabs(agent, put):
    for name in ("tiny", "typed"):
        put(name)
    agent.ctl("scan", agent.databases).expect(OK)
    lines = agent.ctl("ls").expect(OK).text.splitlines()
    rows = [line for line in lines if ".blazedb" in line]
    assert len(rows) == 2
    assert len({line.count("\t") for line in rows}) == 1 and rows[0].count("\t") >= 5


def test_a_narrow_terminal_does_not_break_lines(agent, put):
    put("unclean")
    agent.ctl("scan", agent.databases).expect(OK)
    for columns in (40, 80, 200):
        out = COLOUR.sub(b"", shown(agent, "ls", columns=columns)).decode("utf-8")
        rows = [line for line in out.splitlines() if line.strip()]
        assert len([r for r in rows if "unclean" in r]) == 1, out


def test_progress_of_a_scan_is_not_on_stdout(agent, put):
    put("tiny")
    result = agent.ctl("scan", agent.databases, "-o", "json").expect(OK)
    envelope.success(result)
    assert ESCAPE not in result.err


def test_sizes_are_told_in_units_that_people_read(agent, put):
    put("large")
    agent.ctl("scan", agent.databases).expect(OK)
    assert re.search(r"2\.\d+ Mi?B", shown(agent, "ls").decode("utf-8"))
