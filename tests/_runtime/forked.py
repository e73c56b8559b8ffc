"""Run a function in a forked process with a time limit."""

import multiprocessing
import os
from collections.abc import Callable

__all__ = ["succeeds_in_a_child"]

_TIMEOUT = 120.0  # seconds


def succeeds_in_a_child(work: Callable[[], bool]) -> bool:
    """True if work() returns True in a forked process within two minutes.

    The child always exits here. Otherwise it would continue as a second test runner.
    """
    child = multiprocessing.get_context("fork").Process(target=lambda: os._exit(0 if work() else 1))
    child.start()
    child.join(_TIMEOUT)
    if child.is_alive():
        child.kill()
        child.join()
    return child.exitcode == 0
