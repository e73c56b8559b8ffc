"""Random numbers of many streams at once: each is what it would be alone, whatever stands beside it."""

from collections.abc import Sequence

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

__all__ = ["Streams"]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
_LAST, _HALF = np.uint64(31), np.uint64(32)


class Streams:
    """SplitMix64 (Steele, Lea and Flood 2014) of K streams, as arrays; an environment has one of them.

    Args:
        states: uint64 [K], where each begins.
    """

    def __init__(self, states: NDArray[np.uint64]) -> None:
        self._state = states.astype(np.uint64)

    @classmethod
    def of(cls, seeds: Sequence[int | None]) -> "Streams":
        """One for each seed, begun as gymnasium's own generator of that seed says; None is any."""
        return cls(np.array([seeding.np_random(seed)[0].integers(2**63) for seed in seeds], np.uint64))

    def draw(self, many: int) -> NDArray[np.int64]:
        """The next number of each, int64 [K] in [0, many)."""
        self._state = self._state + _STEP
        mixed = self._state
        for shift, factor in _MIX:
            mixed = (mixed ^ (mixed >> shift)) * factor
        mixed = mixed ^ (mixed >> _LAST)
        # The upper half times `many`, of which the upper half is evenly spread (Lemire 2019).
        return (((mixed >> _HALF) * np.uint64(many)) >> _HALF).astype(np.int64)
