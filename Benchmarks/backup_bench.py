"""Backups and restores, each against a bare copy of the same files and one full read of it."""
import shutil

from side_by_side import Comparison, at_most, compare
from world import Engine

MEBIBYTE = 1 << 20
# At least 0.7x as fast.
LIMIT = 1 / 0.7


def rows(tools, directory, rounds):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    rounds = min(rounds, 7)
    with Engine(tools, directory, None, "measure-writer") as writer:
        out = []
        for count in (20_000, 100_000):
            writer.once("keep", count)
            for measurement, what in (("backup", "a verified backup"), ("restore", "a restore")):
                out.append(compare(
                    f"{what} of {count:,} records, against cp --reflink=never, a sync and one full read",
                    f"at most {LIMIT:.2f}x (0.7x as fast)", at_most(LIMIT), "s",
                    lambda m=measurement, n=count: writer.once(m, n), lambda n=count: writer.once("copy", n), rounds))
            # The next size has a backup of its own.
            writer.once("backup", count)
        out.append(memory(tools, directory))
    shutil.rmtree(directory)
    return out


def memory(tools, directory):
    """The most memory of a process that does nothing but a backup of 100,000 records, besides what it has at its start and the
    index, which is as large as the metadata at most."""
    index = (directory / "kept-100000.meta").stat().st_size
    with Engine(tools, directory, None, "measure-writer") as fresh:
        before = fresh.once("memory", 0)
        fresh.once("backup", 100_000)
        used = fresh.once("memory", 0) - before
    limit = 64 * MEBIBYTE + index
    return Comparison(
        "memory that a backup of 100,000 records takes", f"at most {limit / 1e6:.0f} MB (64 MiB and the index)", "MB", used,
        None, [], used <= limit)
