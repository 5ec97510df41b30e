"""Writing: bulk and single inserts, gc and vacuum, each on the disk that the checkout is on."""
import shutil

from side_by_side import Comparison, at_most, compare, figure
from world import Engine

MEBIBYTE = 1 << 20


def rows(tools, directory, rounds):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    rounds = min(rounds, 7)
    with Engine(tools, directory, None, "measure-writer") as writer:
        def seconds(measurement, count):
            return lambda: writer.once(measurement, count)

        def per_record(measurement, count):
            return lambda: writer.once(measurement, count) / count

        out = [
            figure("bulk insert of 5,000 records, durable", "at most 0.5 s", at_most(0.5), "s",
                   seconds("bulk", 5_000), rounds)]
        for count in (1_000, 20_000, 100_000):
            out.append(figure(f"bulk insert of {count:,} records, durable", "(for comparison)", lambda _: True, "s",
                              seconds("bulk", count), min(rounds, 3)))
        for count in (1_000, 10_000, 100_000):
            # The first insert makes the database, so that the reference knows the size of its metadata.
            writer.once("single", count)
            out.append(compare(
                f"a durable insert into {count:,} records, against its three syncs and the metadata's bytes",
                "at most 1.3x", at_most(1.3), "ms", seconds("single", count), seconds("syncs", count), 3 * rounds))
        out.append(figure(
            "vacuum of 3,000 records, as many deleted, verified", "at most 0.3 s", at_most(0.3), "s",
            seconds("vacuum", 3_000), rounds))
        out.append(compare(
            "vacuum of 100,000 records against 10,000, each for one record", "linear: at most 1.3x", at_most(1.3), "us",
            per_record("vacuum", 100_000), per_record("vacuum", 10_000), min(rounds, 3)))
        out.append(figure(
            "gc of 100,000 records, as many deleted", "(for comparison)", lambda _: True, "s", seconds("gc", 100_000),
            min(rounds, 3)))
        out.append(memory(tools, directory, writer))
    shutil.rmtree(directory)
    return out


def memory(tools, directory, writer):
    """The most memory of a process that does nothing but a vacuum of 100,000 records, besides what it has at its start and
    the index, which is as large as the metadata at most."""
    writer.once("halve", 100_000)
    index = (directory / "halved.meta").stat().st_size
    with Engine(tools, directory, None, "measure-writer") as fresh:
        before = fresh.once("memory", 0)
        fresh.once("revacuum", 100_000)
        used = fresh.once("memory", 0) - before
    limit = 64 * MEBIBYTE + index
    return Comparison(
        "memory that a vacuum of 100,000 records takes", f"at most {limit / 1e6:.0f} MB (64 MiB and the index)", "MB", used,
        None, [], used <= limit)
