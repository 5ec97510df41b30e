"""The vault's verbs on the built binaries."""
import os
import pathlib
import stat
import sys

import envelope
from statuses import (
    DAMAGE, LOCKED, NEEDS_PROMPT, NOT_FOUND, OK, PERMISSION, USAGE, WOULD_OVERWRITE, WRONG_PASSWORD)
from terminals import finish, on_terminal
from vaults import OTHER, PASSPHRASE, keep, make_vault, status, vault_state
from waiting import until

HINT = "the usual one, with the year"


def entries(world):
    return {e["alias"]: e for e in envelope.data(world.ctl("vault", "ls", "-o", "json"))["entries"]}


def test_without_a_vault(agent):
    assert vault_state(agent) == "none"
    for words in (["info"], ["ls"], ["verify"], ["slot", "ls"], ["backup", agent.root / "copy"]):
        error = envelope.failure(agent.ctl("vault", *words, "-o", "json"), NOT_FOUND)
        assert error["name"] == "no-vault" and "vault init" in error["hint"], error
    assert envelope.failure(agent.ctl("unlock", "-o", "json", passphrase=PASSPHRASE), NOT_FOUND)["name"] == "no-vault"


def test_init_and_info(agent):
    told = make_vault(agent)
    assert told["recovery"] is None and told["vault"]["state"] == "unlocked"
    place = pathlib.Path(told["vault"]["path"])
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    info = envelope.data(agent.ctl("vault", "info", "-o", "json"))
    (slot,) = info["slots"]
    assert slot["kind"] == "passphrase" and slot["memory"] >= 64 << 20, slot
    error = envelope.failure(agent.ctl("vault", "init", "-o", "json", passphrase=OTHER), WOULD_OVERWRITE)
    assert str(place) in error["message"]
    agent.ctl("lock").expect(OK)
    assert envelope.data(agent.ctl("vault", "info", "-o", "json"))["state"] == "locked"


def test_add_verifies_and_tells_the_strength(agent, put):
    make_vault(agent)
    sample = put("tiny")
    error = envelope.failure(agent.ctl("vault", "add", sample.path, "-o", "json", password="Wr0ng-One"), WRONG_PASSWORD)
    assert "Wr0ng" not in str(error)
    assert entries(agent) == {}
    told = envelope.data(agent.ctl("vault", "add", sample.path, "-o", "json", password=sample.password))
    assert told["replaced"] is False and told["strength"]["score"] in range(5) and told["strength"]["unmet"] == []
    assert told["entry"]["kdf_iterations"] == sample.iterations and told["entry"]["has_password"]
    people = agent.ctl("vault", "add", sample.path, password=sample.password).expect(OK)
    assert "strength: [" in people.text
    assert list(entries(agent)) == ["tiny"]
    assert sample.password not in agent.ctl("vault", "ls", "-o", "json").text


def test_names_hints_and_removal(agent, put):
    make_vault(agent)
    tiny, typed = put("tiny"), put("typed")
    keep(agent, tiny, "--alias", "accounts")
    agent.ctl("vault", "rename", "accounts", "books").expect(OK)
    agent.ctl("vault", "hint", "books", HINT).expect(OK)
    assert HINT in agent.ctl("vault", "hint", tiny.path).expect(OK).text
    assert entries(agent)["books"]["hint"] == HINT
    # A hint alone, for a password that is only in somebody's head.
    agent.ctl("vault", "hint", typed.path, "another").expect(OK)
    assert entries(agent)["typed"]["has_password"] is False
    agent.ctl("vault", "hint", typed.path, "").expect(OK)
    assert entries(agent)["typed"]["hint"] is None
    error = envelope.failure(agent.ctl("vault", "rm", "books", "-o", "json"), NEEDS_PROMPT)
    assert "--yes" in error["hint"]
    agent.ctl("vault", "rm", "books", "--yes").expect(OK)
    agent.ctl("vault", "rm", "books", "--yes").expect(NOT_FOUND)
    assert set(entries(agent)) == {"typed"}
    agent.ctl("export", tiny.path, "--format", "typed").expect(OK)
    agent.ctl("lock", tiny.path).expect(OK)
    agent.ctl("export", tiny.path, "--format", "typed").expect(LOCKED)


def test_an_entry_opens_its_database_without_pbkdf2(agent, put):
    """With the derived key stored, opening costs a fraction of what the password costs."""
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    agent.ctl("lock").expect(OK)
    pid = agent.pid()

    def spent(*words, **options):
        before = cpu(pid)
        agent.ctl(*words, **options).expect(OK)
        return cpu(pid) - before

    agent.ctl("unlock", passphrase=PASSPHRASE).expect(OK)
    kept = spent("unlock", sample.path)
    told = envelope.data(agent.ctl("unlock", sample.path, "-o", "json"))
    assert told["kdf_iterations"] == sample.iterations
    derived = spent("info", sample.path, password=sample.password)
    if sys.platform == "linux":
        assert kept < derived / 2, (kept, derived)
    used = entries(agent)["tiny"]["used_at"]
    assert used


def cpu(pid):
    """Ticks of the processor that a process has used."""
    if sys.platform != "linux":
        return 0
    with open(f"/proc/{pid}/stat", "rb") as f:
        fields = f.read().rpartition(b")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_every_verb_takes_the_entry_by_itself(agent, put):
    sample = put("typed")
    make_vault(agent)
    keep(agent, sample)
    for words in (["export", "--format", "typed"], ["check", "--quick"], ["info"]):
        agent.ctl("lock").expect(OK)
        result = agent.ctl(*words, sample.path, *sample.kdf, passphrase=PASSPHRASE).expect(OK)
        assert result.out


def test_a_moved_database_keeps_its_entry_and_a_copy_does_not_take_it(agent, put):
    sample = put("tiny")
    make_vault(agent)
    keep(agent, sample)
    agent.ctl("lock", sample.path).expect(OK)
    moved = agent.databases / "elsewhere"
    moved.mkdir()
    for one in list(agent.databases.glob("tiny.*")):
        one.rename(moved / one.name)
    told = envelope.data(agent.ctl("unlock", moved / "tiny.blazedb", "-o", "json"))
    assert told["from_vault"] is True
    assert entries(agent)["tiny"]["path"] == str(moved / "tiny.blazedb")


def test_a_changed_passphrase(agent, put):
    sample = put("typed")
    make_vault(agent)
    keep(agent, sample)
    error = envelope.failure(
        agent.ctl("vault", "passwd", "-o", "json", passphrase="Wr0ng-Passphrase", new=OTHER), WRONG_PASSWORD)
    assert error["name"] == "wrong-passphrase"
    agent.ctl("vault", "passwd", passphrase=PASSPHRASE, new=OTHER).expect(OK)
    agent.ctl("lock").expect(OK)
    agent.ctl("unlock", passphrase=PASSPHRASE).expect(WRONG_PASSWORD)
    assert vault_state(agent) == "locked"
    agent.ctl("unlock", passphrase=OTHER).expect(OK)
    assert envelope.data(agent.ctl("unlock", sample.path, "-o", "json"))["from_vault"] is True


def test_recovery_codes_and_rekey(agent, put):
    sample = put("typed")
    first, second, third = (agent.root / "tmp" / name for name in ("first", "second", "third"))
    told = envelope.data(agent.ctl(
        "vault", "init", "--recovery-file", first, "-o", "json", passphrase=PASSPHRASE))
    assert told["recovery"] == str(first) and stat.S_IMODE(first.stat().st_mode) == 0o600
    keep(agent, sample)
    agent.ctl("lock").expect(OK)
    agent.ctl("unlock", "--vault-password-file", first).expect(OK)
    # A code sets a new passphrase for whoever has forgotten it.
    agent.ctl("vault", "passwd", "--vault-password-file", first, new=OTHER).expect(OK)
    added = envelope.data(agent.ctl(
        "vault", "slot", "add", "--recovery-file", second, "-o", "json", passphrase=OTHER))
    kinds = {s["number"]: s["kind"] for s in envelope.data(agent.ctl("vault", "slot", "ls", "-o", "json"))["slots"]}
    assert sorted(kinds.values()) == ["passphrase", "recovery", "recovery"]
    agent.ctl("vault", "slot", "rm", str(added["number"]), passphrase=OTHER).expect(OK)
    agent.ctl("lock").expect(OK)
    agent.ctl("unlock", "--vault-password-file", second).expect(WRONG_PASSWORD)
    agent.ctl("unlock", passphrase=OTHER).expect(OK)
    agent.ctl("vault", "rekey", passphrase=OTHER).expect(NEEDS_PROMPT)
    agent.ctl("vault", "rekey", "--recovery-file", third, passphrase=OTHER).expect(OK)
    agent.ctl("lock").expect(OK)
    agent.ctl("unlock", "--vault-password-file", first).expect(WRONG_PASSWORD)
    agent.ctl("unlock", "--vault-password-file", third).expect(OK)
    assert envelope.data(agent.ctl("unlock", sample.path, "-o", "json"))["from_vault"] is True


def test_the_last_slot_stays(agent):
    make_vault(agent)
    (slot,) = envelope.data(agent.ctl("vault", "slot", "ls", "-o", "json"))["slots"]
    result = agent.ctl("vault", "slot", "rm", str(slot["number"]), "-o", "json", passphrase=PASSPHRASE)
    assert envelope.failure(result, USAGE, 1, 22)["message"]
    assert len(envelope.data(agent.ctl("vault", "slot", "ls", "-o", "json"))["slots"]) == 1


def test_verify_and_backup(agent, put):
    sample = put("typed")
    make_vault(agent)
    keep(agent, sample)
    told = envelope.data(agent.ctl("vault", "verify", "-o", "json"))
    assert (told["passwords"], told["derived_keys"], told["previous"]) == (1, 1, "intact")
    copy = agent.root / "tmp" / "copy"
    agent.ctl("vault", "backup", copy).expect(OK)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    agent.ctl("vault", "backup", copy).expect(WOULD_OVERWRITE)
    place = pathlib.Path(told["vault"]["path"])
    assert copy.read_bytes() == place.read_bytes()
    agent.ctl("lock").expect(OK)
    # Damage is found, whatever byte it is in, and the copy opens.
    raw = bytearray(place.read_bytes())
    raw[len(raw) // 2] ^= 1
    place.write_bytes(raw)
    error = envelope.failure(agent.ctl("unlock", "-o", "json", passphrase=PASSPHRASE), DAMAGE, WRONG_PASSWORD)
    assert error["hint"], error
    place.write_bytes(copy.read_bytes())
    agent.ctl("unlock", passphrase=PASSPHRASE).expect(OK)


def test_permissions_that_are_too_open(agent):
    place = pathlib.Path(make_vault(agent)["vault"]["path"])
    agent.ctl("lock").expect(OK)
    place.chmod(0o640)
    error = envelope.failure(agent.ctl("unlock", "-o", "json", passphrase=PASSPHRASE), PERMISSION)
    assert f"chmod 600 {place}" in error["hint"] + error["message"], error
    assert status(agent, OK)["vault"]["state"] == "unusable"
    place.chmod(0o600)
    place.parent.chmod(0o755)
    error = envelope.failure(agent.ctl("unlock", "-o", "json", passphrase=PASSPHRASE), PERMISSION)
    assert f"chmod 700 {place.parent}" in error["hint"] + error["message"], error
    place.parent.chmod(0o700)
    agent.ctl("unlock", passphrase=PASSPHRASE).expect(OK)


# -- Passwords that leave the vault

def test_reveal_only_on_a_terminal_and_only_on_request(agent, put):
    sample = put("typed")
    make_vault(agent)
    keep(agent, sample)
    error = envelope.failure(agent.ctl("vault", "reveal", "typed", "--show", "-o", "json"), PERMISSION)
    assert sample.password not in str(error)
    plain = agent.ctl("vault", "reveal", "typed")
    assert plain.status != OK and sample.password not in plain.text + plain.messages
    child = on_terminal(agent, "vault", "reveal", "typed", "--show")
    ended, out = finish(child)
    assert ended == OK and out.strip() == sample.password.encode()


def test_reveal_by_the_clipboard(agent, put, clipboard):
    sample = put("typed")
    make_vault(agent)
    keep(agent, sample)
    environment = agent.environment(WAYLAND_DISPLAY="w", PATH=f"{agent.root}/programs:/usr/bin:/bin")
    result = agent.ctl("vault", "reveal", "typed", environment=environment).expect(OK)
    assert clipboard.read_bytes() == sample.password.encode()
    assert sample.password not in result.text and "20 seconds" in result.text
    until(lambda: clipboard.read_bytes() == b"", "the clipboard is cleared after its 20 seconds", 40)


def test_generate(agent):
    out = agent.root / "tmp" / "new"
    told = envelope.data(agent.ctl("vault", "generate", "--out", out, "-o", "json"))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    password = out.read_text().rstrip("\n")
    assert len(password) == told["length"] and told["strength"]["unmet"] == [] and told["strength"]["score"] == 4
    assert any(c.isupper() for c in password) and any(c.islower() for c in password)
    assert any(c.isdigit() for c in password)
    agent.ctl("vault", "generate", "--out", out).expect(WOULD_OVERWRITE)
    agent.ctl("vault", "generate").expect(USAGE)
    agent.ctl("vault", "generate", "--out", agent.root / "tmp" / "n2", "--length", "3").expect(USAGE)
    assert not os.path.exists(agent.root / "tmp" / "n2")
    agent.ctl("vault", "generate", "--show").expect(PERMISSION)


def test_a_passphrase_on_the_command_line_is_refused_with_the_reason(agent):
    make_vault(agent)
    agent.ctl("lock").expect(OK)
    for words in (["unlock", "--vault-password", PASSPHRASE], ["vault", "ls", "--vault-password=" + PASSPHRASE]):
        result = agent.ctl(*words).expect(USAGE)
        assert PASSPHRASE not in result.messages and "--vault-password-fd" in result.messages
    assert vault_state(agent) == "locked"


def test_init_on_a_terminal_shows_the_recovery_code_once(agent):
    child = on_terminal(agent, "vault", "init")
    child.expect_exact("Passphrase of the new vault: ")
    child.sendline(PASSPHRASE)
    child.expect(rb"strength: \[#+-*\]")
    child.expect_exact("The same again: ")
    child.sendline(PASSPHRASE)
    child.expect_exact("Recovery code, shown this once.")
    child.expect(rb"\r\n\s+([A-Z0-9-]{20,})\r\n")
    code = child.match.group(1).decode()
    assert finish(child)[0] == OK
    agent.ctl("lock").expect(OK)
    # As people type it from paper.
    agent.ctl("unlock", passphrase=code.lower().replace("-", " ")).expect(OK)


def test_two_passphrases_that_differ_are_asked_for_again(agent):
    child = on_terminal(agent, "vault", "init", "--no-recovery")
    for first, again in ((PASSPHRASE, OTHER), (PASSPHRASE, PASSPHRASE)):
        child.expect_exact("Passphrase of the new vault: ")
        child.sendline(first)
        child.expect_exact("The same again: ")
        child.sendline(again)
    assert finish(child)[0] == OK
