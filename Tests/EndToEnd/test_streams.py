"""Standard streams that are closed: nothing opened later may take their place."""
import itertools
import os
import subprocess

import pytest

from statuses import FAILURE, NOT_FOUND, OK

CLOSED = [c for n in (1, 2, 3) for c in itertools.combinations((0, 1, 2), n)]


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_closed_streams(agent, put, closed):
    sample = put("tiny")

    def close():
        for fd in closed:
            os.close(fd)

    def run(*words):
        process = agent.spawn(
            *words, cwd=agent.root, preexec_fn=close, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    for words in (["status"], ["ls", "-o", "json"], ["info", sample.path]):
        status, out, err = run(*words)
        assert status == (FAILURE if 1 in closed else OK), (words, err)
        assert bool(out) == (1 not in closed)
    status, out, err = run("info", "/none.blazedb")
    assert status == NOT_FOUND and not out and bool(err) == (2 not in closed)
    # The agent has taken no harm from what was said into the void.
    agent.ctl("ping").expect(OK)


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_an_agent_started_with_closed_streams_serves(world, put, closed):
    sample = put("tiny")

    def close():
        for fd in closed:
            os.close(fd)

    process = world.spawn(
        "agent", "start", cwd=world.root, preexec_fn=close, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    process.communicate(timeout=60)
    assert world.pid() is not None
    world.ctl("info", sample.path, password=sample.password).expect(OK)
