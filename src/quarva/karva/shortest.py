"""The shortest decimal that rounds to a given float32, in which constants are written."""

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled

__all__ = ["shortest_decimals"]

_DIGITS = 9  # that identify every float32
_POWERS = 10.0 ** np.arange(23)  # exact in float64
_LEAST, _MOST = 1e-13, 1e13  # between these, all powers of ten that are needed are exact


def shortest_decimals(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the shortest decimal that rounds to each float32, as float64.

    Formulas show a constant 0.100000001490116 as 0.1. Computations in float64 have to use 0.1 as well.

    Parameters
    ----------
    values : ndarray of float32
        The numbers.

    Returns
    -------
    ndarray of float64, same shape
        NaN and infinite numbers are unchanged.
    """
    flat = np.ascontiguousarray(values, np.float32).reshape(-1)
    out = np.empty(flat.size)
    _shorten(flat, _POWERS, out)
    size = np.abs(out)
    for k in np.flatnonzero(np.isfinite(out) & (out != 0) & ((size < _LEAST) | (size > _MOST))):
        tried = (float(f"{flat[k]:.{digits}g}") for digits in range(1, _DIGITS + 1))
        out[k] = next(short for short in tried if np.float32(short) == flat[k])
    return out.reshape(np.shape(values))


@compiled
def _shorten(values, powers, out):
    """Shorten all numbers that are 0 or between `_LEAST` and `_MOST`, and copy the others."""
    for i in range(values.size):
        value = np.float64(values[i])
        out[i] = value
        if not _LEAST <= abs(value) <= _MOST:
            continue
        places = -np.int64(np.floor(np.log10(abs(value))))
        for digits in range(_DIGITS):
            # Both sides of the division or product are exact, so its result is the float64 of the decimal.
            if places + digits >= 0:
                power = powers[places + digits]
                short = np.rint(value * power) / power
            else:
                power = powers[-places - digits]
                short = np.rint(value / power) * power
            if np.float32(short) == values[i]:
                out[i] = short
                break
