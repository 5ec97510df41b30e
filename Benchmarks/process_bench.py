"""Whole programs: scan, status, and the agent's memory."""
import pathlib
import shutil

from side_by_side import Comparison, at_most, compare
from world import memory_of, seconds_of

FILES, IN_EACH, DATABASES = 200_000, 100, 200
KNOWN = 20


def make_tree(root):
    """200,000 files in 2,000 directories, three deep; a tenth of the directories hold a database. Made once."""
    root = pathlib.Path(root)
    if (root / "complete").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    directories = FILES // IN_EACH
    for n in range(directories):
        directory = root / f"project-{n % 20:02}" / f"part-{n // 20 % 10}" / f"set-{n:04}"
        directory.mkdir(parents=True)
        for i in range(IN_EACH):
            (directory / f"file-{i:03}.txt").touch()
        if n % (directories // DATABASES) == 0:
            (directory / "file-000.txt").rename(directory / f"notes-{n:04}.blazedb")
    (root / "complete").touch()
    return root


def scan(world, tree, rounds):
    finder = shutil.which("fdfind") or shutil.which("fd")
    if finder is None:
        raise RuntimeError("fd is not installed; contrib/scripts/install-deps.sh bench installs it")
    return compare(
        "`blazectl scan` of 200,000 files against `fd -HI -e blazedb`, warm", "at most 1.3x", at_most(1.3), "ms",
        lambda: seconds_of(world.words("scan", tree), world.environment),
        lambda: seconds_of([finder, "-HI", "-e", "blazedb", ".", str(tree)], world.environment), rounds)


def status(world, tools, rounds):
    return compare(
        "`blazectl agent status`, whole process, against an empty static Swift program", "at most 2.5x", at_most(2.5),
        "ms", lambda: seconds_of(world.words("agent", "status"), world.environment),
        lambda: seconds_of([str(tools / "empty-program")], world.environment), rounds)


def memory(world, fixtures):
    """An agent that knows 20 databases and has nothing to do."""
    directory = world.root / "databases"
    for n in range(KNOWN):
        target = directory / f"db-{n:02}"
        target.mkdir(parents=True)
        for file in (fixtures / "tiny").glob("tiny.*"):
            shutil.copy(file, target)
        # A salt of its own makes it another database.
        (target / "tiny.salt").write_bytes(bytes([n]) * 16)
        world.ctl("db", "add", target / "tiny.blazedb")
    world.ctl("ls")
    resident, own = memory_of(world.agent)
    return [
        Comparison(f"agent memory, {KNOWN} databases known, idle, resident", "at most 20 MB", "MB", resident, None, [],
                   resident <= 20_000_000),
        Comparison("of that, not backed by files", "(for comparison)", "MB", own, None, [], True),
    ]
