"""Looking at processes, and running one as another user."""
import contextlib
import os
import shutil
import signal
import subprocess
import sys

NOBODY = 65534


def is_alive(pid):
    """Whether the process runs. One that has ended and only waits for its parent to look counts as gone."""
    if sys.platform == "linux":
        try:
            with open(f"/proc/{pid}/stat", "rb") as f:
                return f.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
        except (FileNotFoundError, ProcessLookupError):
            return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, timeout=10).stdout.strip()
    return bool(state) and not state.startswith(b"Z")


@contextlib.contextmanager
def frozen(pid):
    """The process stands still, and goes on at the end if it still exists."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def as_user(uid):
    """The words before a command that make it run as another user, without groups or capabilities of ours."""
    setpriv = shutil.which("setpriv")
    assert setpriv, "setpriv (util-linux) is not installed; make deps installs it"
    words = [setpriv, f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    assert os.geteuid() == 0, "a second user needs root: run the end-to-end tests as root, in a container if you like"
    return words


def run_as(uid, action):
    """What `action()` gives, as text, when another user does it in a process of its own."""
    assert os.geteuid() == 0, "a second user needs root"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(writer, str(action()).encode())
            status = 0
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as f:
        told = f.read().decode()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, told
    return told


def agents_in(root):
    """The pids of the agents whose environment names the directory: those of one private world."""
    out = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/comm", "rb") as f:
                name = f.read().strip()
            with open(f"/proc/{entry}/environ", "rb") as f:
                environment = f.read()
        except OSError:
            continue
        if name.startswith(b"blazedb-agent") and os.fsencode(str(root)) in environment and is_alive(int(entry)):
            out.append(int(entry))
    return sorted(out)


def resident_peak(pid):
    """The most memory that the process has ever had in use, in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise AssertionError(f"/proc/{pid}/status has no VmHWM")
