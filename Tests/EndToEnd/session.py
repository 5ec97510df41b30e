"""One private world for an agent: home, XDG directories, socket, environment; and blazectl run inside it."""
import contextlib
import json
import os
import pathlib
import secrets
import signal
import subprocess

import processes
from waiting import until

# The longest that any command may take. Debug binaries on a loaded machine are slow; a hang is slower.
LIMIT = 120


def new_directory():
    """A private directory whose name has no letters by chance: searches for letters look at paths as well."""
    while True:
        path = pathlib.Path(f"/tmp/bz-{secrets.randbelow(10 ** 12)}")
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return path


class Result:
    """How a command ended."""

    def __init__(self, arguments, status, out, err):
        self.arguments = arguments
        self.status = status
        self.out = out
        self.err = err

    def __repr__(self):
        return (f"$ blazectl {' '.join(map(repr, self.arguments))}\nstatus {self.status}\n"
                f"stdout {self.out[:4000]!r}\nstderr {self.err[:4000]!r}")

    @property
    def text(self):
        return self.out.decode("utf-8")

    @property
    def messages(self):
        return self.err.decode("utf-8")

    def expect(self, *statuses):
        """The result, after a check of its exit status."""
        assert self.status in (statuses or (0,)), f"exit status {self.status}, not {statuses or (0,)}\n{self!r}"
        return self


class Session:
    """Made by the `agent` fixture; every path is private and short (socket addresses are limited)."""

    def __init__(self, binaries, uid=None):
        self.binaries = pathlib.Path(binaries)
        self.uid = uid
        self.root = new_directory()
        for name in ("home", "config", "data", "state", "run", "tmp", "databases"):
            (self.root / name).mkdir(mode=0o700)
        self.socket = self.root / "run" / "agent.sock"
        self.databases = self.root / "databases"
        self.seen = set()
        if uid is not None:
            self.root.chmod(0o711)
            for path in self.root.iterdir():
                os.chown(path, uid, uid)

    # -- Running commands

    def environment(self, **changes):
        """The whole environment of a command: nothing of ours leaks in."""
        out = {
            "PATH": f"{self.binaries}:/usr/bin:/bin",
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "XDG_CONFIG_HOME": str(self.root / "config"),
            "XDG_DATA_HOME": str(self.root / "data"),
            "XDG_STATE_HOME": str(self.root / "state"),
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "BLAZEDB_AGENT_SOCK": str(self.socket),
            # No test depends on what the machine's own logind does; nothing is there.
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.root}/no-bus",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
        }
        for name, value in changes.items():
            if value is None:
                out.pop(name, None)
            else:
                out[name] = str(value)
        return out

    def words(self, program="blazectl", uid=None):
        """The words that run a program, as another user where one is given."""
        uid = self.uid if uid is None else uid
        prefix = processes.as_user(uid) if uid not in (None, os.geteuid()) else []
        return prefix + [str(self.binaries / program)]

    def spawn(self, *arguments, uid=None, environment=None, **options):
        """A blazectl that the caller waits for; it must do so with a time limit."""
        return subprocess.Popen(
            self.words(uid=uid) + [os.fspath(a) for a in arguments], env=environment or self.environment(),
            start_new_session=True, **options)

    def ctl(self, *arguments, password=None, passphrase=None, new=None, input=b"", uid=None, environment=None,
            cwd=None, limit=LIMIT):
        """Runs blazectl to its end. Secrets go through pipes, never through argv or the environment: a database's
        `password`, the vault's `passphrase`, a `new` passphrase."""
        arguments = list(arguments)
        # What stands behind -- is no option of ours.
        end = arguments.index("--") if "--" in arguments else len(arguments)
        inherited = []
        for option, secret in (("--password-fd", password), ("--vault-password-fd", passphrase),
                               ("--new-vault-password-fd", new)):
            if secret is None:
                continue
            reader, writer = os.pipe()
            os.write(writer, secret.encode() if isinstance(secret, str) else secret)
            os.close(writer)
            inherited.append(reader)
            arguments[end:end] = [option, str(reader)]
        try:
            process = self.spawn(
                *arguments, uid=uid, environment=environment, cwd=cwd or self.root, pass_fds=inherited,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        finally:
            for fd in inherited:
                os.close(fd)
        try:
            out, err = process.communicate(input, timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=10)
            raise AssertionError(f"blazectl {arguments} did not end within {limit} s") from None
        result = Result(arguments, process.returncode, out, err)
        assert process.returncode >= 0, f"ended by signal {-process.returncode}\n{result!r}"
        return result

    # -- The agent

    def pid(self):
        """The pid of the running agent, or None."""
        result = self.ctl("ping", "-o", "json", "--no-autostart").expect(0, 14)
        if result.status == 14:
            return None
        pid = json.loads(result.out)["data"]["pid"]
        self.seen.add(pid)
        return pid

    def start(self, *arguments, **options):
        self.ctl("agent", "start", *arguments, **options).expect(0)
        pid = self.pid()
        assert pid and processes.is_alive(pid)
        return pid

    @contextlib.contextmanager
    def foreground(self, *options, environment=None, log=subprocess.DEVNULL):
        """An agent that the test itself starts, and that must survive it; its process id."""
        process = subprocess.Popen(
            self.words("blazedb-agent") + ["--foreground", *options], env=environment or self.environment(),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            until(self.pid, "the agent answers")
            yield process.pid
            assert process.poll() is None, "the agent has not survived the test"
        finally:
            process.terminate()
            process.wait(30)

    def stop(self):
        """Stops the agent and sees that it is gone."""
        pid = self.pid()
        if pid is not None:
            self.ctl("agent", "stop").expect(0)
            until(lambda: not processes.is_alive(pid), f"agent {pid} has ended")

    def close(self):
        """The end of a test: no agent is left behind, and neither is a file."""
        try:
            self.stop()
            left = [pid for pid in self.seen if processes.is_alive(pid)]
            assert not left, f"agents left behind: {left}"
        finally:
            for pid in self.seen:
                if processes.is_alive(pid):
                    os.kill(pid, signal.SIGKILL)
            # Not shutil: its recursion ends long before the deepest tree of a test does.
            subprocess.run(["rm", "-rf", self.root], check=True, timeout=60, env={})
