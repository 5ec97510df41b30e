"""A program that writes a vault is killed at every system call that changes something: the old vault is there, or the new
one, as the Python implementation of the format reads it."""
import shutil
import subprocess
import sys

import pytest

import debug_build
import samples

sys.path.insert(0, str(samples.REPOSITORY / "Protocol" / "vectors" / "vault"))
import reference  # noqa: E402

PHRASE, OTHER = reference.PHRASE, "another good passphrase"
CALLS = [("write",), ("fsync",), ("flock",), ("rename", "renameat", "renameat2"), ("unlink", "unlinkat")]
# More of one kind than any write makes; the loops end where nothing is killed any more.
MANY = 40

pytestmark = pytest.mark.linux


@pytest.fixture(scope="module")
def program():
    """The program that makes one write of a vault."""
    return debug_build.program("VaultScenario")


def run(program, path, operation, phrase=PHRASE, before=()):
    return subprocess.run(
        [*before, program, path, operation], input=phrase.encode(), capture_output=True, timeout=60)


def visible(path):
    """Which passphrase opens a vault, and its entries' aliases and passwords."""
    data = path.read_bytes()
    for phrase in (PHRASE, OTHER):
        try:
            vault, key = reference.unlock(data, phrase)
        except reference.VaultFault as fault:
            assert str(fault) == "wrong-secret"
            continue
        entries = reference.open_entries(vault, key)
        return phrase, key, {e["alias"]: e["password"] for e in entries}
    raise AssertionError("nothing opens the vault")


@pytest.fixture(scope="module")
def original(program, tmp_path_factory):
    """A vault of four generations."""
    place = tmp_path_factory.mktemp("vault") / "data"
    done = run(program, place / "vault.bdv", "create")
    assert done.returncode == 0, done.stderr.decode()
    return place


@pytest.mark.parametrize("operation", ["put", "remove", "passwd", "rekey"])
def test_killed_at_every_call(program, original, tmp_path, operation):
    strace = shutil.which("strace")
    assert strace, "strace is not installed; make deps installs it"

    def fresh(name):
        place = tmp_path / name
        shutil.copytree(original, place, copy_function=shutil.copy2)
        return place

    whole = fresh("whole")
    assert run(program, whole / "vault.bdv", operation).returncode == 0
    old_phrase, old_key, old_entries = visible(original / "vault.bdv")
    new_phrase, _, new_entries = visible(whole / "vault.bdv")
    kills = outcomes = 0
    seen = set()
    for names in CALLS:
        traced = ",".join(f"?{n}" for n in names)
        for count in range(1, MANY):
            place = fresh(f"{names[0]}-{count}")
            path = place / "vault.bdv"
            done = run(program, path, operation, before=[
                strace, "-f", "-qq", "-o", str(place / "trace"), "-e", f"trace={traced}",
                "-e", f"inject={traced}:signal=KILL:when={count}"])
            if done.returncode == 0:
                break
            assert "killed by SIGKILL" in (place / "trace").read_text(), done.stderr.decode()
            kills += 1
            phrase, key, entries = visible(path)
            is_new = path.read_bytes() != (original / "vault.bdv").read_bytes()
            seen.add(is_new)
            if is_new:
                assert (phrase, entries) == (new_phrase, new_entries)
                if operation != "put":
                    # What was taken away is not in the copy beside it either.
                    assert (place / "vault.bdv.previous").read_bytes() == path.read_bytes()
            else:
                assert (phrase, key, entries) == (old_phrase, old_key, old_entries)
            # What is left over is in nobody's way.
            assert run(program, path, "put", phrase).returncode == 0
            assert {p.name for p in place.iterdir()} <= {"vault.bdv", "vault.bdv.previous", "vault.lock", "trace"}
            assert "db9" in visible(path)[2]
            outcomes += 1
            shutil.rmtree(place)
        else:
            raise AssertionError(f"{names[0]} did not come to an end")
    assert kills == outcomes >= 9 and seen == {False, True}


def test_killed_while_it_is_made(program, tmp_path):
    strace = shutil.which("strace")
    assert strace, "strace is not installed; make deps installs it"
    for names in [("mkdir", "mkdirat"), *CALLS]:
        traced = ",".join(f"?{n}" for n in names)
        for count in range(1, 4):
            place = tmp_path / f"{names[0]}-{count}"
            path = place / "data" / "vault.bdv"
            place.mkdir()
            done = run(program, path, "create", before=[
                strace, "-f", "-qq", "-o", str(place / "trace"), "-e", f"trace={traced}",
                "-e", f"inject={traced}:signal=KILL:when={count}"])
            if done.returncode == 0:
                break
            if path.exists():
                assert visible(path)[0] == PHRASE
            else:
                assert run(program, path, "create").returncode == 0
