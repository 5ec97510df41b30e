"""Looking changes nothing: after every single verb each file's bytes, times, mode and inode are what they were."""
import os

import pytest

import samples
import snapshot
from snapshot import unchanged


@pytest.mark.parametrize("name", sorted(samples.ALL))
def test_every_verb_leaves_every_file_alone(agent, put, name):
    sample = put(name)
    path, password, kdf = sample.path, sample.password, sample.kdf
    typed = ["export", path, "--format", "typed"]
    steps = [
        (["scan", agent.databases], None), (["ls"], None), (["info", path], None), (["check", "--quick", path], None),
        (typed, None), (["info", path, *kdf], password), (["check", "--quick", path, *kdf], password),
        (typed + kdf, password), (["unlock", path, *kdf], "Wr0ng-Passw0rd-2026"), (["unlock", path, *kdf], password),
        (["ls"], None), (["info", path], None), (["check", "--quick", path], None), (typed, None),
        (["vacuum", path, "--dry-run"], None), (["vacuum", path, "--dry-run", *kdf], password), (["vacuum", path], None),
        (["gc", "status", path], None), (["gc", "run", path], None), (["jobs", "ls"], None),
        (typed + ["--out", agent.root / "tmp" / "out.json"], None), (["status"], None), (["db", "add", path], None),
        (["db", "alias", path, "thing"], None), (["db", "tag", path, "a", "b"], None), (["lock", path], None),
        (["scan", agent.databases], None), (["db", "forget", path], None),
    ]
    for words, secret in steps:
        with unchanged(agent.databases):
            agent.ctl(*words, password=secret)


def test_the_picture_shows_every_kind_of_change(tmp_path):
    """The check itself: a picture that misses a change would prove nothing."""
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    hole = tmp_path / "hole"
    with open(hole, "wb") as f:
        f.truncate(1 << 30)

    def changes(action):
        before = snapshot.take(tmp_path)
        action()
        return snapshot.differences(before, snapshot.take(tmp_path))

    def overwrite():
        info = file.stat()
        file.write_bytes(b"abd")
        os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))

    def deep_in_the_hole():
        with open(hole, "r+b") as f:
            f.seek(1 << 29)
            f.write(b"\1")

    assert not changes(lambda: file.read_bytes())
    assert changes(overwrite)
    assert changes(lambda: file.chmod(0o600))
    assert changes(lambda: os.utime(file, ns=(1, 1)))
    assert changes(lambda: (tmp_path / "new").touch())
    assert changes(lambda: (tmp_path / "new").unlink())
    assert changes(deep_in_the_hole)
