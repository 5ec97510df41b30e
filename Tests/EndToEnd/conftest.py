"""The fixtures of the end-to-end tests: the debug binaries, private agents, copies of sample databases."""
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile

import pytest

import debug_build
import processes
import samples
from logind import Logind
from session import Session


# A job in the background of a shell without job control is started with SIGINT ignored, and hands that on to every program
# that it starts; ours must be interrupted as at a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that does not run proves nothing: a skip counts as a failure."""
    report = (yield).get_result()
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped; a skip is a failure"


def pytest_collection_modifyitems(config, items):
    """Leaves out, and says so, what only Linux can do."""
    if sys.platform != "linux":
        out = [i for i in items if i.get_closest_marker("linux")]
        config.hook.pytest_deselected(items=out)
        items[:] = [i for i in items if not i.get_closest_marker("linux")]


@pytest.fixture(scope="session")
def binaries():
    """The directory of blazectl and blazedb-agent: $BLAZEDB_BIN, else the debug build."""
    named = os.environ.get("BLAZEDB_BIN") or debug_build.directory()
    for program in ("blazectl", "blazedb-agent"):
        assert os.access(os.path.join(named, program), os.X_OK), f"{named}/{program} is missing: run make build"
    return pathlib.Path(named).resolve()


@pytest.fixture(scope="session")
def public_binaries(binaries):
    """A copy of the binaries where every user can run them."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="bz-bin-", dir="/tmp"))
    place.chmod(0o755)
    for program in ("blazectl", "blazedb-agent"):
        shutil.copy(binaries / program, place / program)
        (place / program).chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def world(binaries):
    """A private world without an agent; one that a test starts is stopped at the end and must be gone."""
    session = Session(binaries)
    yield session
    session.close()


@pytest.fixture
def agent(world):
    """A private world with a running agent, which must survive whatever the test does."""
    pid = world.start()
    yield world
    assert processes.is_alive(pid), "the agent has not survived the test"


@pytest.fixture
def other_world(public_binaries):
    """A private world that belongs to an unprivileged user, without an agent."""
    session = Session(public_binaries, uid=processes.NOBODY)
    yield session
    session.close()


@pytest.fixture
def logind():
    """A private system bus with a mock of logind; an agent sees it by `logind.address` in DBUS_SYSTEM_BUS_ADDRESS."""
    bus = Logind()
    yield bus
    bus.close()


@pytest.fixture
def clipboard(world):
    """Programs that keep the clipboard in a file, for commands with WAYLAND_DISPLAY and their directory on the PATH; the
    file."""
    content = world.root / "tmp" / "clipboard"
    programs = world.root / "programs"
    programs.mkdir()
    for name, text in (
            ("wl-copy", f"if [ \"$1\" = --clear ]; then : > {content}; else cat > {content}; fi"),
            ("wl-paste", f"cat {content}")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o700)
    return content


@pytest.fixture
def put(world):
    """Copies a sample into the private world's databases: put("tiny") -> Sample."""
    def copy(name, directory=None):
        return samples.sample(name).copy_to(directory or world.databases)
    return copy


@pytest.fixture
def rng(request):
    """A random source whose seed is printed when the test fails; BLAZEDB_TEST_SEED repeats a run."""
    seed = int(os.environ.get("BLAZEDB_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"BLAZEDB_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(scope="session")
def rounds():
    """How many rounds random tests run: $BLAZEDB_TEST_ROUNDS, else few."""
    def choose(default):
        asked = os.environ.get("BLAZEDB_TEST_ROUNDS")
        return default if not asked else min(int(asked), 50 * default)
    return choose
