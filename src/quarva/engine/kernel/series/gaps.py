"""Shared parts of the kernels for windows with gaps: number of values, pivot, and rows of a window.

The arguments of a kernel are those of `series.arithmetic`. Moments and most other operators read the whole
window for each day, because the days that are missing differ between windows, and a block of days has no
common anchor. Sums, counts, sorted windows and `ema` are updated from day to day.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import NAN, ZERO
from quarva.engine.kernel.series.counts import one_if
from quarva.engine.kernel.series.lanes import load, splat, where

NONE = np.float64(np.nan)
FLAT = 2e-5**2
"""Qlib's rsquare and corr are NaN where the variance of a window is at most this."""


@compiled
def survey(x, p, w, lanes):
    """Number of values in the window that ends at x[p], and the oldest of them or NaN, as FLOATS."""
    n, oldest = splat(ZERO), splat(NAN)
    for k in range(w):
        v = load(x, p - k * lanes)
        n, oldest = n + one_if(v == v), where(v == v, v, oldest)
    return n, oldest


@compiled
def survey_both(x, p, y, s, w, lanes):
    """Number of days with both values, and the values of the oldest such day or NaN, as FLOATS."""
    n, a, b = splat(ZERO), splat(NAN), splat(NAN)
    for k in range(w):
        v, u = load(x, p - k * lanes), load(y, s - k * lanes)
        both = (v == v) & (u == u)
        n, a, b = n + one_if(both), where(both, v, a), where(both, u, b)
    return n, a, b


@compiled
def least(n, wanted, value):
    """`value` where n ≥ wanted, else NaN, as DOUBLES."""
    return where(n >= splat(wanted), value, splat(NONE))


@compiled
def rows_of(begins, at, day, w):
    """Number of rows, 0 … w, since the asset began in the window that ends on day `day`, as FLOATS."""
    rows = splat(np.float32(day + 1)) - load(begins, at)
    rows = where(rows > splat(ZERO), rows, splat(ZERO))
    return where(rows < splat(np.float32(w)), rows, splat(np.float32(w)))
