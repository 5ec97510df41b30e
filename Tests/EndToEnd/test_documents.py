"""What the documents show is what the binaries do."""
import os
import re
import subprocess
import tempfile

import pytest

from samples import REPOSITORY
from statuses import OK

DOCUMENTS = ["README.md", "docs/maintenance.md", "contrib/README.md", "contrib/demo.sh"]


def commands():
    """Every blazectl command that the documents show, as its leading verbs."""
    out = set()
    for name in DOCUMENTS:
        for line in (REPOSITORY / name).read_text().splitlines():
            for words in re.findall(r"(?:^\$ |`|show \d+ )blazectl ((?:[a-z]+ ?)+)", line):
                out.add(words.strip())
    return sorted(out)


@pytest.mark.parametrize("words", commands())
def test_every_command_shown_exists(world, words):
    verbs = words.split()
    groups = {"agent", "db", "config", "gc", "jobs"}
    known = verbs[:2] if verbs[0] in groups else verbs[:1]
    assert usage(world, known).startswith(f"USAGE: blazectl {' '.join(known)}")


def usage(world, words):
    """The usage line of a command's help; for an unknown command that of blazectl itself."""
    text = world.ctl(*words, "--help").expect(OK).text
    return next(line for line in text.splitlines() if line.startswith("USAGE:"))


def test_an_unknown_command_would_be_noticed(world):
    assert usage(world, ["nonsense"]).startswith("USAGE: blazectl <")


def test_the_demo(binaries):
    """The demo works, says what it runs, and leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bz-demo-", dir="/tmp") as place:
        done = subprocess.run(
            ["bash", str(REPOSITORY / "contrib" / "demo.sh"), str(binaries)], capture_output=True, timeout=300,
            env={**os.environ, "TMPDIR": place}, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        assert os.listdir(place) == []
    text = done.stdout.decode()
    for command in ("scan", "ls", "unlock", "info", "check --quick", "agent stop"):
        assert f"$ blazectl {command}" in text
