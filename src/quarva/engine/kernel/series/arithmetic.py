"""Common method, arguments and arithmetic of the rolling kernels.

A rolling kernel computes all days of a strip of sixteen assets before the next strip, with its sums in
registers. Time is divided into blocks of w days from the first day of the chunk on. A window that ends at day
q of its block consists of the prefix of this block (days 0 … q) and the suffix of the previous block (its
days q + 1 … w − 1). All suffixes are computed when a block begins, from its last day backwards. The prefix
grows by one day at a time. Each window then takes one combination (van Herk 1992; Gil and Werman 1993, for
minima). Nothing is ever subtracted. Sums do not drift, a spike has no effect after it has left the window,
and NaN does not have to be counted, because it stays in the prefix or suffix that it is part of.

Moments are sums about an anchor a: the value on the first day of the block, which is part of every window of
the block. Σ(x − a)² is then at most w + 1 times Σ(x − mean)². Cancellation is therefore bounded by the length
of the window, the variance of a constant window is exactly 0, and if the anchor is NaN, so is every window.

The arguments of a rolling kernel are:

    x, at        float32, the operand. The first day to compute begins at x[at], and the day k days earlier
                 at x[at − k·lanes].
    w            the window
    lanes        number of assets of a row, a multiple of 16
    days, age    number of days to compute, and number of days of the chunk before them
    state        float64, and
    order        float32: scratch space by strips that keeps the block between two calls
    out, to      float32. The first result is written to out[to], and the result of each further day `lanes`
                 numbers later.

`out` may be the array of x at other indices. Arrays should be aligned to 64 bytes: a mean over 20 days takes
0.23 ns per cell then, and 0.32 ns if every vector crosses the boundary of a cache line.

References
----------
van Herk, M. (1992). A fast algorithm for local minimum and maximum filters on rectangular and octagonal
kernels. Pattern Recognition Letters 13.
Gil, J. and Werman, M. (1993). Computing 2-D min, median, and max filters. IEEE Transactions on Pattern
Analysis and Machine Intelligence 15.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.lanes import (
    inverse_root_guess,
    magnitude,
    muladd,
    splat,
    where,
)

CHUNK = 256
"""Maximal number of days of a chunk; `age` + `days` never exceeds it."""

NAN = np.float32(np.nan)
LARGEST = np.finfo(np.float32).max
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
INFINITE = np.float32(np.inf)


@compiled
def slots(w):
    """Number of rows for the suffixes. Suffix w is empty, and a chunk reads none beyond its length."""
    return min(w, CHUNK)


@compiled
def keep(v):
    """v as FLOATS, with NaN for values that are not finite."""
    return where(magnitude(v) <= splat(LARGEST), v, splat(NAN))


@compiled
def smaller(a, b):
    """Minimum of two FLOATS; NaN if one of them is."""
    return where((b < a) | (b != b), b, a)


@compiled
def inverse_root(v):
    """1/√v of DOUBLES with a relative error of 1e-12 for normal v > 0, and undefined otherwise.

    Two third-order steps improve a guess from the bits. They only take products and sums, while a square root
    and a division of sixteen lanes would occupy the divider for 80 cycles.
    """
    y = inverse_root_guess(v)
    a, b, c = splat(1.875), splat(-1.25), splat(0.375)
    t = v * (y * y)
    y = y * muladd(muladd(c, t, b), t, a)
    t = v * (y * y)
    return y * muladd(muladd(c, t, b), t, a)
