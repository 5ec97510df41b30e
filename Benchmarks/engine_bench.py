"""Reading: pages, whole databases, opening."""
import os

from side_by_side import at_least, at_most, compare, figure
from world import Engine, openssl_bytes_per_second

FULL_PAGES, FULL_BYTES = 25_000, 4_059


def rows(tools, directory, rounds):
    """One engine is kept on one core, where it has no more of the machine than `openssl speed`; the other is free."""
    with Engine(tools, directory, 0) as engine, Engine(tools, directory, None) as free:
        def rate(engine, measurement):
            return lambda: FULL_PAGES * FULL_BYTES / engine.seconds(measurement, "full")

        cores = os.cpu_count()
        return [
            compare(
                "page reads on one core, full pages, against `openssl speed`", "at least 0.85x", at_least(0.85), "MB/s",
                rate(engine, "read"), openssl_bytes_per_second, rounds),
            compare(
                "the library's decryption of the same pages in memory, against `openssl speed`", "(for comparison)",
                lambda _: True, "MB/s", rate(engine, "decrypt"), openssl_bytes_per_second, rounds),
            compare(
                f"full read on {cores} cores against one", f"scales: at least {0.8 * cores:.1f}x", at_least(0.8 * cores),
                "MB/s", rate(free, "read"), rate(engine, "read"), rounds),
            figure(
                "open 100,000 records, verified and counted, less PBKDF2", "at most 0.06 s", at_most(0.06), "s",
                lambda: engine.seconds("open", "mixed"), rounds),
            compare(
                "read and decode 100,000 records against decrypting their pages, both on one core", "at most 2.5x",
                at_most(2.5), "s", lambda: engine.seconds("read", "mixed"), lambda: engine.seconds("decrypt", "mixed"),
                rounds),
        ]
