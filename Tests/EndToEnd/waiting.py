"""Waiting for something to become true, with a deadline: the only place that pauses."""
import time

PAUSE = 0.01


class Late(AssertionError):
    """What was waited for did not happen in time."""


def until(condition, what, seconds=10.0):
    """Asks again and again until `condition()` is true; its value. Raises Late after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Late(f"not within {seconds} s: {what}")
        time.sleep(PAUSE)
