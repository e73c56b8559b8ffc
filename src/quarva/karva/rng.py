"""Random numbers inside kernels: SplitMix64, one word of state, so that islands can be bred on any thread."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
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


@intrinsic
def choose(typing_context: Any, first: Any, a: Any, b: Any) -> Any:
    """a if first else b, without a branch.

    LLVM makes branches of choices whose numbers come late, and one that goes this way or that at random costs
    twenty cycles: a tournament of three took 44 ns with two of them, and takes 14 with none.
    """

    def generate(context, builder, signature, arguments):
        one = builder.select(*arguments)
        one.set_metadata("unpredictable", builder.module.add_metadata([]))
        return one

    return a(types.boolean, a, a), generate


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
    return choose(np.float64(bits & _LOW) * _LOW_SCALE < chance[i], i, other[i])


@compiled
def normal(rng):
    """A standard normal number (Box and Muller 1958)."""
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform(rng)))
    return radius * np.cos(2.0 * np.pi * uniform(rng))
