"""What a window with gaps holds: how many values, and one of them.

The arguments of a kernel are those of `series.arithmetic`. Every day walks its window anew (but `ema`, and
the sorted windows): what a day skips changes from window to window, so that no block has an anchor.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import NAN, ZERO
from quarva.engine.kernel.series.counts import one_if
from quarva.engine.kernel.series.lanes import load, splat, where

NONE = np.float64(np.nan)
FLAT = 2e-5**2
"""Qlib gives no rsquare and no corr where a window's variance is at most this."""


@compiled
def survey(x, p, w, lanes):
    """FLOATS: the number of values in the window whose last day is at x[p], and the oldest (or NaN)."""
    n, oldest = splat(ZERO), splat(NAN)
    for k in range(w):
        v = load(x, p - k * lanes)
        n, oldest = n + one_if(v == v), where(v == v, v, oldest)
    return n, oldest


@compiled
def survey_both(x, p, y, s, w, lanes):
    """FLOATS: the number of days with both values, and the oldest day's two."""
    n, a, b = splat(ZERO), splat(NAN), splat(NAN)
    for k in range(w):
        v, u = load(x, p - k * lanes), load(y, s - k * lanes)
        both = (v == v) & (u == u)
        n, a, b = n + one_if(both), where(both, v, a), where(both, u, b)
    return n, a, b


@compiled
def least(n, wanted, value):
    """DOUBLES `value` where n ≥ wanted, else NaN."""
    return where(n >= splat(wanted), value, splat(NONE))


@compiled
def rows_of(begins, at, day, w):
    """FLOATS: how many rows of the window that ends on panel day `day` each asset has had, 0 … w."""
    rows = splat(np.float32(day + 1)) - load(begins, at)
    rows = where(rows > splat(ZERO), rows, splat(ZERO))
    return where(rows < splat(np.float32(w)), rows, splat(np.float32(w)))
