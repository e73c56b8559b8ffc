"""Tests of the GPU kernel on Numba's simulator, in a separate session."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_kernel_on_a_simulated_gpu():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--tb=short",
    ]
    done = subprocess.run(
        [*command, str(Path(__file__).parent)],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
