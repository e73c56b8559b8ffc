"""Tests of the GPU kernel. Those named `test_simulated_…` run in a separate session, see `test_simulator`."""

import os
import sys

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"

# Numba reads the variable when it is imported, so a session is either simulated or not.
collect_ignore_glob = ["test_[!s]*", "test_simulator.py"] if SIMULATED else ["test_simulated_*"]

if SIMULATED:
    # The simulator's threads poll at a barrier. With the default switch interval of 5 ms a barrier takes 11
    # ms, and with this interval half a millisecond.
    sys.setswitchinterval(1e-5)
