"""Work in a forked process, for a time."""

import os
import signal
import time
from collections.abc import Callable

__all__ = ["succeeds_in_a_child"]

_PATIENCE = 120.0


def succeeds_in_a_child(work: Callable[[], bool]) -> bool:
    """Whether work() gives True in a forked process, within two minutes.

    Whatever happens in the child ends it: it must not go on as a second runner of tests.
    """
    child = os.fork()
    if child == 0:
        fine = False
        try:
            fine = work()
        finally:
            os._exit(0 if fine else 1)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False
