"""Random numbers inside kernels: SplitMix64, one word of state, so that islands can be bred on any thread."""

import numpy as np
from numpy.typing import NDArray

from quarva.compiled import compiled
from quarva.karva.decode import mix

_STEP = np.uint64(0x9E3779B97F4A7C15)
_SCALE = 2.0**-53
_LOW_SCALE = 2.0**-32
_LOW = np.uint64(2**32 - 1)
_ELEVEN, _HALF = np.uint64(11), np.uint64(32)


def alias(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Walker's tables: with them `pick` draws i with probability weights[i] / Σ weights at a fixed cost.

    Args:
        weights: float64 of shape (n,), 0 or more, not all 0; n at most 2³².

    Returns:
        Chance that a column gives its own number, and the number that it gives otherwise, both of shape (n,).

    Source: Walker 1977; Vose 1991.
    """
    n = len(weights)
    chance = weights * (n / weights.sum())
    other = np.arange(n)
    poor = [i for i in range(n) if chance[i] < 1.0]
    rich = [i for i in range(n) if chance[i] >= 1.0]
    while poor and rich:
        taker, giver = poor.pop(), rich[-1]
        other[taker] = giver
        chance[giver] -= 1.0 - chance[taker]
        if chance[giver] < 1.0:
            poor.append(rich.pop())
    # What is left of either kind is 1 but for rounding, and other[i] is i.
    return chance, other


@compiled
def word(rng):
    """64 random bits; `rng` is uint64 of shape (1,) and moves on (Steele, Lea and Flood 2014)."""
    rng[0] += _STEP
    return mix(rng[0])


@compiled
def uniform(rng):
    """A number in [0, 1)."""
    return np.float64(word(rng) >> _ELEVEN) * _SCALE


@compiled
def below(rng, n):
    """An integer in 0 … n − 1, for n up to 2³²: of 32 bits, so that none is likelier by more than n / 2³²."""
    return np.int64(((word(rng) >> _HALF) * np.uint64(n)) >> _HALF)


@compiled
def pick(rng, chance, other):
    """An integer by the weights that `alias` made the tables of."""
    bits = word(rng)
    i = np.int64(((bits >> _HALF) * np.uint64(chance.size)) >> _HALF)
    keep = np.float64(bits & _LOW) * _LOW_SCALE < chance[i]
    return other[i] + np.int64(keep) * (i - other[i])  # a branch would be foreseen half the time


@compiled
def normal(rng):
    """A standard normal number (Box and Muller 1958)."""
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform(rng)))
    return radius * np.cos(2.0 * np.pi * uniform(rng))
