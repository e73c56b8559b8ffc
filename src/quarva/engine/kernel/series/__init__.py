"""Rolling operators: the last w days of one asset, for a tile of assets and a chunk of days at a time.

This room knows an operand as rows of numbers in memory; it must not know programs, panels or dates.
"""

from quarva.engine.kernel.series.arithmetic import CHUNK
from quarva.engine.kernel.series.partial import history, partial, partial_size
from quarva.engine.kernel.series.rolling import rolling, state_size

__all__ = ["CHUNK", "history", "partial", "partial_size", "rolling", "state_size"]
