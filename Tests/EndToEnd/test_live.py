"""Looking at a database that another process is changing: no damage, no state that its log does not allow, no trace."""
import collections
import json
import os
import sys
import threading

import pytest

import envelope
import wire
from owner import LIVE_OWNER, Allowed, Hashes, LiveOwner, reference
from statuses import ADVICE, DAMAGE, OK

EXPORT_REPLY_FINDINGS, EXPORT_REPLY_UNREADABLE, EXPORT_REPLY_UNSTABLE = 4, 5, 6


def seed_of(rng):
    return rng.randrange(1 << 30)


def open_files(pid, directory):
    """(path, flags) of the files below a directory that a process has open."""
    out = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            path = os.readlink(f"/proc/{pid}/fd/{fd}")
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as f:
                flags = next(line for line in f if line.startswith("flags:"))
        except (FileNotFoundError, ProcessLookupError):
            continue
        if path.startswith(str(directory)):
            out.append((path, int(flags.split()[1], 8)))
    return out


def observe(agent, sample, rng, count, mix, big, tmp_path, name):
    """`count` full observations of a sample while its owner changes it; every one must be allowed by the owner's log."""
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    hashes = Hashes()
    pid = agent.pid()
    with wire.Connection(agent.socket, seconds=60) as connection:
        connection.greet()
        document, _ = connection.export(sample.path)
        log = tmp_path / f"{name}.log"
        with LiveOwner(sample, log, "--seconds", 900, "--seed", seed_of(rng), "--mix", mix, "--big", big) as owner:
            owner.wait_for_work()
            allowed = Allowed(log, hashes.of(document))
            for n in range(count):
                allowed.before()
                document, reply = connection.export(sample.path)
                allowed.check(hashes.of(document))
                seen = wire.findings(reply.get(EXPORT_REPLY_FINDINGS, []))
                assert all(severity == "note" for _, severity, _ in seen), seen
                assert not reply.get(EXPORT_REPLY_UNREADABLE) and not reply.get(EXPORT_REPLY_UNSTABLE), reply
                if n % 5 == 0:
                    found, _ = connection.check(sample.path)
                    assert all(severity == "note" for _, severity, _ in found), found
                    assert "in-use" in [name for name, _, _ in found]
                if n % 50 == 0:
                    for path, flags in open_files(pid, sample.directory):
                        assert flags & os.O_ACCMODE == os.O_RDONLY, path
            assert owner.process.poll() is None, owner.process.communicate()
            assert allowed.n > count / 20, "the owner has hardly worked"


if LIVE_OWNER.exists():
    MIXES = [("2:6:2", 0.1), ("5:1:4", 0.3), ("1:8:1", 0.6), ("4:2:4", 0.0)]

    @pytest.mark.linux
    @pytest.mark.parametrize("mix,big", MIXES)
    def test_observing_a_live_owner(agent, put, rng, rounds, tmp_path, mix, big):
        observe(agent, put("tiny"), rng, min(rounds(60), 300), mix, big, tmp_path, "owner")

    @pytest.mark.linux
    @pytest.mark.slow
    def test_ten_thousand_observations(agent, put, rng, tmp_path):
        for n in range(10):
            mix, big = MIXES[n % len(MIXES)]
            sample = put("tiny", agent.databases / f"seed-{n}")
            observe(agent, sample, rng, 1000, mix, big, tmp_path, f"owner-{n}")
            agent.ctl("lock", sample.path).expect(OK)

    @pytest.mark.linux
    @pytest.mark.parametrize("mix,big", MIXES)
    def test_what_a_killed_owner_leaves(agent, put, rng, rounds, tmp_path, mix, big):
        for n in range(min(rounds(4), 40)):
            sample = put("tiny", agent.databases / f"killed-{n}")
            after = rng.randrange(1, 130)
            owner = LiveOwner(
                sample, tmp_path / f"log-{n}", "--count", after + 200, "--kill-after", after, "--seed", seed_of(rng),
                "--mix", mix, "--big", big)
            assert owner.wait() == -9
            kdf = ["--iterations", sample.iterations]
            dump = reference("dump", sample.path, "--password", sample.password, *kdf)
            out = tmp_path / f"export-{n}.json"
            given = dict(password=sample.password)
            export = envelope.data(agent.ctl(
                "export", sample.path, "--format", "typed", "--out", out, "-o", "json", *sample.kdf, **given), OK)
            assert out.read_bytes() == dump.stdout
            check = envelope.data(
                agent.ctl("check", "--quick", sample.path, "-o", "json", *sample.kdf, **given), OK, ADVICE, DAMAGE)
            assert check["ownership"]["state"] == "free"
            told = reference("verify", sample.path, "--password", sample.password, "--verbose", *kdf).stdout.decode()
            compare(told, export["findings"], check["findings"])

    def compare(told, read, checked):
        """The crash findings are those of the independent reader, place by place."""
        theirs = collections.Counter(
            line.split("[")[1].split("]")[0] for line in told.splitlines() if line[:1] in "ewi" and "[" in line[:10])

        def ours(findings, name):
            assert all(not f["possible"] for f in findings)
            return sum(f["count"] for f in findings if f["name"] == name)

        for name in ("phantom", "chain-order", "unreadable", "id-mismatch", "shared-page", "stale-page-list"):
            assert ours(read, name) == theirs[name], (name, told)
        for name in ("phantom", "chain-order", "next-page-low", "free-page-in-use", "free-page-twice"):
            assert ours(checked, name) == theirs[name], (name, told)
        # The reference counts zero pages that a stale list names, or that are never used yet, as leaked as well.
        assert ours(checked, "leaked") <= theirs["leaked"], told
        assert ours(checked, "orphan") <= theirs["orphan"], told
        severities = {f["name"]: f["severity"] for f in checked}
        assert severities.get("next-page-low", "damage") == "damage"
        assert severities.get("phantom", "advice") == "advice"

    @pytest.mark.linux
    def test_after_a_clean_end_everything_is_read_as_it_is(agent, put, rng, tmp_path):
        sample = put("tiny")
        with LiveOwner(sample, tmp_path / "log", "--count", 150, "--seed", seed_of(rng)) as owner:
            assert owner.wait() == 0
        dump = reference("dump", sample.path, "--password", sample.password, "--iterations", sample.iterations)
        export = agent.ctl("export", sample.path, "--format", "typed", *sample.kdf, password=sample.password)
        assert export.expect(OK).out == dump.stdout

    class Swapper(threading.Thread):
        """An owner that vacuums all the time: moves every record and swaps both files as BlazeDB does (FORMAT.md 7.4)."""

        def __init__(self, sample, rng):
            super().__init__()
            sys.path.insert(0, str(LIVE_OWNER.parent))
            import blazefmt
            self.format, self.sample, self.rng = blazefmt, sample, rng
            self.over, self.swaps, self.failure = threading.Event(), 0, None
            self.holding = self.lock(sample.path)
            base = blazefmt.Database(str(sample.path), sample.password, sample.iterations)
            self.records, self.salt = base.load()[0], base.salt

        @staticmethod
        def lock(path):
            import fcntl
            file = open(path, "rb")
            fcntl.flock(file, fcntl.LOCK_EX)
            return file

        def run(self):
            try:
                while not self.over.is_set():
                    self.swap()
            except BaseException as error:
                self.failure = error
                raise

        def swap(self):
            base = self.sample.path.with_suffix("")
            ids = list(self.records)
            self.rng.shuffle(ids)
            new = f"{base}.vacuum.blazedb"
            for left in (new, f"{base}.vacuum.meta", f"{base}.vacuum.salt", f"{base}.vacuum.wal"):
                if os.path.exists(left):
                    os.unlink(left)
            (base.parent / f"{base.name}.vacuum_in_progress").touch()
            self.format.write_database(
                new, self.sample.password, {i: self.records[i] for i in ids}, self.sample.iterations, salt=self.salt)
            held = self.lock(new)
            os.rename(f"{base}.blazedb", f"{base}.vacuum_backup.blazedb")
            os.rename(f"{base}.meta", f"{base}.vacuum_backup.meta")
            os.rename(new, f"{base}.blazedb")
            os.rename(f"{base}.vacuum.meta", f"{base}.meta")
            (base.parent / f"{base.name}.vacuum_success").touch()
            for left in ("vacuum_backup.blazedb", "vacuum_backup.meta", "vacuum_success", "vacuum_in_progress"):
                os.unlink(f"{base}.{left}")
            self.holding.close()
            self.holding = held
            self.swaps += 1

    @pytest.mark.linux
    def test_an_owner_that_swaps_its_files(agent, put, rng, rounds):
        """Whatever moment a look meets, it sees every record once, and no damage."""
        sample = put("tiny")
        agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
        hashes = Hashes()
        with wire.Connection(agent.socket, seconds=60) as connection:
            connection.greet()
            expected = hashes.of(connection.export(sample.path)[0])
            swapper = Swapper(sample, rng)
            swapper.start()
            try:
                for n in range(min(rounds(100), 500)):
                    document, reply = connection.export(sample.path)
                    assert hashes.of(document) == expected
                    assert not reply.get(EXPORT_REPLY_UNREADABLE) and not reply.get(EXPORT_REPLY_UNSTABLE), reply
                    found, _ = connection.check(sample.path)
                    assert all(severity == "note" for _, severity, _ in found), found
                    if n % 20 == 0:
                        agent.ctl("info", sample.path, *sample.kdf, password=sample.password).expect(OK)
            finally:
                swapper.over.set()
                swapper.join(60)
                swapper.holding.close()
        assert swapper.failure is None and swapper.swaps > 2


@pytest.mark.linux
def test_looking_never_takes_the_lock(agent, put):
    """Whoever wants the lock can always have it, however often somebody looks."""
    import fcntl
    sample = put("unclean")
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    refused, taken, over = [], [], threading.Event()

    def take():
        with open(sample.path, "rb") as f:
            while not over.is_set():
                try:
                    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    fcntl.flock(f, fcntl.LOCK_UN)
                    taken.append(1)
                except BlockingIOError:
                    refused.append(1)

    taker = threading.Thread(target=take)
    taker.start()
    try:
        with wire.Connection(agent.socket) as connection:
            connection.greet()
            for _ in range(20):
                connection.export(sample.path)
                connection.check(sample.path)
        agent.ctl("ls").expect(OK)
        agent.ctl("holders", sample.path).expect(OK)
        agent.ctl("info", sample.path).expect(OK)
    finally:
        over.set()
        taker.join(30)
    assert taken and not refused


@pytest.mark.linux
def test_json_of_a_database_in_use(agent, put):
    """An owner that does nothing: what is normal beside one is a note, and the record count may be off."""
    import fcntl
    sample = put("damaged/txn-interrupted")
    with open(sample.path, "rb") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        given = ["check", "--quick", sample.path, "-o", "json", *sample.kdf]
        checked = envelope.data(agent.ctl(*given, password=sample.password), OK)
        assert {x["severity"] for x in checked["findings"]} == {"note"}
        assert "transaction-interrupted" in {x["name"] for x in checked["findings"]}
        agent.ctl("db", "add", sample.path).expect(OK)
        row = json.loads(agent.ctl("ls", "-o", "json").expect(OK).out)["data"]["databases"][0]
        assert row["ownership"]["state"] == "owned" and row["records_estimated"] and row["state"] == "ok"
        assert [h["pid"] for h in row["ownership"]["holders"]] == [os.getpid()]
    checked = envelope.data(agent.ctl(*given, password=sample.password), DAMAGE)
    assert "transaction-interrupted" in {x["name"] for x in checked["findings"] if x["severity"] == "damage"}
