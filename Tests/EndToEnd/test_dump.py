"""dump, import and keygen: what comes back, what is sealed, what is told, and what is never overwritten."""
import json
import os
import stat

import pytest

import dumps
import envelope
import owner
import samples
import typed_json
from owner import LIVE_OWNER, Allowed, Hashes, LiveOwner
from snapshot import unchanged
from statuses import (
    DAMAGE, FAILURE, NEEDS_PROMPT, NOT_FOUND, OK, PERMISSION, USAGE, WOULD_OVERWRITE, WRONG_PASSWORD)

PASSPHRASE = "correct horse battery staple"
NEW = "Brand-New-Passw0rd-2026"
SOUND = sorted(
    name for name, sample in samples.ALL.items()
    if not name.startswith("damaged/") and (sample.expect or {}).get("records") is not None)


def secret(world, name, text):
    path = world.root / "tmp" / name
    path.write_text(text)
    path.chmod(0o600)
    return path


def dump(world, sample, out, *words, status=OK):
    words = ["--passphrase-file", secret(world, "passphrase", PASSPHRASE)] if not words else list(words)
    return envelope.data(
        world.ctl("dump", sample.path, "--out", out, "-o", "json", *words, *sample.kdf, password=sample.password),
        status)


def importing(world, file, to, *words, status=OK, password=NEW):
    result = world.ctl("import", file, "--to", to, "-o", "json", *words, password=password)
    return envelope.data(result, status) if status == OK else envelope.failure(result, status)


def records(world, path, password=NEW):
    result = world.ctl("export", path, "--format", "typed", password=password).expect(OK)
    return typed_json.parse(result.out)


def sealed_words(world):
    return ["--passphrase-file", secret(world, "passphrase", PASSPHRASE)]


@pytest.mark.parametrize("name", SOUND)
def test_a_fixtures_content_survives(agent, put, name):
    sample = put(name)
    tmp = agent.root / "tmp"
    with unchanged(agent.databases):
        told = dump(agent, sample, tmp / "one")
    assert told["sealed"] and not told["live"] and told["records"] == sample.expect["records"]
    raw = (tmp / "one").read_bytes()
    assert stat.S_IMODE((tmp / "one").stat().st_mode) == 0o600 and len(raw) == told["bytes"]
    # What another program reads of it by the specification alone.
    header, found, left_out = dumps.parse(dumps.unseal(raw, passphrase=PASSPHRASE))
    assert len(found) == told["records"] and left_out == 0 and header["live"] is False
    made = tmp / "made.blazedb"
    back = importing(agent, tmp / "one", made, *sealed_words(agent))
    assert back["format"] == "lossless" and back["records"] == told["records"] and back["guesses"] == []
    assert typed_json.canonical_hash(records(agent, made)) == sample.expect["sha256"]
    agent.ctl("dump", made, "--out", tmp / "two", "--plaintext", password=NEW).expect(OK)
    again, same, _ = dumps.parse((tmp / "two").read_bytes())
    assert same == found and again["payload"] == header["payload"] and again["wrapper"] == header["wrapper"]
    if owner.REFERENCE.exists():
        done = owner.reference("verify", made, "--password", NEW)
        assert done.returncode == 0, done.stdout + done.stderr


def test_sealed_unless_plaintext_is_asked_for(agent, put):
    sample = put("tiny")
    out = agent.root / "tmp" / "x"
    for words in (["--format", "blazedump"], ["--plaintext", "--passphrase-file", "p"],
                  ["--plaintext", "--recipient", "r"], ["--recipient", "nobody"]):
        agent.ctl("dump", sample.path, "--out", out, *words, password=sample.password).expect(USAGE)
    result = agent.ctl("dump", sample.path, "--out", out, "--passphrase", PASSPHRASE, password=sample.password)
    assert result.expect(USAGE) and PASSPHRASE not in result.err.decode()
    agent.ctl("dump", sample.path, "--out", out, password=sample.password).expect(NEEDS_PROMPT)
    assert not out.exists()
    dump(agent, sample, out)
    found = records(agent, sample.path, sample.password)[0]
    needle = bytes.fromhex(found["id"]["v"].replace("-", ""))
    assert needle not in out.read_bytes()
    dump(agent, sample, agent.root / "tmp" / "plain", "--plaintext")
    assert needle in (agent.root / "tmp" / "plain").read_bytes()


def test_recipients(agent, put):
    sample = put("tiny")
    tmp = agent.root / "tmp"
    made = [envelope.data(agent.ctl("keygen", "--out", tmp / f"id{n}", "-o", "json")) for n in range(3)]
    assert stat.S_IMODE((tmp / "id0").stat().st_mode) == 0o600
    agent.ctl("keygen", "--out", tmp / "id0").expect(WOULD_OVERWRITE)
    out = tmp / "sealed"
    dump(agent, sample, out, "--recipient", made[0]["recipient"], "--recipient", made[1]["recipient"])
    plain = dumps.unseal(out.read_bytes(), identity=(tmp / "id1").read_text())
    assert len(dumps.parse(plain)[1]) == sample.expect["records"]
    for n in (0, 1):
        importing(agent, out, tmp / f"made{n}.blazedb", "--identity", tmp / f"id{n}")
    error = importing(agent, out, tmp / "no.blazedb", "--identity", tmp / "id2", status=WRONG_PASSWORD)
    assert error["name"] == "dump-not-opened"
    importing(agent, out, tmp / "no.blazedb", *sealed_words(agent), status=WRONG_PASSWORD)
    assert importing(agent, out, tmp / "no.blazedb", status=USAGE)["name"] == "identity-needed"
    (tmp / "id0").chmod(0o644)
    importing(agent, out, tmp / "no.blazedb", "--identity", tmp / "id0", status=PERMISSION)
    assert not list(tmp.glob("no.*"))


def test_a_wrong_passphrase_and_damage_make_nothing(agent, put):
    sample = put("tiny")
    tmp = agent.root / "tmp"
    dump(agent, sample, tmp / "one")
    raw = (tmp / "one").read_bytes()
    wrong = secret(agent, "wrong", "another passphrase")
    importing(agent, tmp / "one", tmp / "no.blazedb", "--passphrase-file", wrong, status=WRONG_PASSWORD)
    for n, bad in enumerate((raw[:-1], raw[:len(raw) // 2], raw + b"x", raw[:200] + bytes([raw[200] ^ 1]) + raw[201:])):
        (tmp / f"bad{n}").write_bytes(bad)
        importing(agent, tmp / f"bad{n}", tmp / "no.blazedb", *sealed_words(agent), status=DAMAGE)
    assert not list(tmp.glob("no.*"))


def test_nothing_is_overwritten_without_force(agent, put):
    sample = put("tiny")
    tmp = agent.root / "tmp"
    (tmp / "file").write_text("precious\n")
    (tmp / "link").symlink_to(tmp / "file")
    (tmp / "directory").mkdir()
    for name in ("file", "link", "directory"):
        agent.ctl("dump", sample.path, "--out", tmp / name, "--plaintext", password=sample.password).expect(
            WOULD_OVERWRITE)
    for name in ("link", "directory"):
        agent.ctl("dump", sample.path, "--out", tmp / name, "--plaintext", "--force", password=sample.password).expect(
            WOULD_OVERWRITE)
    with unchanged(agent.databases):
        for path in (sample.path, sample.sidecar("meta"), sample.sidecar("wal")):
            agent.ctl("dump", sample.path, "--out", path, "--plaintext", "--force", password=sample.password).expect(
                USAGE)
    assert (tmp / "file").read_text() == "precious\n"
    dump(agent, sample, tmp / "file", "--plaintext", "--force")
    dumps.parse((tmp / "file").read_bytes())
    importing(agent, tmp / "file", sample.path, status=WOULD_OVERWRITE)
    assert sorted(os.listdir(tmp)) == ["directory", "file", "link"]


def test_a_blazedump_tells_what_it_does_not_keep(agent, put):
    sample = put("typed")
    tmp = agent.root / "tmp"
    words = ["--format", "blazedump", "--plaintext"]
    result = agent.ctl("dump", sample.path, "--out", tmp / "one", "-o", "json", *words, *sample.kdf,
                       password=sample.password)
    if result.status == FAILURE:
        error = envelope.failure(result, FAILURE)
        assert error["name"] == "not-representable" and "field" in error["message"], error
        assert not (tmp / "one").exists()
        return
    told = envelope.data(result)
    assert told["losses"]
    document = json.loads((tmp / "one").read_bytes())
    assert sorted(document) == ["header", "manifest", "records"]
    assert document["manifest"]["recordCount"] == len(document["records"]) == told["records"]
    back = importing(agent, tmp / "one", tmp / "made.blazedb")
    assert back["format"] == "blazedump" and back["guesses"]


def test_text_is_imported_with_its_guesses_told(agent):
    tmp = agent.root / "tmp"
    lines = tmp / "lines"
    one = "00000000-0000-4000-8000-000000000001"
    lines.write_text(f'{{"id":"{one}","when":"2026-11-23T20:35:02Z","n":1.0}}\n{{"n":2}}\n')
    told = importing(agent, lines, tmp / "made.blazedb")
    assert told["format"] == "ndjson" and told["records"] == 2 and told["ids_given"] == 1
    assert told["guesses"] == [{"field": "when", "type": "string", "instead": "date", "count": 1}]
    found = records(agent, tmp / "made.blazedb")
    assert {"t": "uuid", "v": one} in [r["id"] for r in found]
    lines.write_text('{"n":1}\n{"n":secret-value}\n')
    error = importing(agent, lines, tmp / "no.blazedb", status=FAILURE)
    assert error["name"] == "malformed-input" and "line 2" in error["message"] and "secret" not in error["message"]
    importing(agent, tmp / "nothing", tmp / "no.blazedb", status=NOT_FOUND)
    importing(agent, tmp, tmp / "no.blazedb", status=FAILURE)
    assert not list(tmp.glob("no.*"))


def test_the_new_password_is_one_that_blazedb_takes(agent):
    tmp = agent.root / "tmp"
    (tmp / "lines").write_text('{"n":1}\n')
    error = importing(agent, tmp / "lines", tmp / "no.blazedb", password="short", status=USAGE)
    assert "BlazeDB" in error["message"] and not list(tmp.glob("no.*"))


def test_typed_json_of_an_export_comes_back(agent, put):
    sample = put("typed")
    tmp = agent.root / "tmp"
    agent.ctl("export", sample.path, "--format", "typed", "--out", tmp / "all.json", *sample.kdf,
              password=sample.password).expect(OK)
    assert importing(agent, tmp / "all.json", tmp / "made.blazedb")["format"] == "typed"
    assert typed_json.canonical_hash(records(agent, tmp / "made.blazedb")) == sample.expect["sha256"]


def test_unreadable_records_are_left_out_only_on_demand(agent, put):
    sample = put("tiny")
    raw = bytearray(sample.path.read_bytes())
    raw[60] ^= 1
    sample.path.write_bytes(raw)
    tmp = agent.root / "tmp"
    agent.ctl("dump", sample.path, "--out", tmp / "x", "--plaintext", *sample.kdf, password=sample.password).expect(DAMAGE)
    assert not (tmp / "x").exists()
    result = agent.ctl("dump", sample.path, "--out", tmp / "x", "--plaintext", "--skip-unreadable", "-o", "json",
                       *sample.kdf, password=sample.password).expect(DAMAGE)
    told = json.loads(result.out)["data"]
    assert told["unreadable"] == 1 == len(told["unreadable_ids"])
    assert dumps.parse((tmp / "x").read_bytes())[2] == 1


@pytest.mark.parametrize("bad", ["not-final", "rekey-tag", "wrong-hash", "other-id"])
def test_dumps_that_another_program_wrote(agent, bad):
    tmp = agent.root / "tmp"
    for name, status in (("whole", OK), (bad, DAMAGE)):
        vector = json.loads((samples.REPOSITORY / "Protocol" / "vectors" / "dump" / f"{name}.json").read_text())
        (tmp / name).write_bytes(bytes.fromhex("".join(vector["file"])))
        identity = secret(agent, "identity", vector["identity"] + "\n")
        importing(agent, tmp / name, tmp / f"{name}.blazedb", "--identity", identity, status=status)
    assert len(records(agent, tmp / "whole.blazedb")) == 3
    assert not list(tmp.glob(f"{bad}.*"))


if LIVE_OWNER.exists():
    @pytest.mark.linux
    def test_beside_a_live_owner(agent, put, rng, tmp_path):
        sample = put("tiny")
        agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
        hashes = Hashes()
        tmp = agent.root / "tmp"
        document = agent.ctl("export", sample.path, "--format", "typed").expect(OK).out
        log = tmp_path / "log"
        seed = rng.randrange(1 << 30)
        with LiveOwner(sample, log, "--seconds", 900, "--seed", seed, "--mix", "4:2:4", "--big", 0.3) as live:
            live.wait_for_work()
            allowed = Allowed(log, hashes.of(document))
            for n in range(5):
                allowed.before()
                result = agent.ctl("dump", sample.path, "--out", tmp / f"{n}", "--plaintext", "-o", "json")
                told = envelope.data(result, OK)
                assert told["live"] is True and told["unreadable"] == 0, told
                back = importing(agent, tmp / f"{n}", tmp / f"{n}.blazedb")
                assert back["live"] is True and back["records"] == told["records"]
                made = agent.ctl("export", tmp / f"{n}.blazedb", "--format", "typed", password=NEW).expect(OK)
                allowed.check(hashes.of(made.out))
            assert live.process.poll() is None, live.process.communicate()
