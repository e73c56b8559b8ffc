"""Random numbers inside kernels: SplitMix64, whose state is one 64-bit word.

Each island has a state of its own, so islands can be bred on any thread.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.decode import mix

__all__ = ["alias_tables", "below", "normal", "pick", "select", "uniform", "word"]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_SCALE = 2.0**-53
_LOW_SCALE = 2.0**-32
_LOW = np.uint64(2**32 - 1)
_ELEVEN, _HALF = np.uint64(11), np.uint64(32)


def alias_tables(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the tables of Walker's alias method, with which `pick` samples an index in constant time.

    Parameters
    ----------
    weights : float64 array, shape (n,)
        Weights, non-negative and not all 0; n is at most 2³².

    Returns
    -------
    probability : float64 array, shape (n,)
        Probability that column i yields i.
    alias : int64 array, shape (n,)
        Index that column i yields otherwise.

    References
    ----------
    Walker, "An Efficient Method for Generating Discrete Random Variables with General Distributions", 1977.
    Vose, "A Linear Algorithm for Generating Random Numbers with a Given Distribution", 1991.
    """
    n = len(weights)
    probability = weights * (n / weights.sum())
    alias = np.arange(n)
    small = [i for i in range(n) if probability[i] < 1.0]
    large = [i for i in range(n) if probability[i] >= 1.0]
    while small and large:
        taker, giver = small.pop(), large[-1]
        alias[taker] = giver
        probability[giver] -= 1.0 - probability[taker]
        if probability[giver] < 1.0:
            small.append(large.pop())
    # The remaining probabilities are 1 up to rounding, and their alias is their own index.
    return probability, alias


@intrinsic
def select(typing_context: Any, first: Any, a: Any, b: Any) -> Any:
    """Return a if first else b, without a branch.

    LLVM turns a select whose operands are computed late into a branch, and a mispredicted branch costs twenty
    cycles: a tournament of three took 44 ns with two branches and takes 14 ns without.
    """

    def generate(context, builder, signature, arguments):
        one = builder.select(*arguments)
        one.set_metadata("unpredictable", builder.module.add_metadata([]))
        return one

    return a(types.boolean, a, a), generate


@compiled
def word(rng):
    """Return 64 random bits and advance `rng`, uint64 of shape (1,) (Steele, Lea and Flood 2014)."""
    rng[0] += _STEP
    return mix(rng[0])


@compiled
def uniform(rng):
    """Return a number in [0, 1)."""
    return np.float64(word(rng) >> _ELEVEN) * _SCALE


@compiled
def below(rng, n):
    """Return an integer in 0 … n − 1, for n up to 2³², with a relative bias of at most n / 2³²."""
    return np.int64(((word(rng) >> _HALF) * np.uint64(n)) >> _HALF)


@compiled
def pick(rng, probability, alias):
    """Return an index sampled by the weights from which `alias_tables` made the tables."""
    bits = word(rng)
    i = np.int64(((bits >> _HALF) * np.uint64(probability.size)) >> _HALF)
    return select(np.float64(bits & _LOW) * _LOW_SCALE < probability[i], i, alias[i])


@compiled
def normal(rng):
    """Return a standard normal number (Box and Muller 1958)."""
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform(rng)))
    return radius * np.cos(2.0 * np.pi * uniform(rng))
