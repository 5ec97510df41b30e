"""Imports go downwards only, in the sources and in Package.swift."""
import json
import re
import subprocess

import pytest

from conftest import REPOSITORY
from floors import CLIENTS, KEEPS_KEYS, PATHS, SOURCES, SYSTEM, TEST_LIBRARIES

IMPORT = re.compile(
    r"^\s*(?:@[\w()]+\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)", re.M)


def imports(text):
    """The modules that a Swift source imports, on every platform."""
    return set(IMPORT.findall(re.sub(r"//[^\n]*|/\*.*?\*/|\"\"\".*?\"\"\"", "", text, flags=re.S)))


def swift_files(directory):
    return sorted(directory.rglob("*.swift"))


@pytest.fixture(scope="module")
def package():
    """Package.swift as the package manager reads it."""
    done = subprocess.run(["swift", "package", "dump-package"], cwd=REPOSITORY, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def declared(target):
    """The names that a target of the dumped package depends on."""
    names = set()
    for dependency in target["dependencies"]:
        names.add(next(iter(dependency.values()))[0])
    return names


def test_the_import_pattern_sees_every_form():
    text = """
    import A
    public import B
    @testable import C
    internal import struct D.Thing
    // import Commented
    /* import AlsoCommented */
    #if canImport(E)
        internal import E
    #endif
    let important = 1
    """
    assert imports(text) == {"A", "B", "C", "D", "E"}


WHOLE_FOUNDATION = re.compile(r"^[ \t]*(?:(?:public|internal)\s+)?import\s+Foundation$", re.M)
WHERE_THERE_IS_NO_OTHER = re.compile(
    r"^#if canImport\(FoundationEssentials\)\n *(?:\w+ )?import FoundationEssentials\n#else\n"
    r" *(?:\w+ )?import Foundation\n#endif$", re.M)


def test_nothing_links_the_larger_half_of_foundation():
    """One such import brings ICU: 40 MB of file, and time and memory at every start."""
    wrong = [
        str(path.relative_to(REPOSITORY)) for path in swift_files(REPOSITORY / "Sources")
        if WHOLE_FOUNDATION.search(WHERE_THERE_IS_NO_OTHER.sub("", path.read_text()))]
    assert wrong == []


def test_every_target_stands_on_a_floor():
    directories = {p.name for p in (REPOSITORY / "Sources").iterdir() if p.is_dir()}
    assert directories == set(SOURCES)


def test_the_table_goes_downwards_only():
    for target, (floor, allowed) in SOURCES.items():
        for name in allowed & set(SOURCES):
            assert SOURCES[name][0] < floor, f"{target} -> {name}"


@pytest.mark.parametrize("target", sorted(SOURCES))
def test_sources_import_what_their_floor_may(target):
    floor, allowed = SOURCES[target]
    system = SYSTEM if floor > 0 else set()
    paths = PATHS if floor > 0 else set()
    files = swift_files(REPOSITORY / "Sources" / target)
    assert files or floor == 0, f"{target} has no sources"
    for file in files:
        stray = imports(file.read_text()) - allowed - system - paths
        assert not stray, f"{file.relative_to(REPOSITORY)} imports {sorted(stray)}"


def test_the_package_declares_what_the_floors_allow(package):
    targets = {t["name"]: t for t in package["targets"] if t["type"] in ("regular", "executable", "system")}
    for name in TEST_LIBRARIES:
        targets.pop(name)
    assert set(targets) == set(SOURCES)
    for name, target in targets.items():
        stray = declared(target) - SOURCES[name][1] - PATHS
        assert not stray, f"Package.swift lets {name} depend on {sorted(stray)}"


def test_clients_cannot_reach_a_key(package):
    edges = {t["name"]: declared(t) for t in package["targets"]}
    for client in CLIENTS:
        reached, todo = set(), [client]
        while todo:
            for name in edges.get(todo.pop(), ()):
                if name not in reached:
                    reached.add(name)
                    todo.append(name)
        assert not reached & KEEPS_KEYS, f"{client} reaches {sorted(reached & KEEPS_KEYS)}"


def test_tests_import_what_they_declare(package):
    targets = {t["name"]: t for t in package["targets"] if t["type"] == "test" or t["name"] in TEST_LIBRARIES}
    directories = {p.name for p in (REPOSITORY / "Tests").iterdir() if p.is_dir() and swift_files(p)}
    assert directories == set(targets)
    for name, target in targets.items():
        for file in swift_files(REPOSITORY / "Tests" / name):
            stray = imports(file.read_text()) - declared(target) - SYSTEM - PATHS - {"Testing"}
            assert not stray, f"{file.relative_to(REPOSITORY)} imports {sorted(stray)}"
