"""The vault's vectors are what the Python implementation makes and reads."""
import subprocess
import sys

from conftest import REPOSITORY

VECTORS = REPOSITORY / "Protocol" / "vectors" / "vault"


def test_the_reference_makes_and_reads_the_vectors():
    done = subprocess.run(
        [sys.executable, VECTORS / "reference.py", "check"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_hchacha20_is_that_of_the_draft():
    """draft-irtf-cfrg-xchacha-03, 2.2.1."""
    sys.path.insert(0, str(VECTORS))
    try:
        import reference
    finally:
        sys.path.remove(str(VECTORS))
    got = reference.hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927"))
    assert got.hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
