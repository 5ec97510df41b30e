"""What is left of passwords and keys in the agent's memory: nothing."""
import hashlib

import pytest

import dumps
import memory
from statuses import OK, WRONG_PASSWORD

pytestmark = pytest.mark.linux

MARKER = "Memory-Marker-No-Secret-4711"


@pytest.fixture
def traced(world):
    """An agent whose memory may be read, in `world`; its process id."""
    with world.foreground("--allow-tracing") as pid:
        yield pid


def traces(password, key):
    """What must not be found, by name: secrets, and what a secret can be computed from at once."""
    def masked(text, mask):
        return bytes(b ^ mask for b in text)
    return {
        "password": password, "password, inner HMAC pad": masked(password, 0x36),
        "password, outer HMAC pad": masked(password, 0x5C),
        # The first two round keys of AES-256 are the key's halves, so a key schedule is found by them.
        "key": key, "key's first half": key[:16], "key's second half": key[16:],
        "key, inner HMAC pad": masked(key, 0x36), "key, outer HMAC pad": masked(key, 0x5C),
    }


def found(pid, needles):
    """{name: places} of those that are there."""
    out = {}
    for name, needle in needles.items():
        places = memory.places(pid, needle)
        if places:
            out[name] = [(hex(at), permissions, mapping) for at, permissions, mapping in places]
    return out


def derived(sample):
    return hashlib.pbkdf2_hmac(
        "sha256", sample.password.encode(), sample.sidecar("salt").read_bytes(), sample.iterations, 32)


def use(world, sample):
    """Everything that uses a key."""
    world.ctl("info", sample.path).expect(OK)
    world.ctl("check", "--quick", sample.path)
    world.ctl("check", "--full", sample.path)
    world.ctl("export", sample.path, "--format", "typed").expect(OK)


def test_the_search_finds_what_is_there(world, traced, put):
    sample = put("typed")
    world.ctl("db", "add", sample.path, "--alias", MARKER).expect(OK)
    assert memory.count(traced, MARKER.encode()) > 0


def test_nothing_is_left_after_lock(world, traced, put):
    sample = put("typed")
    needles = traces(sample.password.encode(), derived(sample))
    world.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    use(world, sample)
    unlocked = found(traced, needles)
    # The key is there, once, in guarded memory: nobody but the kernel can read it there. So the search would see it.
    assert set(unlocked) == {"key", "key's first half", "key's second half"}, unlocked
    assert [permissions for _, permissions, _ in unlocked["key"]] == ["---p"], unlocked
    world.ctl("lock").expect(OK)
    assert found(traced, needles) == {}


def test_nothing_is_left_of_passwords_that_came_with_a_request(world, traced, put):
    sample = put("typed")
    for command in (["info"], ["check", "--quick"], ["check"], ["check", "--sample", "50"], ["export", "--format", "typed"]):
        world.ctl(*command, sample.path, *sample.kdf, password=sample.password)
    assert found(traced, traces(sample.password.encode(), derived(sample))) == {}


def test_nothing_is_left_of_a_job(world, traced, put):
    """Neither of one that came to its end, nor of one that the lock of its session ended."""
    sample = put("typed")
    needles = traces(sample.password.encode(), derived(sample))
    for words in (["vacuum", "--always"], ["gc", "run"], ["vacuum", "--dry-run"]):
        yes = [] if "--dry-run" in words else ["--yes"]
        world.ctl(*words, sample.path, *yes, *sample.kdf, password=sample.password).expect(OK)
    assert found(traced, needles) == {}
    world.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    world.ctl("vacuum", sample.path, "--yes", "--always", "--detach").expect(OK)
    world.ctl("lock").expect(OK)
    assert found(traced, needles) == {}


def test_nothing_is_left_of_a_wrong_password(world, traced, put):
    sample = put("typed")
    wrong = "Wr0ng-Canary-2026-xyz"
    world.ctl("unlock", sample.path, *sample.kdf, password=wrong).expect(WRONG_PASSWORD)
    key = hashlib.pbkdf2_hmac("sha256", wrong.encode(), sample.sidecar("salt").read_bytes(), sample.iterations, 32)
    assert found(traced, traces(wrong.encode(), key)) == {}


def test_nothing_is_left_after_dumps_and_imports(world, traced, put):
    sample = put("typed")
    tmp = world.root / "tmp"

    def kept(name, text):
        path = tmp / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    passphrase, new = "Memory-Passphrase-Secret-4711", "Memory-New-Passw0rd-4711"
    asked = ["--passphrase-file", kept("passphrase", passphrase)]
    recipient = world.ctl("keygen", "--out", tmp / "identity").expect(OK).text.strip()
    identity = (tmp / "identity").read_text().strip()
    for n, words in enumerate((asked, ["--recipient", recipient])):
        world.ctl("dump", sample.path, "--out", tmp / f"dump{n}", *words, *sample.kdf, password=sample.password).expect(OK)
    for n, words in enumerate((asked, ["--identity", tmp / "identity"])):
        world.ctl("import", tmp / f"dump{n}", "--to", tmp / f"made{n}.blazedb", *words, password=new).expect(OK)
    wrong = ["--passphrase-file", kept("wrong", passphrase + "-wrong")]
    world.ctl("import", tmp / "dump0", "--to", tmp / "no.blazedb", *wrong, password=new).expect(WRONG_PASSWORD)
    secret = bytes.fromhex(identity.split("-")[-1])[:32]
    needles = {
        "passphrase": passphrase.encode(), "identity's text": identity.split("-")[-1].encode(), "identity": secret,
        "the first dump's key": dumps.stream_key((tmp / "dump0").read_bytes(), passphrase=passphrase),
        "the second dump's key": dumps.stream_key((tmp / "dump1").read_bytes(), identity=identity),
        **traces(sample.password.encode(), derived(sample)),
    }
    for n in (0, 1):
        key = hashlib.pbkdf2_hmac("sha256", new.encode(), (tmp / f"made{n}.salt").read_bytes(), 600_000, 32)
        needles.update({f"{name} of import {n}": needle for name, needle in traces(new.encode(), key).items()})
    assert found(traced, needles) == {}
