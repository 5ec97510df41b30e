"""The watch by FSEvents, which only macOS has, held to a stand-in for the system's interface: it compiles without a
warning, and its own part of the work is right."""
import shutil
import subprocess

from conftest import REPOSITORY

HERE = REPOSITORY / "Tests" / "Structure" / "fsevents"


def test_the_watch_by_fsevents_does_its_part(tmp_path):
    compiler = shutil.which("cc") or shutil.which("clang")
    assert compiler, "a C compiler is needed"
    program = tmp_path / "scenario"
    done = subprocess.run(
        [compiler, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-D__APPLE__", "-I", str(HERE),
         "-I", str(REPOSITORY / "Sources/CPlatform/include"), str(REPOSITORY / "Sources/CPlatform/fsevents.c"),
         str(HERE / "scenario.c"), "-o", str(program), "-lpthread"],
        capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    directory = tmp_path / "watched"
    directory.mkdir()
    ran = subprocess.run([str(program), str(directory)], capture_output=True, timeout=30)
    assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()
