"""Rolling counts: count and sign_changes. See `arithmetic` for the arguments.

Counts of days are integers and exact in float32. Only here, days that leave the window are subtracted.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import NAN, ONE, ZERO
from quarva.engine.kernel.series.lanes import (
    WIDTH,
    load,
    splat,
    store,
    where,
)
from quarva.karva.operators import CODE

NAMES = (
    "count",
    "sign_changes",
)
"""The operators of this file."""

COUNT = CODE["count"]


@compiled
def full_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `full`."""
    return 0, 2 * lanes


@compiled
def full(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    """Apply an operator of this file to windows that are NaN unless they are full."""
    tally(code, x, at, w, lanes, days, age, order, out, to)


@compiled
def gapped_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `gapped`."""
    return 0, (2 * lanes if code == COUNT else 0)


@compiled
def gapped(code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, order, out, to):
    """Apply an operator of this file to windows with gaps (see `gaps`)."""
    if code == COUNT:
        tally(code, x, at, w, lanes, days, age, order, out, to)
    else:
        gapped_sign_changes(x, at, w, lanes, days, out, to)


@compiled
def one_if(mask):
    """FLOATS that are 1 where the mask is true, else 0."""
    return where(mask, splat(ONE), splat(ZERO))


@compiled
def absent(x, p, w, lanes):
    """Number of NaN among the w days before the one at x[p], as FLOATS."""
    n = splat(ZERO)
    for k in range(1, w + 1):
        v = load(x, p - k * lanes)
        n = n + one_if(v != v)
    return n


@compiled
def changes(v, before):
    """1 if the signs of two days differ, else 0; the result is arbitrary if one of them is NaN."""
    zero = splat(ZERO)
    return one_if(((v > zero) ^ (before > zero)) | ((v < zero) ^ (before < zero)))


@compiled
def tally(code, x, at, w, lanes, days, age, order, out, to):
    """Compute count and sign_changes.

    Order of a strip: number of NaN in the window, and number of sign changes in it.
    """
    full = splat(np.float32(w))
    for strip in range(0, lanes, WIDTH):
        here = 2 * strip
        p, o = at + strip, to + strip
        missing, flips = load(order, here), load(order, here + WIDTH)
        if age == 0:
            missing, flips = absent(x, p, w, lanes), splat(ZERO)
            for k in range(1, w):
                flips = flips + changes(load(x, p - k * lanes), load(x, p - (k + 1) * lanes))
        back = w * lanes
        for _ in range(days):
            v, old = load(x, p), load(x, p - back)
            missing = missing + (one_if(v != v) - one_if(old != old))
            if code == COUNT:
                store(out, o, full - missing)
            else:
                leaves = changes(load(x, p - back + lanes), old)
                flips = flips + (changes(v, load(x, p - lanes)) - leaves)
                store(out, o, where(missing > splat(ZERO), splat(NAN), flips))
            p, o = p + lanes, o + lanes
        store(order, here, missing)
        store(order, here + WIDTH, flips)


@compiled
def gapped_sign_changes(x, at, w, lanes, days, out, to):
    """Count sign changes between consecutive days that both have a value."""
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        for _ in range(days):
            v = load(x, p)
            n, flips = one_if(v == v), splat(ZERO)
            for k in range(1, w):
                before = load(x, p - k * lanes)
                known = (v == v) & (before == before)
                flips = flips + where(known, changes(v, before), splat(ZERO))
                n, v = n + one_if(before == before), before
            store(out, o, where(n > splat(ZERO), flips, splat(NAN)))
            p, o = p + lanes, o + lanes
