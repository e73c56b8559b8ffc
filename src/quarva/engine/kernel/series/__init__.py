"""Rolling operators over the last w days of an asset, for a tile of assets and a chunk of days at a time.

This package only knows rows of numbers in memory. It must not know about programs, panels or dates.
"""

from quarva.engine.kernel.series.arithmetic import CHUNK
from quarva.engine.kernel.series.rolling import (
    carries_forever,
    carries_through_chunk,
    history,
    partial,
    partial_size,
    rolling,
    state_size,
)

__all__ = [
    "CHUNK",
    "carries_forever",
    "carries_through_chunk",
    "history",
    "partial",
    "partial_size",
    "rolling",
    "state_size",
]
