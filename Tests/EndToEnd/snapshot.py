"""A picture of a directory that shows every change: contents, names, kinds, modes, owners and times."""
import contextlib
import hashlib
import os
import stat


def _digest(path, size):
    """SHA-256 of a file's data extents with their places, so that a huge sparse file costs nothing."""
    h = hashlib.sha256(str(size).encode())
    with open(path, "rb") as f:
        end = 0
        while end < size:
            try:
                start = os.lseek(f.fileno(), end, os.SEEK_DATA)
            except OSError:
                break  # nothing but a hole up to the end
            end = os.lseek(f.fileno(), start, os.SEEK_HOLE)
            os.lseek(f.fileno(), start, os.SEEK_SET)
            left = end - start
            while left:
                block = f.read(min(left, 1 << 20))
                if not block:
                    break
                h.update(block)
                left -= len(block)
    return h.hexdigest()


def take(directory):
    """{relative path as bytes: what it is}. Access times are left out: reading is allowed."""
    root = os.fsencode(directory)
    out = {}

    def note(path):
        info = os.lstat(path)
        content = None
        if stat.S_ISREG(info.st_mode):
            content = _digest(path, info.st_size)
        elif stat.S_ISLNK(info.st_mode):
            content = os.readlink(path)
        out[os.path.relpath(path, root)] = (
            stat.S_IFMT(info.st_mode), stat.S_IMODE(info.st_mode), info.st_uid, info.st_ino, info.st_size,
            info.st_mtime_ns, info.st_ctime_ns, content)

    note(root)
    for where, directories, files in os.walk(root):
        for name in directories + files:
            note(os.path.join(where, name))
    return out


def differences(before, after):
    """What changed, in words."""
    out = []
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            out.append(f"{path!r} is gone")
        elif path not in before:
            out.append(f"{path!r} is new")
        elif before[path] != after[path]:
            out.append(f"{path!r} changed: {before[path]} -> {after[path]}")
    return out


@contextlib.contextmanager
def unchanged(*directories):
    """Asserts that nothing below the directories has changed when the block ends, however it ends."""
    before = [take(d) for d in directories]
    try:
        yield
    finally:
        changes = []
        for directory, old in zip(directories, before):
            changes += differences(old, take(directory))
        assert not changes, "\n".join(changes)
