"""ping against the C echo server: the same client, the same bytes in both directions, the same kind of socket."""
import json
import os
import subprocess
import time

from side_by_side import at_least, at_most, compare
from world import PATIENCE, keep_on_core, on_core

SECONDS = 0.5
MANY = 64


def load(tools, socket, connections, core):
    done = subprocess.run(
        [str(tools / "ping_load"), str(socket), str(connections), str(SECONDS)], capture_output=True, text=True,
        timeout=PATIENCE, preexec_fn=on_core(core))
    if done.returncode != 0:
        raise RuntimeError(f"ping_load: {done.stderr}")
    return json.loads(done.stdout)


def rows(world, tools, rounds):
    agent = world.agent
    answer = load(tools, world.socket, 1, None)["answer_bytes"]
    echo_socket = world.root / "run" / "echo.sock"
    # In a session of its own, as the agent is: a kernel may share the processors out by session.
    echo = subprocess.Popen([str(tools / "echo_server"), str(echo_socket), str(answer)], start_new_session=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while not echo_socket.exists():
            if time.monotonic() > deadline:
                raise RuntimeError("the echo server does not listen")
            os.sched_yield()
        return both(world.socket, agent, echo_socket, echo.pid, tools, rounds)
    finally:
        echo.kill()
        echo.wait(PATIENCE)


def both(agent_socket, agent, echo_socket, echo, tools, rounds):
    out = []

    def median(socket, core):
        return lambda: load(tools, socket, 1, core)["median_ns"] / 1e9

    def rate(socket, connections):
        def measure():
            told = load(tools, socket, connections, None)
            return told["round_trips"] / told["seconds"]
        return measure

    # One core for client and server: what is compared is work, not how soon another core wakes up.
    for pid in (agent, echo):
        keep_on_core(pid, 0)
    out.append(compare(
        "ping round trip, 1 connection, client and server on one core", "at most 1.3x", at_most(1.3), "us",
        median(agent_socket, 0), median(echo_socket, 0), rounds))
    for pid in (agent, echo):
        keep_on_core(pid, None)
    out.append(compare(
        "ping round trip, 1 connection, any core", "at most 1.3x", at_most(1.3), "us",
        median(agent_socket, None), median(echo_socket, None), rounds))
    out.append(compare(
        f"ping rate, {MANY} connections", "at least 0.75x", at_least(0.75), "per s",
        rate(agent_socket, MANY), rate(echo_socket, MANY), rounds))
    return out
