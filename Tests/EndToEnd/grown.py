"""Databases that are large enough to watch a job at work, and what may not be left beside any."""
import os
import pathlib
import re

import envelope
import writers
from statuses import OK
from waiting import until


def grow(sample, records):
    """Adds records to a copy of a sample, and deletes a third of them again."""
    done = writers.run(sample.path, sample.iterations, "grow", records, password=sample.password)
    assert done.returncode == 0, done.stderr.decode()
    return sample


def export(world, sample):
    """All records, as one document."""
    return world.ctl("export", sample.path, "--format", "typed", *sample.kdf, password=sample.password).expect(OK).out


def size(sample):
    return sum(os.path.getsize(sample.path.with_suffix(s)) for s in (".blazedb", ".meta"))


def left_over(sample):
    """Files beside the database that an operation has left."""
    own = {sample.path.name} | {f"{sample.stem}.{e}" for e in ("meta", "salt", "wal", "indexes", "meta.indexes")}
    return sorted({f.name for f in pathlib.Path(sample.directory).iterdir()} - own)


def job_of(text):
    """The number in what --detach prints."""
    return re.search(r"job (\d+) has begun", text)[1]


def wait_for(world, job, *states, seconds=60):
    """Waits until a job is in one of the states; the job."""
    def shown():
        found = envelope.data(world.ctl("jobs", "show", job, "-o", "json"))["job"]
        return found if found["state"] in states else None
    return until(shown, f"job {job} is {' or '.join(states)}", seconds)
