"""A private agent to measure, and the programs beside it."""
import json
import os
import pathlib
import re
import select
import shutil
import statistics
import subprocess
import tempfile
import time

# How long anything but a measurement itself may take.
PATIENCE = 60

# Runs of one measurement of the engine in one round.
REPEATS = 5


class World:
    """An agent with directories and a socket of its own, ended and removed with the `with` block."""

    def __init__(self, binaries):
        self.binaries = pathlib.Path(binaries)
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="bz-bench-", dir="/tmp"))
        for name in ("home", "config", "data", "state", "run", "tmp"):
            (self.root / name).mkdir(mode=0o700)
        self.socket = self.root / "run" / "agent.sock"
        self.environment = {
            "PATH": f"{self.binaries}:/usr/bin:/bin", "HOME": str(self.root / "home"), "LANG": "C.UTF-8",
            "TMPDIR": str(self.root / "tmp"), "XDG_CONFIG_HOME": str(self.root / "config"),
            "XDG_DATA_HOME": str(self.root / "data"), "XDG_STATE_HOME": str(self.root / "state"),
            "XDG_RUNTIME_DIR": str(self.root / "run"), "BLAZEDB_AGENT_SOCK": str(self.socket),
        }

    def __enter__(self):
        self.ctl("agent", "start")
        return self

    def __exit__(self, *_):
        self.ctl("agent", "stop")
        shutil.rmtree(self.root)

    def words(self, *arguments):
        return [str(self.binaries / "blazectl"), *map(str, arguments)]

    def ctl(self, *arguments):
        done = subprocess.run(
            self.words(*arguments), env=self.environment, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"blazectl {' '.join(map(str, arguments))}: {done.stderr.decode()}")
        return done.stdout.decode()

    @property
    def agent(self):
        """The agent's process id."""
        return json.loads(self.ctl("agent", "ping", "-o", "json"))["data"]["pid"]


def on_core(core):
    """For subprocess: keeps the child on one core, where the system can; None leaves it free."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        return None
    return lambda: os.sched_setaffinity(0, {core})


def keep_on_core(pid, core):
    """Keeps every thread of a process, and those that it will start, on one core; None frees them."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = set(range(os.cpu_count())) if core is None else {core}
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), cores)


def seconds_of(words, environment=None):
    """The seconds from the start of a program to its end; its output goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        start = time.perf_counter()
        pid = os.posix_spawn(
            words[0], words, environment or {}, file_actions=[(os.POSIX_SPAWN_DUP2, nowhere, fd) for fd in (0, 1, 2)])
        _, status = os.waitpid(pid, 0)
        took = time.perf_counter() - start
    finally:
        os.close(nowhere)
    if status != 0:
        raise RuntimeError(f"{words} ended with {os.waitstatus_to_exitcode(status)}")
    return took


class Engine:
    """A program that measures one thing for each line that it is sent."""

    def __init__(self, binaries, directory, core, program="measure-engine"):
        self.program = program
        self.process = subprocess.Popen(
            [str(pathlib.Path(binaries) / program), str(directory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=on_core(core))

    def seconds(self, measurement, database):
        """The median of some runs, one right after the other: the first ones after a pause find the caches cold and the
        core slow, which the reference, a second of the same work, does not notice."""
        return statistics.median(self.once(measurement, database) for _ in range(REPEATS))

    def once(self, measurement, database):
        self.process.stdin.write(f"{measurement} {database}\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            raise RuntimeError(f"{self.program} gave nothing for {measurement} {database}")
        return float(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(PATIENCE)


def openssl_bytes_per_second():
    """What `openssl speed` makes of AES-256-GCM in blocks of 4096 bytes, on one core, within a second."""
    done = subprocess.run(
        ["openssl", "speed", "-elapsed", "-seconds", "1", "-evp", "aes-256-gcm", "-bytes", "4096"],
        capture_output=True, text=True, timeout=PATIENCE, preexec_fn=on_core(0))
    found = re.search(r"^AES-256-GCM\s+([\d.]+)k", done.stdout, re.M | re.I)
    if done.returncode != 0 or not found:
        raise RuntimeError(f"openssl speed: {done.stderr}")
    return float(found[1]) * 1000


def memory_of(pid):
    """What a process has in memory, in bytes: resident, and of that not backed by files."""
    fields = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("VmRSS:", "RssAnon:")):
            name, value = line.split(":")
            fields[name] = int(value.split()[0]) * 1024
    return fields["VmRSS"], fields["RssAnon"]
