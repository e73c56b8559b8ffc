"""Parallel streams of random numbers; each is independent of the number of streams."""

from collections.abc import Sequence

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

__all__ = ["Streams"]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
_LAST, _HALF = np.uint64(31), np.uint64(32)


class Streams:
    """K streams of SplitMix64 as arrays, one for each environment.

    Parameters
    ----------
    states : ndarray of uint64, shape (K,)
        Initial state of each stream.

    References
    ----------
    Steele, G. L., Lea, D. and Flood, C. H. (2014). Fast splittable pseudorandom number generators. OOPSLA.
    Lemire, D. (2019). Fast random integer generation in an interval. ACM TOMACS 29.
    """

    def __init__(self, states: NDArray[np.uint64]) -> None:
        self._state = states.astype(np.uint64)

    @classmethod
    def from_seeds(cls, seeds: Sequence[int | None]) -> "Streams":
        """Create one stream per seed, initialised by gymnasium's generator; None means a random seed."""
        return cls(np.array([seeding.np_random(seed)[0].integers(2**63) for seed in seeds], np.uint64))

    def draw(self, bound: int) -> NDArray[np.int64]:
        """Draw the next number of each stream, int64 of shape (K,), uniform in [0, bound)."""
        self._state = self._state + _STEP
        mixed = self._state
        for shift, factor in _MIX:
            mixed = (mixed ^ (mixed >> shift)) * factor
        mixed = mixed ^ (mixed >> _LAST)
        # Multiply the upper half by the bound; the upper half of the product is uniform (Lemire 2019).
        return (((mixed >> _HALF) * np.uint64(bound)) >> _HALF).astype(np.int64)
