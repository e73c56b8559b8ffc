"""A command that is killed at a known moment."""

import signal
import subprocess
import sys

__all__ = ["killed_at"]

# A process that kills itself needs nobody who waits for the moment.
_CODE = """
import os, signal, sys
from quarva.cli import main
from quarva.loop import checkpoint, loop

part, left, save = sys.argv[1], [int(sys.argv[2])], checkpoint.save

def save_and_die(path, *given):
    save(path, *given)
    left[0] -= part in str(path)
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

checkpoint.save = save_and_die
loop._CHECKPOINT_SECONDS = loop._CHECKPOINT_SHARE = 0.0  # a checkpoint after every batch
sys.exit(main(sys.argv[3:]))
"""


def killed_at(part, count, words, cwd):
    """Run `quarva` with `words` in `cwd`, killed after its count-th checkpoint with `part` in the path."""
    command = [sys.executable, "-c", _CODE, part, str(count), *map(str, words)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
