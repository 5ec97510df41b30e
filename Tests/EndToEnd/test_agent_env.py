"""`agent env`: what a shell's start-up file can evaluate."""
import os
import subprocess

import pytest

import envelope
from statuses import OK, TIMEOUT, USAGE

VARIABLE = "BLAZEDB_AGENT_SOCK"


def printed(world, *arguments, shell=None, socket=None):
    environment = world.environment(SHELL=shell, **({VARIABLE: socket} if socket else {}))
    return world.ctl("agent", "env", *arguments, environment=environment).expect(OK)


def test_it_starts_the_agent_as_ssh_agent_does(world):
    assert printed(world).text == f"{VARIABLE}={world.socket}; export {VARIABLE};\n"
    assert world.pid() is not None


def test_it_can_leave_the_agent_alone(world):
    assert printed(world, "--no-autostart").text == f"{VARIABLE}={world.socket}; export {VARIABLE};\n"
    assert world.pid() is None


@pytest.mark.parametrize("shell,option,wanted", [
    ("/bin/bash", [], "sh"), ("/usr/bin/zsh", [], "sh"), (None, [], "sh"), ("", [], "sh"), ("/bin/csh", [], "csh"),
    ("/usr/local/bin/tcsh", [], "csh"), ("/usr/bin/fish", [], "fish"), ("/usr/bin/fish", ["-s"], "sh"),
    ("/bin/sh", ["-c"], "csh"), ("/bin/tcsh", ["--fish"], "fish"), ("/bin/fisherman", [], "sh"),
])
def test_the_syntax(world, shell, option, wanted):
    text = printed(world, "--no-autostart", *option, shell=shell).text
    assert text == {
        "sh": f"{VARIABLE}={world.socket}; export {VARIABLE};\n",
        "csh": f"setenv {VARIABLE} {world.socket};\n",
        "fish": f"set -gx {VARIABLE} {world.socket};\n",
    }[wanted]


ODD = ["a b", "it's", 'double"quote', "$HOME", "`id`", "$(id)", "semi;colon", "back\\slash", "new\nline", "tab\t",
       "star*?[x]", "bang!", "~", "#", "&", "trailing'", "\u00e9\u4e2d"]


@pytest.mark.parametrize("name", ODD)
def test_sh_takes_odd_paths(world, name):
    socket = os.fsencode(str(world.root / "run")) + b"/" + os.fsencode(name)
    environment = {os.fsencode(k): os.fsencode(v) for k, v in world.environment().items()}
    environment[VARIABLE.encode()] = socket
    text = world.ctl("agent", "env", "-s", "--no-autostart", environment=environment).expect(OK).out
    for how in (b'eval "$1"; printf %s "$' + VARIABLE.encode() + b'"', b'eval "$1"; sh -c \'printf %s "$' + VARIABLE.encode() + b'"\''):
        done = subprocess.run(
            [b"sh", b"-c", how, b"sh", text], capture_output=True, timeout=30, env={b"PATH": b"/usr/bin:/bin"})
        assert (done.returncode, done.stdout, done.stderr) == (0, socket, b"")


def test_a_shell_that_evaluates_it_finds_the_agent(world):
    """The variable alone is enough for another terminal."""
    done = subprocess.run(
        ["sh", "-c", f'eval "$(blazectl agent env -s)" && unset XDG_RUNTIME_DIR TMPDIR && blazectl ping'],
        capture_output=True, timeout=60, env=world.environment(BLAZEDB_AGENT_SOCK=None), cwd=world.root)
    try:
        assert done.returncode == 0, done.stderr
    finally:
        world.ctl("agent", "stop", environment=world.environment(BLAZEDB_AGENT_SOCK=None)).expect(OK)


def test_json(world):
    data = envelope.data(printed(world, "-o", "json", "--fish"))
    assert data == {"variable": VARIABLE, "socket": str(world.socket), "shell": "fish", "pid": world.pid()}
    assert envelope.data(printed(world, "-o", "json", "--no-autostart", shell="/bin/sh"))["pid"] is None


def test_one_syntax_at_a_time(world):
    assert world.ctl("agent", "env", "-s", "-c").expect(USAGE).out == b""


def test_nothing_is_printed_when_it_fails(world):
    """`eval` of nothing changes nothing."""
    (world.root / "run").chmod(0o777)
    result = world.ctl("agent", "env")
    assert result.status not in (OK, TIMEOUT) and result.out == b"" and result.err
