"""Where the package manager puts what `make test` builds."""
import functools
import pathlib
import subprocess

import samples


@functools.cache
def directory():
    shown = subprocess.run(
        ["swift", "build", "--show-bin-path"], cwd=samples.REPOSITORY, capture_output=True, text=True, timeout=300)
    assert shown.returncode == 0, shown.stderr
    return pathlib.Path(shown.stdout.strip())


def program(name):
    """A program of the tests."""
    return str(directory() / name)
