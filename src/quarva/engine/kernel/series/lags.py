"""Lags: ref, delta and pct_change. See `arithmetic` for the arguments. There is no state."""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import LARGEST, ONE, keep
from quarva.engine.kernel.series.lanes import WIDTH, load, magnitude, splat, store, where
from quarva.karva.operators import CODE

NAMES = (
    "ref",
    "delta",
    "pct_change",
)
"""The operators of this file."""

REF, DELTA = CODE["ref"], CODE["delta"]


@compiled
def full_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `full`."""
    return 0, 0


@compiled
def full(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    """Apply an operator of this file to windows that are NaN unless they are full."""
    lag(code, x, at, w, lanes, days, out, to)


@compiled
def gapped_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `gapped`."""
    return 0, 0


@compiled
def gapped(code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, order, out, to):
    """Apply an operator of this file to windows with gaps (see `gaps`)."""
    lag(code, x, at, w, lanes, days, out, to)


@compiled
def lag(code, x, at, w, lanes, days, out, to):
    """Compute ref, delta and pct_change. Days are contiguous in memory, so there is no loop over strips."""
    back = w * lanes
    for i in range(0, days * lanes, WIDTH):
        old = load(x, at - back + i)
        if code == REF:
            store(out, to + i, old)
        elif code == DELTA:
            store(out, to + i, keep(load(x, at + i) - old))
        else:
            store(out, to + i, relative(load(x, at + i), old))


@compiled
def relative(new, old):
    """new / old − 1 in float32; NaN where old is 0.

    It is computed as (new − old) / old to avoid cancellation. If the difference overflows, new / old − 1 does
    not cancel.
    """
    change = new - old
    fits = magnitude(change) <= splat(LARGEST)
    part = where(fits, change, new) / old
    return keep(where(fits, part, part - splat(ONE)))
