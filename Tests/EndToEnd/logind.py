"""A private system bus with python-dbusmock's logind on it, and what a test lets happen there.

As a program it takes one command per line on standard input and answers each with a line; the first line is the bus's
address. So tests in any language can use it.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from waiting import until

SERVICE = "org.freedesktop.login1"
MANAGER = "/org/freedesktop/login1"
MANAGER_INTERFACE = "org.freedesktop.login1.Manager"
SESSION_INTERFACE = "org.freedesktop.login1.Session"
MOCK = "org.freedesktop.DBus.Mock"

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow receive_sender="*" eavesdrop="true"/><allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""


def end(process):
    """Ends a process of ours. It has nothing to save, and may have inherited that it ignores gentler signals."""
    process.kill()
    process.wait(10)


class Logind:
    """The bus and the mock; `close` ends both."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="blazedb-bus-"))
        self.socket = self.directory / "bus"
        (self.directory / "bus.conf").write_text(BUS.format(socket=self.socket))
        self.log = open(self.directory / "log", "w", encoding="utf-8")
        self.daemon = None
        self.mock = None
        self.start()

    @property
    def address(self):
        """What DBUS_SYSTEM_BUS_ADDRESS has to be."""
        return f"unix:path={self.socket}"

    @property
    def environment(self):
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address}

    def start(self):
        self.daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self.directory / 'bus.conf'}", "--nofork", "--nopidfile"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)
        until(self.socket.exists, "the bus has a socket")
        # The system's interpreter has the module; it is no package of an interpreter of one's own.
        self.mock = subprocess.Popen(
            ["/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "logind"],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)
        until(lambda: self.call(MANAGER, MANAGER_INTERFACE + ".ListSessions", check=False), "logind answers")

    def stop(self):
        """The bus goes away with everything on it."""
        end(self.mock)
        end(self.daemon)
        self.socket.unlink(missing_ok=True)

    def close(self):
        self.stop()
        self.log.close()
        shutil.rmtree(self.directory)

    def call(self, path, method, *arguments, check=True):
        """Calls a method with arguments in the form of dbus-send(1); the printed reply, or None when it failed."""
        done = subprocess.run(
            ["dbus-send", f"--bus={self.address}", "--print-reply", f"--dest={SERVICE}", path, method, *arguments],
            capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            assert not check, done.stderr
            return None
        return done.stdout

    def signal(self, name, signature, *arguments):
        """Emits a signal of the manager. `arguments` are (type, value) pairs."""
        values = ", ".join(self._literal(kind, value) for kind, value in arguments)
        self.python(
            f"m.EmitSignal('{MANAGER_INTERFACE}', '{name}', '{signature}', [{values}], dbus_interface='{MOCK}')")

    @staticmethod
    def _literal(kind, value):
        return {"boolean": str(value), "string": repr(value), "path": f"dbus.ObjectPath({value!r})"}[kind]

    def python(self, code):
        """Runs a line with `m` as the mock's manager object."""
        program = (
            "import dbus\n"
            f"bus = dbus.bus.BusConnection({self.address!r})\n"
            f"m = bus.get_object('{SERVICE}', '{MANAGER}')\n"
            f"{code}\n")
        done = subprocess.run(["/usr/bin/python3", "-c", program], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # What can happen.

    def add_session(self, name, uid):
        self.python(f"m.AddSession('{name}', 'seat0', dbus.UInt32({uid}), 'user{uid}', True, dbus_interface='{MOCK}')")
        self.signal("SessionNew", "so", ("string", name), ("path", f"{MANAGER}/session/{name}"))

    def remove_session(self, name):
        self.python(f"m.RemoveObject('{MANAGER}/session/{name}', dbus_interface='{MOCK}')")
        self.signal("SessionRemoved", "so", ("string", name), ("path", f"{MANAGER}/session/{name}"))

    def leave_session(self, name):
        """The session is left, but a process in it lives on: logind gives no signal then."""
        self.set_property(name, "State", "'closing'")

    def set_property(self, name, key, value):
        self.python(
            f"s = bus.get_object('{SERVICE}', '{MANAGER}/session/{name}')\n"
            f"s.UpdateProperties('{SESSION_INTERFACE}', {{'{key}': {value}}}, dbus_interface='{MOCK}')")

    def lock_session(self, name):
        self.call(f"{MANAGER}/session/{name}", SESSION_INTERFACE + ".Lock")

    def hint_locked(self, name, locked):
        self.call(f"{MANAGER}/session/{name}", SESSION_INTERFACE + ".SetLockedHint", f"boolean:{str(locked).lower()}")

    def prepare_sleep(self, begins):
        self.signal("PrepareForSleep", "b", ("boolean", begins))

    def shutdown(self):
        self.signal("PrepareForShutdown", "b", ("boolean", True))

    def inhibitors(self):
        """How many sleep locks are held in our name."""
        reply = self.call(MANAGER, MANAGER_INTERFACE + ".ListInhibitors")
        return reply.count('"blazedb-agent"')


def main():
    """Commands: session NAME UID, end NAME, leave NAME, class NAME CLASS, lock NAME, hint NAME true|false,
    sleep true|false, shutdown, inhibitors, stop, start."""
    logind = Logind()
    try:
        print(logind.address, flush=True)
        for line in sys.stdin:
            match line.split():
                case ["session", name, uid]:
                    answer = logind.add_session(name, int(uid))
                case ["end", name]:
                    answer = logind.remove_session(name)
                case ["leave", name]:
                    answer = logind.leave_session(name)
                case ["class", name, value]:
                    answer = logind.set_property(name, "Class", repr(value))
                case ["lock", name]:
                    answer = logind.lock_session(name)
                case ["hint", name, value]:
                    answer = logind.hint_locked(name, value == "true")
                case ["sleep", value]:
                    answer = logind.prepare_sleep(value == "true")
                case ["shutdown"]:
                    answer = logind.shutdown()
                case ["inhibitors"]:
                    answer = logind.inhibitors()
                case ["stop"]:
                    answer = logind.stop()
                case ["start"]:
                    answer = logind.start()
                case _:
                    raise ValueError(f"unknown command {line!r}")
            print("done" if answer is None or isinstance(answer, str) else answer, flush=True)
    finally:
        logind.close()


if __name__ == "__main__":
    main()
