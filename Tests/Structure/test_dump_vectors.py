"""The vectors of dumps are what the Python implementation reads."""
import subprocess
import sys

from conftest import REPOSITORY

VECTORS = REPOSITORY / "Protocol" / "vectors" / "dump"


def test_the_reference_reads_the_vectors():
    done = subprocess.run(
        [sys.executable, VECTORS / "reference.py", "check"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
