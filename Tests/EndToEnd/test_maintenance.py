"""gc and vacuum: what they tell beforehand, what they do, and when they do nothing."""
import os
import signal
import subprocess
import termios

import pexpect
import pytest

import envelope
import grown
import owner
import samples
from snapshot import unchanged
from statuses import BUSY, DAMAGE, FAILURE, INSUFFICIENT, INTERRUPTED, LOCKED, NEEDS_PROMPT, NOT_FOUND, OK, USAGE
from terminals import finish, on_terminal
from test_holders import Holder
from waiting import until

SPACE = {"records", "pages", "unindexed_records", "deleted_entries", "size", "data_size", "metadata_size",
         "vacuumed_size", "gain", "disk", "memory", "obstacles"}
JOB = {"id", "kind", "state", "title", "path", "client_pid", "started", "ended", "phase", "done", "total", "rate",
       "seconds_left", "outcome", "failure", "recovery", "waits_for"}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A sample with many free pages, made once."""
    return grown.grow(samples.sample("tiny").copy_to(tmp_path_factory.mktemp("grown")), 1500)


@pytest.fixture
def large(agent, template):
    """A copy of it, unlocked."""
    sample = template.copy_to(agent.databases)
    agent.ctl("unlock", sample.path, *sample.kdf, password=sample.password).expect(OK)
    return sample


def checked_by_reference(sample):
    """The independent reader, where it is there, has nothing to say against the database."""
    if owner.REFERENCE.exists():
        done = owner.reference("verify", sample.path, "--password", sample.password, "--iterations", sample.iterations)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_dry_run_foretells_the_gain_and_touches_nothing(agent, large):
    with unchanged(agent.databases):
        told = envelope.success(agent.ctl("vacuum", large.path, "--dry-run", "-o", "json"))
        agent.ctl("gc", "status", large.path).expect(OK)
    assert told["schema"] == "blazectl/vacuum/1" and told["tier"] == "observe"
    data = told["data"]
    assert data["dry_run"] is True and data["job"] is None and set(data["space"]) == SPACE
    space = data["space"]
    before, records = grown.size(large), grown.export(agent, large)
    assert space["size"] == before and space["disk"]["available"] > space["disk"]["needed"] > 0
    told = envelope.success(agent.ctl("vacuum", large.path, "--yes", "-o", "json"))
    job = told["data"]["job"]
    assert told["tier"] == "lease" and set(job) == JOB and job["state"] == "done" and job["failure"] is None
    gain = before - grown.size(large)
    assert gain > before / 5 and abs(space["gain"] - gain) <= gain / 20
    assert job["outcome"]["size_before"] == before and job["outcome"]["size_after"] == grown.size(large)
    assert job["outcome"]["records"] == space["records"]
    assert grown.export(agent, large) == records and grown.left_over(large) == []
    checked_by_reference(large)


def test_what_a_vacuum_keeps(agent, put):
    sample = put("typed")
    before = envelope.data(agent.ctl("info", sample.path, "-o", "json", *sample.kdf, password=sample.password))
    agent.ctl("vacuum", sample.path, "--yes", "--always", *sample.kdf, password=sample.password).expect(OK)
    after = envelope.data(agent.ctl("info", sample.path, "-o", "json", *sample.kdf, password=sample.password))
    for key in ("id", "indexes"):
        assert after[key] == before[key]
    assert after["records"]["count"] == before["records"]["count"]
    assert after["format"]["schema_version"] == before["format"]["schema_version"]
    for file in ("blazedb", "meta"):
        assert sample.path.with_suffix("." + file).stat().st_mode & 0o777 == \
            put("typed", agent.root / "tmp" / "again").path.with_suffix("." + file).stat().st_mode & 0o777


def test_one_preview_and_one_question(agent, large):
    before = grown.size(large)
    with unchanged(agent.databases):
        child = on_terminal(agent, "vacuum", large.path)
        child.expect(rb"gain(\x1b\[0m)?\s+[\d.]+ MiB")
        child.expect(rb"Vacuum tiny now\? \[y/N\] ")
        child.sendline(b"")
        status, out = finish(child)
        assert status == FAILURE and b"nothing was changed" in out
    child = on_terminal(agent, "vacuum", large.path)
    child.expect(rb"Vacuum tiny now\? \[y/N\] ")
    child.sendline(b"y")
    status, out = finish(child)
    assert status == OK and out.count(b"[y/N]") == 0, out
    assert b"\r\x1b[Ktiny: " in out, "no progress was shown"
    assert grown.size(large) < before


@pytest.mark.parametrize("words", [["vacuum"], ["gc", "run"]])
def test_ctrl_c_at_the_password(agent, put, words):
    """Before there is a job Ctrl-C leaves, and the terminal is as it was."""
    sample = put("tiny")
    child = on_terminal(agent, *words, sample.path, "--yes", *sample.kdf)
    child.expect(rb"Password of [^:]+: ")
    child.sendintr()
    child.expect(pexpect.EOF)
    assert termios.tcgetattr(child.child_fd)[3] & termios.ECHO
    child.close()
    assert child.signalstatus == signal.SIGINT or child.exitstatus == INTERRUPTED
    assert envelope.data(agent.ctl("jobs", "ls", "-o", "json"))["jobs"] == []


def test_without_a_terminal_nobody_is_asked(agent, large):
    with unchanged(agent.databases):
        for words in (["vacuum", large.path], ["vacuum", large.path, "--batch"]):
            error = envelope.failure(agent.ctl(*words, "-o", "json"), NEEDS_PROMPT)
            assert error["name"] == "confirmation-needed" and "--yes" in error["hint"]
    assert envelope.data(agent.ctl("jobs", "ls", "-o", "json"))["jobs"] == []


def test_nothing_to_gain(agent, large):
    agent.ctl("vacuum", large.path, "--yes").expect(OK)
    files = large.path.read_bytes(), large.sidecar("meta").read_bytes()
    told = envelope.data(agent.ctl("vacuum", large.path, "--yes", "-o", "json"))
    assert told["job"]["state"] == "done" and told["job"]["outcome"]["rewritten"] is False
    assert (large.path.read_bytes(), large.sidecar("meta").read_bytes()) == files and grown.left_over(large) == []
    with unchanged(agent.databases):
        assert "nothing to gain" in agent.ctl("vacuum", large.path).expect(OK).text
        assert "no garbage" in agent.ctl("gc", "run", large.path).expect(OK).text


def test_gc_frees_pages_and_cuts_the_end_off(agent, put):
    sample = put("damaged/leaked-pages")
    told = envelope.success(agent.ctl("gc", "status", sample.path, "-o", "json", *sample.kdf, password=sample.password))
    assert told["schema"] == "blazectl/gc.status/1" and told["data"]["space"]["pages"]["leaked"] == 80
    records = grown.export(agent, sample)
    error = envelope.failure(agent.ctl("gc", "run", sample.path, "-o", "json", *sample.kdf, password=sample.password), NEEDS_PROMPT)
    assert "gc status" in error["hint"]
    told = envelope.success(agent.ctl("gc", "run", sample.path, "--yes", "-o", "json", *sample.kdf, password=sample.password))
    assert told["schema"] == "blazectl/gc.run/1" and told["data"]["job"]["outcome"]["pages_freed"] == 80
    with open(sample.path, "ab") as f:
        f.write(bytes(4096 * 10))
    result = agent.ctl("gc", "run", sample.path, "--yes", "-o", "json", *sample.kdf, password=sample.password)
    outcome = envelope.data(result)["job"]["outcome"]
    assert outcome["pages_cut"] >= 10 and outcome["size_after"] < outcome["size_before"]
    assert grown.export(agent, sample) == records and grown.left_over(sample) == []
    checked_by_reference(sample)


def test_what_a_crash_left_is_put_right_and_told(agent, put):
    sample = put("unclean")
    told = envelope.success(agent.ctl("gc", "run", sample.path, "--yes", "-o", "json", *sample.kdf, password=sample.password))
    assert any("WAL" in w for w in told["warnings"]), told
    assert told["data"]["job"]["recovery"][0]["kind"].startswith("wal-")
    sample = put("damaged/vacuum-between-renames", agent.root / "tmp" / "moved")
    assert not sample.path.exists()
    agent.ctl("vacuum", sample.path, "--dry-run", *sample.kdf, password=sample.password).expect(DAMAGE)
    result = agent.ctl("gc", "run", sample.path, "--yes", *sample.kdf, password=sample.password).expect(OK)
    assert "vacuum that did not end was undone" in result.messages
    assert sample.path.exists() and grown.left_over(sample) == []
    checked_by_reference(sample)


@pytest.mark.parametrize("words", [["vacuum"], ["vacuum", "--yes"], ["gc", "run"], ["gc", "run", "--yes"]])
def test_damage_is_left_alone(agent, put, words):
    sample = put("damaged/lost-second-owner")
    before = sample.path.read_bytes(), sample.sidecar("meta").read_bytes()
    result = agent.ctl(*words, sample.path, "-o", "json", *sample.kdf, password=sample.password)
    error = envelope.failure(result, DAMAGE)
    assert "page" in error["message"] and "check --quick" in error["hint"] and "repair" not in error["hint"]
    assert (sample.path.read_bytes(), sample.sidecar("meta").read_bytes()) == before
    result = agent.ctl("gc", "status", sample.path, "-o", "json", *sample.kdf, password=sample.password)
    assert envelope.data(result, DAMAGE)["space"]["obstacles"]


def test_records_of_no_index_are_dropped_only_when_told(agent, put):
    sample = put("damaged/rebuild-hides-records")
    for words in ([], ["--yes"]):
        error = envelope.failure(
            agent.ctl("vacuum", sample.path, *words, "-o", "json", *sample.kdf, password=sample.password), DAMAGE)
        assert error["name"] == "unindexed-records" and "4 records" in error["message"]
    result = agent.ctl("vacuum", sample.path, "--yes", "--drop-unindexed", "-o", "json", *sample.kdf, password=sample.password)
    assert envelope.data(result)["job"]["outcome"]["unindexed_dropped"] == 4


def test_what_was_put_right_is_told_although_the_job_fails(agent, put):
    """Opening empties the write-ahead log; then there is damage."""
    sample = put("damaged/lost-second-owner")
    sample.sidecar("wal").write_bytes(b"torn")
    told = agent.ctl("gc", "run", sample.path, "--yes", *sample.kdf, password=sample.password).expect(DAMAGE)
    assert "put right: the WAL was emptied" in told.messages
    assert sample.sidecar("wal").stat().st_size == 0
    (job,) = envelope.data(agent.ctl("jobs", "ls", "-o", "json"))["jobs"]
    assert job["state"] == "failed" and "wal-emptied" in [step["kind"] for step in job["recovery"]]


@pytest.mark.linux
def test_a_database_in_use_is_busy_and_can_be_waited_for(agent, large):
    with Holder(large.path) as holder, unchanged(agent.databases):
        for words in (["vacuum"], ["gc", "run"]):
            error = envelope.failure(agent.ctl(*words, large.path, "--yes", "-o", "json"), BUSY)
            assert error["holder"]["pid"] == holder.pid and str(holder.pid) in error["message"]
            assert "observe" not in error["hint"]
        result = agent.ctl("vacuum", large.path, "--yes", "--wait", "200ms").expect(BUSY)
        assert f"(pid {holder.pid})" in result.messages.splitlines()[0], "the holder was not named while it waited"
    with Holder(large.path) as holder:
        waiting = agent.spawn(
            "vacuum", large.path, "--yes", "--wait", "60s", stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def is_told():
            jobs = envelope.data(agent.ctl("jobs", "ls", "-o", "json"))["jobs"]
            return jobs[0]["state"] == "waiting" and (jobs[0]["waits_for"] or {}).get("pid") == holder.pid
        until(is_told, "the job waits for its holder")
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == OK, err
    assert str(holder.pid) in err.decode()


if owner.LIVE_OWNER.exists():
    @pytest.mark.linux
    def test_a_live_owner_goes_on_after_us_and_we_after_it(agent, large):
        log = agent.root / "tmp" / "owner.log"
        with owner.LiveOwner(large, log, "--count", 60, "--seed", 5) as living:
            living.wait_for_work()
            if living.process.poll() is None:
                agent.ctl("vacuum", large.path, "--yes").expect(BUSY, OK)
            assert living.wait() == 0
        agent.ctl("vacuum", large.path, "--yes").expect(OK)
        with owner.LiveOwner(large, agent.root / "tmp" / "second.log", "--count", 60, "--seed", 6) as living:
            assert living.wait() == 0
        agent.ctl("gc", "run", large.path, "--yes").expect(OK)
        checked_by_reference(large)


def test_without_a_key_it_is_locked(agent, put):
    sample = put("tiny")
    with unchanged(agent.databases):
        for words in (["vacuum"], ["vacuum", "--dry-run"], ["vacuum", "--yes"], ["gc", "status"], ["gc", "run", "--yes"]):
            envelope.failure(agent.ctl(*words, sample.path, "-o", "json"), LOCKED)
        agent.ctl("vacuum", "/none.blazedb", "--yes").expect(NOT_FOUND, LOCKED)


def test_misuse(agent, put):
    sample = put("tiny")
    for words in (["--dry-run", "--detach"], ["--dry-run", "--wait", "1s"], ["--wait", "2d"], ["--wait", "x"]):
        agent.ctl("vacuum", sample.path, *words).expect(USAGE)
    for words in (["show"], ["show", "x"], ["show", "-1"], ["cancel"], ["cancel", "x"]):
        agent.ctl("jobs", *words).expect(USAGE)


@pytest.mark.linux
def test_too_little_room_on_the_disk(agent, template):
    """A file system of its own, with less room than the new files need."""
    assert os.geteuid() == 0, "mounting needs root"
    place = agent.root / "small"
    place.mkdir()
    room = grown.size(template) + (1 << 20)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room}", "none", place], check=True, timeout=60)
    try:
        sample = template.copy_to(place)
        files = {f.name: f.read_bytes() for f in place.iterdir()}
        for words in (["vacuum"], ["vacuum", "--yes"]):
            result = agent.ctl(*words, sample.path, "-o", "json", *sample.kdf, password=sample.password)
            error = envelope.failure(result, INSUFFICIENT)
            free = os.statvfs(place)
            assert str(free.f_bavail * free.f_frsize) in error["message"], error
            assert len([w for w in error["message"].split() if w.isdigit()]) == 2, "needed and available"
        assert {f.name: f.read_bytes() for f in place.iterdir()} == files
        # It needs no more room than there is.
        agent.ctl("gc", "run", sample.path, "--yes", *sample.kdf, password=sample.password).expect(OK)
    finally:
        subprocess.run(["umount", place], check=True, timeout=60)
