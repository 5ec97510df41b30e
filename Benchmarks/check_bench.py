"""Full checks: against the bare decryption of the same pages, and over the cores."""
import os

from side_by_side import at_least, at_most, compare
from world import Engine


def rows(tools, directory, rounds):
    """One engine is kept on one core, as the decryption in memory is; the other is free."""
    with Engine(tools, directory, 0) as engine, Engine(tools, directory, None) as free:
        def seconds(engine, measurement, database):
            return lambda: engine.seconds(measurement, database)

        cores = os.cpu_count()
        out = [
            compare(
                f"full check of {what} against decrypting their pages, both on one core", "at most 3x", at_most(3), "s",
                seconds(engine, "check", name), seconds(engine, "decrypt", name), rounds)
            for name, what in (("full", "25,000 records of full pages"), ("mixed", "100,000 records"))
        ]
        return out + [
            compare(
                f"full check of {what} on one core against {cores}", f"scales: at least {0.8 * cores:.1f}x",
                at_least(0.8 * cores), "s", seconds(engine, "check", name), seconds(free, "check", name), rounds)
            for name, what in (("full", "25,000 records of full pages"), ("mixed", "100,000 records"))
        ]
