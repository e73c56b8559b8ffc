"""The GPU's kernel on Numba's simulator of one, in a session of its own."""

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
    told = subprocess.run(
        [*command, str(Path(__file__).parent)],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout[-8000:] + told.stderr[-2000:]
    assert " passed" in told.stdout
