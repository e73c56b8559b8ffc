"""The GPU's tests: those named `test_simulated_…` run in a session of their own, see `test_simulator`."""

import os
import sys

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"

# Numba reads the variable when it is imported: one session can not have both.
collect_ignore_glob = ["test_[!s]*", "test_simulator.py"] if SIMULATED else ["test_simulated_*"]

if SIMULATED:
    # The simulator's threads wait for each other by asking again and again: with the usual 5 ms between two
    # of them a barrier takes 11 ms, with this half a millisecond.
    sys.setswitchinterval(1e-5)
