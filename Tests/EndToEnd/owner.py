"""A process that owns a database while the tests look at it, and what its log allows an observer to see."""
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import processes
import typed_json
from waiting import until

FORMAT = pathlib.Path(os.environ.get("BLAZEDB_FIXTURES", "/nonexistent")).parent / "format"
# Both lie beside the larger set of fixtures, and are no part of the project.
LIVE_OWNER = FORMAT / "live_owner.py"
REFERENCE = FORMAT / "blazefmt.py"


def reference(*arguments):
    """Runs the independent reader."""
    return subprocess.run([sys.executable, str(REFERENCE), *map(str, arguments)], capture_output=True, timeout=300)


class LiveOwner:
    """live_owner.py on a sample: changes the database as a running BlazeDB does, and logs every operation."""

    def __init__(self, sample, log, *options):
        self.log = pathlib.Path(log)
        self.log.touch()
        self.process = subprocess.Popen(
            [sys.executable, str(LIVE_OWNER), str(sample.path), "--password", sample.password, "--iterations",
             str(sample.iterations), "--log", str(log), *map(str, options)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    @property
    def pid(self):
        return self.process.pid

    def wait_for_work(self, operations=1):
        """Waits until it has begun so many operations."""
        def has_begun():
            assert self.process.poll() is None, self.process.communicate()
            return self.log.read_text().count('"begin"') >= operations
        until(has_begun, f"{operations} operations have begun", 30)

    def wait(self, seconds=120):
        """Its exit status."""
        self.process.communicate(timeout=seconds)
        return self.process.returncode

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=30)
        assert not processes.is_alive(self.pid)


class Allowed:
    """What an observer may report, by the owner's log: for each record the versions that it may have been seen in.

    A version is a record's hash, or None for none.
    """

    def __init__(self, log, initial):
        self.file = open(log, encoding="ascii")
        self.partial = ""
        self.current = dict(initial)
        self.begun = {}
        self.n = 0

    def _events(self):
        self.partial += self.file.read()
        lines = self.partial.split("\n")
        self.partial = lines.pop()
        return [json.loads(line) for line in lines]

    def _apply(self, event, seen):
        if event["at"] == "begin":
            self.begun[event["id"]] = event["sha256"]
            self.n = event["n"]
            seen.setdefault(event["id"], set()).add(event["sha256"])
        elif event["at"] == "end":
            self.begun.pop(event["id"], None)
            self.current[event["id"]] = event["sha256"]

    def before(self):
        """Reads the log up to now, just before a look."""
        for event in self._events():
            self._apply(event, {})
        self.snapshot = {k: v for k, v in self.current.items() if v is not None}
        self.under_way = dict(self.begun)

    def check(self, records):
        """Holds what was seen ({id: hash}) against the log as it is just after the look."""
        seen = {}
        for event in self._events():
            self._apply(event, seen)
        for identity, version in self.under_way.items():
            seen.setdefault(identity, set()).add(version)
        for identity, version in records.items():
            allowed = {self.snapshot.get(identity)} | seen.get(identity, set())
            assert version in allowed, f"record {identity} was seen in a version that it never had then ({self.n})"
        for identity in self.snapshot:
            if identity not in records:
                assert None in seen.get(identity, set()), f"record {identity} was not seen ({self.n})"


class Hashes:
    """The hash of each record of a typed export, remembered by the record's line."""

    def __init__(self):
        self.known = {}

    def of(self, document):
        """{id: hash} of a whole export."""
        assert document.startswith(b"[\n") and document.endswith(b"\n]\n")
        out = {}
        for line in document[2:-3].split(b",\n"):
            if not line:
                continue
            key = hashlib.sha256(line).digest()
            if key not in self.known:
                record = json.loads(line, object_pairs_hook=typed_json.no_repeats)
                self.known[key] = (record["id"]["v"], typed_json.canonical_hash([record]))
            identity, version = self.known[key]
            assert identity not in out, f"{identity} comes twice"
            out[identity] = version
        return out
