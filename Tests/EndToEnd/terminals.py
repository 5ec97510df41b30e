"""blazectl on a terminal of its own."""
import pexpect


def on_terminal(world, *words, columns=120, **changes):
    """Starts it; what it reads is typed by the test."""
    command = world.words() + [str(w) for w in words]
    return pexpect.spawn(
        command[0], command[1:], env=world.environment(**changes), cwd=str(world.root), timeout=60, echo=True,
        dimensions=(40, columns))


def finish(child):
    """(exit status, what is left of the output)."""
    child.expect(pexpect.EOF)
    child.close()
    assert child.signalstatus is None, f"ended by signal {child.signalstatus}"
    return child.exitstatus, child.before
