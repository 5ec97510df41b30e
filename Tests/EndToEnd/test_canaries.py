"""Known secrets, looked for everywhere that they must not be."""
import os
import subprocess

import pexpect
import pytest

import memory
import processes
import vault_keys
from statuses import OK, WRONG_PASSWORD
from tap import Tap
from test_memory import derived, found, traces
from vaults import OTHER, PASSPHRASE, keep, make_vault
from waiting import until

pytestmark = pytest.mark.linux

WRONG = "Wr0ng-Canary-Passphrase-2026"
TYPED = "Typed-Canary-Passphrase-2026"


@pytest.fixture
def logged(world):
    """An agent with its log in a file, whose memory may be read; its process id."""
    with open(world.root / "state" / "log", "wb") as log, world.foreground("--allow-tracing", log=log) as pid:
        yield pid


def everything(world, sample, environment):
    """Every way that a secret takes, with one passphrase after the other; ends unlocked."""
    code = world.root / "tmp" / "code"

    def run(*words, **secrets):
        return world.ctl(*words, environment=environment, **secrets)

    run("vault", "init", "--recovery-file", code, passphrase=PASSPHRASE).expect(OK)
    run("vault", "add", sample.path, *sample.kdf, "--hint", "a hint", password=sample.password).expect(OK)
    run("export", sample.path, "--format", "typed").expect(OK)
    run("lock").expect(OK)
    run("unlock", passphrase=WRONG).expect(WRONG_PASSWORD)
    run("export", sample.path, "--format", "typed", passphrase=PASSPHRASE).expect(OK)
    run("vault", "passwd", passphrase=PASSPHRASE, new=OTHER).expect(OK)
    run("vault", "slot", "add", "--recovery-file", world.root / "tmp" / "second", passphrase=OTHER).expect(OK)
    run("vault", "rekey", "--recovery-file", world.root / "tmp" / "third", passphrase=OTHER).expect(OK)
    run("vault", "verify").expect(OK)
    run("vault", "backup", world.root / "tmp" / "backup").expect(OK)
    run("exec", sample.path, "--", "/bin/true").expect(OK)
    run("check", "--quick", sample.path)
    run("check", sample.path)
    run("lock").expect(OK)
    run("unlock", passphrase=OTHER).expect(OK)
    run("unlock", sample.path).expect(OK)
    codes = [(world.root / "tmp" / name).read_bytes().strip() for name in ("code", "second", "third")]
    for name in ("code", "second", "third"):
        (world.root / "tmp" / name).unlink()
    return codes


def needles(sample, codes):
    out = {f"passphrase {p}": p.encode() for p in (PASSPHRASE, OTHER, WRONG)}
    out |= {f"code {n}": code for n, code in enumerate(codes)}
    out |= {f"code {n} without dashes": code.replace(b"-", b"") for n, code in enumerate(codes)}
    return out | traces(sample.password.encode(), derived(sample))


def test_secrets_are_in_no_file_log_argv_environment_or_memory_after_lock(world, logged, put):
    sample = put("typed")
    codes = everything(world, sample, world.environment())
    looked_for = needles(sample, codes)
    # Unlocked: keys are in guarded memory, which only the kernel reads; passphrases and codes are nowhere.
    unlocked = found(logged, looked_for)
    assert {p for places in unlocked.values() for _, p, _ in places} <= {"---p"}, unlocked
    assert all(name in ("key", "key's first half", "key's second half") for name in unlocked), unlocked
    world.ctl("lock").expect(OK)
    assert found(logged, looked_for) == {}
    for what in ("cmdline", "environ"):
        with open(f"/proc/{logged}/{what}", "rb") as f:
            content = f.read()
        assert not [name for name, needle in looked_for.items() if needle in content]
    count = 0
    for directory, _, names in os.walk(world.root):
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.isfile(path) or path.startswith(str(sample.directory)):
                continue
            with open(path, "rb") as f:
                content = f.read()
            count += 1
            assert not [n for n, needle in looked_for.items() if needle in content or needle.hex().encode() in content], path
    assert count >= 4, "vault, its previous generation, backup and log were to be looked at"


def test_keys_of_the_vault_are_in_guarded_memory_until_lock_and_then_nowhere(world, logged, put):
    """What Argon2id made, the data key, and what is made of it; computed here from the file and the passphrase."""
    sample = put("typed")
    make_vault(world)
    keep(world, sample)
    file = world.root / "data" / "blazedb-agent" / "vault.bdv"
    raw = file.read_bytes()
    slot = vault_keys.slot_key(raw, PASSPHRASE.encode())
    data = vault_keys.data_key(raw, slot)
    assert vault_keys.keyed_sum_fits(raw, data), "these are not the vault's keys"
    looked_for = {
        "slot key": slot, "data key": data, "entry key": vault_keys.subkey(data, 1), "sum key": vault_keys.subkey(data, 2)}
    world.ctl("lock").expect(OK)
    assert found(logged, looked_for) == {}
    world.ctl("unlock", passphrase=PASSPHRASE).expect(OK)
    world.ctl("export", sample.path, "--format", "typed").expect(OK)
    unlocked = found(logged, looked_for)
    assert "slot key" not in unlocked and "data key" in unlocked, unlocked
    assert {permissions for places in unlocked.values() for _, permissions, _ in places} == {"---p"}, unlocked
    world.ctl("lock").expect(OK)
    assert found(logged, looked_for) == {}
    world.ctl("unlock", passphrase=WRONG).expect(WRONG_PASSWORD)
    assert found(logged, {"slot key": vault_keys.slot_key(raw, WRONG.encode())}) == {}


def test_secrets_pass_in_secret_sections_only(world, put):
    world.start()
    sample = put("typed")
    tap = Tap(world.root / "run" / "tap.sock", world.socket)
    try:
        codes = everything(world, sample, world.environment(BLAZEDB_AGENT_SOCK=tap.path))
    finally:
        tap.close()
    looked_for = needles(sample, codes)
    bodies = secrets = 0
    for operation, body, secret in tap.frames():
        bodies += 1
        secrets += bool(secret)
        assert not [name for name, needle in looked_for.items() if needle in body], f"operation {operation}"
    assert bodies > 50 and secrets >= 10, (bodies, secrets)


def test_a_client_that_asks_keeps_what_is_typed_to_itself(other_world):
    """While it waits: argv and environment; and it can leave no core."""
    other_world.start()
    make_vault(other_world)
    other_world.ctl("lock").expect(OK)
    child = pexpect.spawn(
        "/bin/sh", ["-c", 'ulimit -c unlimited; exec "$@"', "sh"] + other_world.words() + ["unlock"],
        env=other_world.environment(), cwd=str(other_world.root), timeout=60, echo=False)
    child.expect_exact("Passphrase of the vault: ")
    child.send(TYPED)
    for what in ("cmdline", "environ"):
        with open(f"/proc/{child.pid}/{what}", "rb") as f:
            assert TYPED.encode() not in f.read()
    # What may not be dumped is root's in /proc (proc(5)).
    assert os.stat(f"/proc/{child.pid}/environ").st_uid == 0 != other_world.uid
    child.sendcontrol("c")
    child.expect(pexpect.EOF)
    assert TYPED.encode() not in child.before


def test_the_agent_can_leave_no_core(other_world):
    """Even where the user's limit allows one: the limit is 0, and the process may be neither dumped nor read."""
    environment = other_world.environment()
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh"] + other_world.words("blazedb-agent")
        + ["--foreground"], env=environment, cwd=other_world.root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        pid = until(other_world.pid, "the agent answers")
        assert pid == process.pid
        make_vault(other_world)
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            (line,) = [x for x in f if x.startswith("Max core file size")]
        assert line.split()[4:6] == ["0", "0"], line
        assert processes.run_as(other_world.uid, lambda: memory.is_readable(pid)) == "False"
        # Its own user's other processes can be read, so the answer above means something.
        child = subprocess.Popen(
            processes.as_user(other_world.uid) + ["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        child.stdin.write(b"x")
        child.stdin.flush()
        assert child.stdout.read(1) == b"x"
        assert processes.run_as(other_world.uid, lambda: memory.is_readable(child.pid)) == "True"
        child.communicate(timeout=30)
    finally:
        process.terminate()
        process.wait(30)
