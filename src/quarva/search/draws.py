"""Random numbers inside kernels: SplitMix64, one word of state, so that islands can be bred on any thread."""

import numpy as np

from quarva.compiled import compiled
from quarva.karva.decode import mix

_STEP = np.uint64(0x9E3779B97F4A7C15)
_SCALE = 2.0**-53
_ELEVEN = np.uint64(11)


@compiled
def uniform(rng):
    """A number in [0, 1); `rng` is uint64 of shape (1,) and moves on (Steele, Lea and Flood 2014)."""
    rng[0] += _STEP
    return np.float64(mix(rng[0]) >> _ELEVEN) * _SCALE


@compiled
def below(rng, n):
    """An integer in 0 … n − 1."""
    return np.int64(uniform(rng) * n)


@compiled
def normal(rng):
    """A standard normal number (Box and Muller 1958)."""
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform(rng)))
    return radius * np.cos(2.0 * np.pi * uniform(rng))


@compiled
def letter(rng, cumulative, first, last):
    """A letter among first … last − 1 by its cumulative weights, which run from 0 to 1 over them."""
    u = uniform(rng)
    while first < last - 1:
        middle = (first + last) // 2
        if u < cumulative[middle - 1]:
            last = middle
        else:
            first = middle
    return first
