"""The vault: unlocking it, and looking at a database whose key it has."""
import shutil
import statistics
import subprocess

from side_by_side import Comparison, alternate, at_most, compare, figure
from world import PATIENCE, World, seconds_of

ENTRIES = 1000
PASSPHRASE = "bench-passphrase-2026"
FIXTURE_PASSWORD = "Fixture-Passw0rd-2026"


def secret_file(world, name, secret):
    path = world.root / name
    path.write_text(secret)
    path.chmod(0o600)
    return path


def make_vault(world, fixtures, hints):
    """A vault with the password of the sample `tiny`, and with so many entries of other databases."""
    file = secret_file(world, "passphrase", PASSPHRASE)
    password = secret_file(world, "password", FIXTURE_PASSWORD)
    world.ctl("vault", "init", "--no-recovery", "--vault-password-file", file)
    directory = world.root / "databases"
    directory.mkdir()
    for sample in (fixtures / "tiny").glob("tiny.*"):
        shutil.copy(sample, directory)
    world.ctl("vault", "add", directory / "tiny.blazedb", "--password-file", password)
    for n in range(hints):
        other = directory / f"db-{n:04}"
        other.mkdir()
        for sample in (fixtures / "tiny").glob("tiny.*"):
            shutil.copy(sample, other)
        # A salt of its own makes it another database.
        (other / "tiny.salt").write_bytes(n.to_bytes(16, "big"))
        world.ctl("vault", "hint", other / "tiny.blazedb", "a hint of some length, as people write them")
    return directory / "tiny.blazedb", file


def unlocking(world, file):
    """The seconds of `blazectl unlock`, whole process, of a locked vault."""
    world.ctl("lock")
    return seconds_of(world.words("unlock", "--vault-password-file", file), world.environment)


def argon2id(tools):
    done = subprocess.run([str(tools / "argon2id")], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return float(done.stdout)


def rows(binaries, tools, fixtures, rounds):
    with World(binaries) as one, World(binaries) as many:
        database, file = make_vault(one, fixtures, 0)
        _, other = make_vault(many, fixtures, ENTRIES - 1)
        pairs = alternate(lambda: unlocking(one, file), lambda: argon2id(tools), rounds)
        measured, reference = (statistics.median(x) for x in zip(*pairs))
        more = statistics.median(m - r for m, r in pairs)
        out = [
            Comparison("`blazectl unlock`, whole process, against Argon2id by libsodium alone", "(for comparison)", "ms",
                       measured, reference, [m / r for m, r in pairs], True),
            Comparison("of that, beyond Argon2id", "at most 20 ms", "ms", more, None, [], more <= 0.020),
            compare(f"`blazectl unlock` with {ENTRIES:,} entries against one", "at most 1.05x", at_most(1.05), "ms",
                    lambda: unlocking(many, other), lambda: unlocking(one, file), rounds),
        ]

        def looking():
            one.ctl("lock")
            one.ctl("unlock", "--vault-password-file", file)
            return seconds_of(one.words("info", database), one.environment)

        out.append(figure(
            "first `blazectl info` of the sample `tiny` after unlock, whole process", "at most 6 ms", at_most(0.006), "ms",
            looking, rounds))
        out.append(figure(
            "further `blazectl info` of it", "at most 6 ms", at_most(0.006), "ms",
            lambda: seconds_of(one.words("info", database), one.environment), 10 * rounds))
        return out
