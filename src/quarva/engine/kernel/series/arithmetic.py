"""What the rolling kernels share: arithmetic on lanes that keeps the rules for NaN.

A rolling kernel walks the days of one strip of sixteen assets after the other, with its sums in registers.
Time is cut into blocks of w days from the chunk's first day on; a window that ends at place q of its block
is the block's prefix (days 0 … q) and the former block's suffix (its days q+1 … w−1). Suffixes are laid when
a block begins, from its last day backwards, prefixes grow by a day, and a window costs one combination (van
Herk 1992; Gil and Werman 1993, for minima). Nothing is ever subtracted: no drift, a spike that left the
window leaves no trace, and NaN needs no counting, for it stays in the prefix or suffix that it entered.

Moments are sums about an anchor, the value on the block's first day, which every window of the block holds:
Σ(x − a)² is then at most w + 1 times Σ(x − mean)², so that what cancels is bounded by the window's length, a
constant window has a variance of exactly 0, and where the anchor is NaN so is every window.

A rolling kernel has the arguments
    x, at: float32, the operand: the first day asked for begins at x[at], the day k before at x[at − k·lanes];
    w: the window; lanes: assets of a row, a multiple of 16;
    days, age: how many days to compute, and how many days the chunk had before them;
    state: float64, order: float32, scratch that keeps the block between calls, by strips (`SLOTS`);
    out, to: float32, the first result goes to out[to], the next day's `lanes` behind it.
`out` may be the array of x, at other places. Arrays should begin at multiples of 64 bytes: a mean of 20 days
takes 0.23 ns a cell there, and 0.32 where every vector lies across two lines of the cache.
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
"""Most days of a chunk: `age` and `days` together never exceed it."""

NAN = np.float32(np.nan)
LARGEST = np.finfo(np.float32).max
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
INFINITE = np.float32(np.inf)


@compiled
def slots(w):
    """Rows that suffixes take, 1 … slots: suffix w is empty, and no chunk reads one beyond its length."""
    return min(w, CHUNK)


@compiled
def keep(v):
    """FLOATS, NaN where not finite."""
    return where(magnitude(v) <= splat(LARGEST), v, splat(NAN))


@compiled
def smaller(a, b):
    """The smaller of two FLOATS; NaN if either is."""
    return where((b < a) | (b != b), b, a)


@compiled
def inverse_root(v):
    """1/√v of DOUBLES, within 1e-12 of itself for normal v > 0; of no meaning elsewhere.

    Two steps of third order from a guess by bits: products and sums alone, where a root and a division of
    sixteen lanes would occupy the divider for 80 cycles.
    """
    y = inverse_root_guess(v)
    a, b, c = splat(1.875), splat(-1.25), splat(0.375)
    t = v * (y * y)
    y = y * muladd(muladd(c, t, b), t, a)
    t = v * (y * y)
    return y * muladd(muladd(c, t, b), t, a)
