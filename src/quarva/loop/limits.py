"""Memory use of the process, by which a search can be limited."""

import sys

__all__ = ["peak_mb"]


def peak_mb() -> float:
    """Peak memory of the process.

    Returns
    -------
    float
        MiB; 0 on Windows, where the peak is not available.
    """
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
