#!/usr/bin/env python3
"""bench.py BINARIES TOOLS [--rounds N] [--only GROUP]...   Measures what docs/performance.md tells.

BINARIES holds blazectl and blazedb-agent in release; TOOLS holds make-database, measure-engine, measure-writer,
empty-program,
echo_server, ping_load and argon2id (`make bench` builds all of them). Results go to Benchmarks/results as JSON, and as the table of
docs/performance.md to standard output. Groups: ping, engine, check, scan, status, memory, vault, writer, backup.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

import backup_bench
import check_bench
import engine_bench
import ping_bench
import process_bench
import vault_bench
import writer_bench
from side_by_side import table
from world import World

HERE = pathlib.Path(__file__).resolve().parent
WORK = HERE / ".build" / "measured"
GROUPS = ("ping", "engine", "check", "scan", "status", "memory", "vault", "writer", "backup")


def measure(group, binaries, tools, rounds):
    if group in ("engine", "check"):
        databases = WORK / "databases"
        if not (databases / "mixed.wal").exists():
            databases.mkdir(parents=True, exist_ok=True)
            subprocess.run([str(tools / "make-database"), str(databases)], check=True, timeout=600)
        return (engine_bench if group == "engine" else check_bench).rows(tools, databases, rounds)
    if group == "writer":
        return writer_bench.rows(tools, WORK / "written", rounds)
    if group == "backup":
        return backup_bench.rows(tools, WORK / "backed-up", rounds)
    if group == "vault":
        return vault_bench.rows(binaries, tools, HERE.parent / "Tests" / "Fixtures", rounds)
    with World(binaries) as world:
        if group == "ping":
            return ping_bench.rows(world, tools, rounds)
        if group == "scan":
            return [process_bench.scan(world, process_bench.make_tree(WORK / "tree"), rounds)]
        if group == "status":
            return [process_bench.status(world, tools, 10 * rounds)]
        return process_bench.memory(world, HERE.parent / "Tests" / "Fixtures")


def main():
    parser = argparse.ArgumentParser(description="Measures what docs/performance.md tells.")
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("tools", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", action="append", choices=GROUPS)
    options = parser.parse_args()
    rows = []
    for group in options.only or GROUPS:
        print(f"bench: {group}", file=sys.stderr, flush=True)
        rows += measure(group, options.binaries.resolve(), options.tools.resolve(), options.rounds)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    name = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime()) + ".json"
    (results / name).write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n")
    print(table(rows))
    print(f"bench: written to Benchmarks/results/{name}", file=sys.stderr)


if __name__ == "__main__":
    main()
