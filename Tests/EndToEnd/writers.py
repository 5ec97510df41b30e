"""The program that changes databases by the engine itself."""
import os
import subprocess

import debug_build
import samples


def command(path, iterations, *words):
    return [debug_build.program("WriterScenario"), str(path), str(iterations), *map(str, words)]


def run(path, iterations, *words, password=samples.PASSWORD, before=()):
    """Runs it to its end."""
    return subprocess.run(
        [*before, *command(path, iterations, *words)], input=password.encode(), capture_output=True, timeout=120)


def start(path, iterations, *words, password=samples.PASSWORD):
    """Starts it; its standard output tells how far it has come."""
    process = subprocess.Popen(
        command(path, iterations, *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(password.encode())
    process.stdin.close()
    return process


def contents(path, iterations):
    """What the database holds, after whatever was interrupted was put right."""
    done = run(path, iterations, "contents")
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def strays(directory, name):
    """Files beside the database that no finished operation leaves."""
    sound = {f"{name}.{end}" for end in ("blazedb", "meta", "salt", "wal")}
    return sorted(set(os.listdir(directory)) - sound)
