"""check --full and --sample on the built binaries: what is told, by which status, how far it has come, and that nothing changes."""
import fcntl
import re
import struct

import pytest

import envelope
import samples
import wire
from grown import grow
from owner import LIVE_OWNER, LiveOwner
from snapshot import unchanged
from statuses import ADVICE, DAMAGE, LOCKED, OK, USAGE
from terminals import finish, on_terminal

QUICK, FULL, SAMPLE = 1, 2, 3


def check(world, sample, *words, status=(OK,), **given):
    given = given or {"password": sample.password}
    with unchanged(sample.directory):
        return envelope.data(world.ctl("check", sample.path, *words, *sample.kdf, "-o", "json", **given), *status)


def names(checked, above_note=False):
    return {f["name"] for f in checked["findings"] if not above_note or f["severity"] != "note"}


@pytest.mark.parametrize("name", [s.name for s in samples.READABLE])
def test_a_full_check_tells_what_export_and_the_quick_check_tell(agent, put, name):
    sample = put(name)
    full = check(agent, sample, status=(OK, ADVICE, DAMAGE))
    quick = check(agent, sample, "--quick", status=(OK, ADVICE, DAMAGE))
    assert full["depth"] == "full" and quick["depth"] == "quick" and full["sample"] is None is quick["sample"]
    assert quick["reading"] is None
    assert set(sample.expect["problems"]) | names(quick) <= names(full)
    reading = full["reading"]
    assert reading["indexed"] == reading["looked"] == sample.expect["indexed"]
    assert reading["readable"] == sample.expect["records"]
    assert reading["readable"] + reading["deleted"] + reading["unreadable"] == reading["indexed"]
    assert reading["pages"] <= sample.expect["pages"] and (reading["bytes"] > 0) == (reading["readable"] > 0)


@pytest.mark.parametrize("name", ["empty", "tiny", "typed", "large"])
def test_sound_databases_end_with_0(agent, put, name):
    checked = check(agent, put(name))
    assert checked["verdict"] == "clean" and names(checked, above_note=True) == set()


def test_a_missing_salt_alone_is_no_reason_to_end_with_4(agent, put):
    checked = check(agent, put("damaged/overflow-v1"), status=(ADVICE,))
    severities = {f["name"]: f["severity"] for f in checked["findings"]}
    assert severities == {"legacy-salt": "note", "old-overflow-form": "advice"}


def test_records_that_a_rebuild_hid_are_damage(agent, put):
    sample = put("damaged/rebuild-hides-records")
    checked = check(agent, sample, status=(DAMAGE,))
    hidden = [f for f in checked["findings"] if f["name"] == "unindexed-record"]
    assert len(hidden) == 4 == checked["reading"]["unindexed"]
    assert all(f["page"] is not None and f["record"] and f["severity"] == "damage" for f in hidden)


def test_one_flipped_bit_is_found_and_the_page_named(agent, put, rng):
    sample = put("large")
    data = bytearray(sample.path.read_bytes())
    page = rng.randrange(len(data) // 4096 - 1)
    data[4096 * page + 500] ^= 1
    sample.path.write_bytes(data)
    checked = check(agent, sample, status=(DAMAGE,))
    assert [(f["name"], f["page"]) for f in checked["findings"]] == [("unreadable", page)]
    assert checked["reading"]["unreadable"] == 1
    assert check(agent, sample, "--quick")["verdict"] == "clean"


def test_samples_are_told_and_repeated(agent, put, rng):
    sample = put("unclean")
    words = ["--sample", "12.5"]
    first = check(agent, sample, *words, status=(ADVICE,))
    assert first["depth"] == "sample" and first["sample"]["percent"] == 12.5
    assert first["reading"]["looked"] == 15 and first["reading"]["indexed"] == 120
    seed = str(first["sample"]["seed"])
    again = check(agent, sample, *words, "--seed", seed, status=(ADVICE,))
    assert again["sample"] == first["sample"] and again["findings"] == first["findings"]
    assert again["reading"] == first["reading"]
    others = [check(agent, sample, *words, "--seed", str(n), status=(ADVICE,))["reading"] for n in range(5)]
    assert len({tuple(sorted(o.items())) for o in others}) > 1
    shown = agent.ctl("check", sample.path, *words, "--seed", seed, *sample.kdf, password=sample.password).expect(ADVICE)
    assert f"15 of 120 records were read (seed {seed}): a sample proves nothing about the rest" in shown.messages
    assert re.search(r"unclean(\.blazedb)?: advice \(\d+ of 120 records read, ", shown.text), shown


def test_a_locked_database_is_told_as_such_and_an_unlocked_one_read(agent, put):
    sample = put("typed")
    for words in ([], ["--full"], ["--sample", "10"]):
        result = agent.ctl("check", sample.path, *words).expect(LOCKED)
        assert result.out == b""
    agent.ctl("check", sample.path, "--quick").expect(OK)
    agent.ctl("check", sample.path, "--tier", "file").expect(USAGE)
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    result = agent.ctl("check", sample.path).expect(OK)
    assert re.fullmatch(r"\S*typed(\.blazedb)?: clean \(55 of 55 records read, .* pages authenticated\)", result.text.splitlines()[-1])
    assert result.err == b""


def test_metadata_that_cannot_be_read_is_told_without_a_key(agent, put):
    sample = put("damaged/meta-truncated")
    result = envelope.success(agent.ctl("check", sample.path, "-o", "json"), DAMAGE)
    assert names(result["data"]) == {"bad-meta"} and result["data"]["reading"] is None and result["warnings"]


def test_tier_lease_holds_the_lock(agent, put):
    sample = put("typed")
    given = ["check", sample.path, "--tier", "lease", "-o", "json", *sample.kdf]
    assert envelope.success(agent.ctl(*given, password=sample.password))["tier"] == "lease"
    with open(sample.path, "rb") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        envelope.failure(agent.ctl(*given, password=sample.password), 11)
        # Without one it is looked at beside its owner.
        checked = check(agent, sample)
        assert names(checked) == {"in-use"}


def test_progress_comes_in_parts(agent, put):
    sample = put("typed")
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    target = wire.field(1, wire.target(sample.path))
    with wire.Connection(agent.socket) as connection:
        connection.greet()
        parts, reply = connection.call(wire.CHECK, target + wire.field(2, FULL))
        assert parts, "no progress came"
        for part in map(wire.fields, parts):
            assert part[1][0] in (b"records", b"headers", b"pages"), part
            assert part.get(2, [0])[0] <= part.get(3, [55])[0]
        assert wire.fields(wire.fields(reply)[5][0])[3] == [55]
        parts, reply = connection.call(wire.CHECK, target + wire.field(2, QUICK))
        assert parts == [] and 5 not in wire.fields(reply)


@pytest.mark.parametrize("words", [
    b"", wire.field(2, SAMPLE), wire.field(2, SAMPLE) + wire.field(7, 1), wire.field(2, QUICK) + wire.field(7, 1),
    wire.field(2, FULL) + wire.field(7, 1), wire.field(2, FULL) + wire.field(4, 1),
    wire.field(2, SAMPLE) + wire.field(7, 1) + b"\x31" + struct.pack("<d", 101),
    wire.field(2, SAMPLE) + wire.field(7, 1) + b"\x31" + struct.pack("<d", float("nan")),
])
def test_what_is_no_check_is_refused(agent, put, words):
    sample = put("typed")
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    with wire.Connection(agent.socket) as connection:
        connection.greet()
        connection.send(wire.frame(wire.field(1, wire.target(sample.path)) + words, operation=wire.CHECK))
        assert connection.fault()[0] == wire.INVALID_REQUEST


@pytest.mark.linux
def test_a_check_ends_with_the_lock_of_its_database(agent, put):
    """What keeps a check at work here are records that do not read beside an owner: they are tried for 2 seconds."""
    sample = put("typed")
    data = bytearray(sample.path.read_bytes())
    for page in range(len(data) // 4096):
        data[4096 * page + 50] ^= 1
    sample.path.write_bytes(data)
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    with open(sample.path, "rb") as f, wire.Connection(agent.socket) as connection:
        fcntl.flock(f, fcntl.LOCK_EX)
        connection.greet()
        connection.send(wire.frame(wire.field(1, wire.target(sample.path)) + wire.field(2, FULL), operation=wire.CHECK))
        assert connection.receive()[0] == wire.PART
        agent.ctl("lock").expect(OK)
        try:
            kind = wire.PART
            while kind == wire.PART:
                kind = connection.receive()[0]
            assert kind == wire.FAULT
        except wire.Closed:
            pass


def test_progress_is_shown_on_a_terminal_and_nowhere_else(agent, put):
    sample = grow(put("typed"), 3000)
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    status, out = finish(on_terminal(agent, "check", sample.path))
    assert status == OK and b"\r\x1b[Kchecking records: 0 of " in out, out
    assert b"\r\x1b[K" in out.split(b"checking")[-1], "the progress stays on the terminal"
    result = agent.ctl("check", sample.path).expect(OK)
    assert result.err == b"" and b"checking" not in result.out
    status, out = finish(on_terminal(agent, "check", sample.path, "-q"))
    assert status == OK and b"checking" not in out


if LIVE_OWNER.exists():
    @pytest.mark.linux
    @pytest.mark.parametrize("mix,big", [("2:6:2", 0.1), ("5:1:4", 0.3)])
    def test_beside_a_live_owner_there_are_only_notes(agent, put, rng, rounds, tmp_path, mix, big):
        sample = put("tiny")
        agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
        log = tmp_path / "owner.log"
        with LiveOwner(sample, log, "--seconds", 600, "--seed", rng.randrange(1 << 30), "--mix", mix, "--big", big) as owner:
            owner.wait_for_work(20)
            for n in range(rounds(10)):
                words = [[], ["--sample", "30"]][n % 2]
                result = agent.ctl("check", sample.path, *words, "-o", "json", *sample.kdf)
                checked = envelope.data(result, OK, ADVICE)
                told = names(checked, above_note=True)
                # A record that its owner is at work on all the time is no damage.
                assert told <= {"unstable"} and not checked["counts"]["damage"], checked["findings"]
                assert "in-use" in names(checked)
            assert owner.process.poll() is None, owner.process.communicate()

    @pytest.mark.linux
    def test_what_an_owner_leaves_that_ends_well_is_sound(agent, put, rng, tmp_path):
        sample = put("tiny")
        with LiveOwner(sample, tmp_path / "log", "--count", 150, "--seed", rng.randrange(1 << 30)) as owner:
            assert owner.wait() == 0
        # Updates of long records leak their old pages (trap T13), and a page that is used again may be out of order (T1).
        checked = check(agent, sample, status=(OK, ADVICE, DAMAGE))
        assert names(checked, above_note=True) <= {"leaked", "chain-order"}, checked["findings"]
