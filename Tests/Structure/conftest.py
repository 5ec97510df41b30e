"""What the structure tests share: where the repository is, and which files belong to it."""
import pathlib
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

# Directories whose files are bytes to be read, good or broken; only their documents are texts of ours.
INPUTS = {("Tests", "Fixtures"), ("Fuzzing", "Seeds"), ("Fuzzing", "Crashes")}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that does not run proves nothing: a skip counts as a failure."""
    report = (yield).get_result()
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped; a skip is a failure"


def _files():
    """Every file that is committed or would be: git's own list, or the tree where there is no git."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, timeout=60)
    if listing.returncode == 0:
        names = [n.decode() for n in listing.stdout.split(b"\0") if n]
    else:
        names = [str(p.relative_to(REPOSITORY)) for p in REPOSITORY.rglob("*") if p.is_file()]
        names = [n for n in names if not n.startswith((".build", "build/", ".git/"))]
    return sorted({pathlib.PurePosixPath(n) for n in names if (REPOSITORY / n).is_file()})


@pytest.fixture(scope="session")
def repository():
    """The repository's root."""
    return REPOSITORY


@pytest.fixture(scope="session")
def files():
    """The project's files, relative to the root."""
    found = _files()
    assert len(found) > 50, "the list of files is too short to be the project"
    return found


@pytest.fixture(scope="session")
def texts(files):
    """The project's text files, less the fixtures and what the fuzzers keep: {relative path: text}."""
    out = {}
    for name in files:
        if name.parts[:2] in INPUTS and name.suffix != ".md":
            continue
        out[name] = (REPOSITORY / name).read_bytes().decode("utf-8")
    return out
