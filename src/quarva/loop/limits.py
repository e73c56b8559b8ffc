"""What ends a search from outside: the memory that the process has taken."""

import sys

__all__ = ["peak_mb"]


def peak_mb() -> float:
    """Most memory that the process has held, in MiB; 0 on Windows, which does not tell."""
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
