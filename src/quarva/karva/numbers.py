"""Numbers of formulas: what float32 makes of a number, and the shortest decimal that stands for a float32."""

import math
import struct

__all__ = ["nearest_float32", "shortest_decimal"]


def nearest_float32(value: float) -> float:
    """Return the float32 nearest to a number; infinite if it is too large."""
    # struct rounds as NumPy does, and spares the notations a slow import.
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def shortest_decimal(value: float) -> float:
    """Return the number with the fewest decimal digits that float32 rounds as it rounds `value`.

    A float32 constant such as 0.100000001490116 is written, and in float64 computed, as 0.1.
    """
    near = nearest_float32(value)
    if not math.isfinite(near):
        return near
    tried = (float(f"{near:.{digits}g}") for digits in range(1, 18))
    return next(short for short in tried if nearest_float32(short) == near)
