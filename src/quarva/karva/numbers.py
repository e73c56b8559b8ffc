"""Rounding of numbers to float32."""

import math
import struct

__all__ = ["nearest_float32"]


def nearest_float32(value: float) -> float:
    """Return the float32 nearest to a number; infinite if it is too large."""
    # struct rounds as NumPy does, and spares the notations a slow import.
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)
