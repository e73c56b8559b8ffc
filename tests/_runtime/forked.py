"""Run a function in a forked process with a time limit."""

import os
import signal
import time
from collections.abc import Callable

__all__ = ["succeeds_in_a_child"]

_TIMEOUT = 120.0  # seconds


def succeeds_in_a_child(work: Callable[[], bool]) -> bool:
    """True if work() returns True in a forked process within two minutes.

    The child always exits here. Otherwise it would continue as a second test runner.
    """
    child = os.fork()
    if child == 0:
        success = False
        try:
            success = work()
        finally:
            os._exit(0 if success else 1)
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False
