"""Rolling order statistics: median, quantile and ts_rank. See `arithmetic` for the arguments.

Each takes a few instructions per day of the window for sixteen assets. The cost of a search tree grows only
with the logarithm of the window, but a tree processes one asset at a time and mispredicts a branch at every
level.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import INFINITE, NAN, ONE, ZERO
from quarva.engine.kernel.series.counts import absent, one_if
from quarva.engine.kernel.series.gaps import least
from quarva.engine.kernel.series.lanes import (
    WIDTH,
    as_floats,
    floor,
    load,
    narrow,
    no_counts,
    ones,
    splat,
    store,
    where,
    widen,
)
from quarva.engine.kernel.vectors.float32 import exact_share
from quarva.karva.operators import CODE

NAMES = (
    "ts_rank",
    "median",
    "quantile",
)
"""The operators of this file."""

TS_RANK, MEDIAN = CODE["ts_rank"], CODE["median"]


@compiled
def full_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `full`."""
    return 0, (lanes if code == TS_RANK else (w + 1) * lanes)


@compiled
def full(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    """Apply an operator of this file to windows that are NaN unless they are full."""
    if code == TS_RANK:
        ts_rank(x, at, w, lanes, days, age, order, out, to)
    else:
        q = 0.5 if code == MEDIAN else exact_share(share)
        quantile(x, at, w, q, lanes, days, age, order, out, to)


@compiled
def gapped_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `gapped`."""
    return 0, (0 if code == TS_RANK else (w + 1) * lanes)


@compiled
def gapped(code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, order, out, to):
    """Apply an operator of this file to windows with gaps (see `gaps`)."""
    if code == TS_RANK:
        gapped_ts_rank(x, at, w, lanes, days, out, to)
    else:
        q = 0.5 if code == MEDIAN else exact_share(share)
        gapped_quantile(x, at, w, q, lanes, days, age, order, out, to)


@compiled
def ts_rank(x, at, w, lanes, days, age, order, out, to):
    """Compute ts_rank by counting smaller and not larger values. Order of a strip: number of NaN."""
    twice = splat(np.float32(2 * w))
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        missing = load(order, strip)
        if age == 0:
            missing = absent(x, p, w, lanes)
        for _ in range(days):
            v, old = load(x, p), load(x, p - w * lanes)
            missing = missing + (one_if(v != v) - one_if(old != old))
            below, not_above = no_counts(), no_counts()
            r = p
            for _ in range(1, w):
                r -= lanes
                other = load(x, r)
                below = below + ones(other < v)
                not_above = not_above + ones(other <= v)
            # Twice the average rank is below + not_above + 1, where not_above includes today.
            rank = (as_floats(below + not_above) + splat(ONE + ONE)) / twice
            store(out, o, where(missing > splat(ZERO), splat(NAN), rank))
            p, o = p + lanes, o + lanes
        store(order, strip, missing)


@compiled
def quantile(x, at, w, share, lanes, days, age, order, out, to):
    """Compute the quantile `share` of each window, with linear interpolation.

    Order of a strip: the values of the window in ascending order, with infinity for NaN, followed by a row of
    infinity.
    """
    height = share * (w - 1)
    low = min(int(height), w - 1)
    high, part = min(low + 1, w - 1), splat(height - low)
    infinite = splat(INFINITE)
    for strip in range(0, lanes, WIDTH):
        here = strip * (w + 1)
        p, o = at + strip, to + strip
        if age == 0:
            lay_sorted(x, p, w, lanes, order, here)
        for _ in range(days):
            replace(order, here, w, or_infinite(load(x, p - w * lanes)), or_infinite(load(x, p)))
            a = widen(load(order, here + low * WIDTH))
            b = widen(load(order, here + high * WIDTH))
            full = load(order, here + (w - 1) * WIDTH) < infinite
            store(out, o, where(full, narrow(a + (b - a) * part), splat(NAN)))
            p, o = p + lanes, o + lanes


@compiled
def lay_sorted(x, p, w, lanes, order, here):
    """Write the w days before x[p] in ascending order, with infinity for NaN, and a row of infinity."""
    for k in range(w):
        store(order, here + k * WIDTH, or_infinite(load(x, p - (k + 1) * lanes)))
    store(order, here + w * WIDTH, splat(INFINITE))
    sort(order, here, w)


@compiled
def or_infinite(v):
    """FLOATS with infinity for NaN."""
    return where(v == v, v, splat(INFINITE))


@compiled
def replace(order, here, w, old, new):
    """Replace `old` by `new` in w sorted rows; row w is infinite.

    Without `old`, the rows are kept[k] = s[k] if s[k] < old, else s[k + 1]. With `new` inserted, they are
    min(max(kept[k − 1], new), kept[k]). Lanes are independent, and there is no branch.
    """
    before = splat(-INFINITE)
    row = load(order, here)
    for k in range(w):
        r = here + k * WIDTH
        above = load(order, r + WIDTH)
        kept = where(row < old, row, above)
        larger = where(before > new, before, new)
        store(order, r, where(larger < kept, larger, kept))
        before, row = kept, above


@compiled
def sort(order, here, n):
    """Sort n rows lane by lane with Batcher's merge exchange (Knuth, volume 3, algorithm 5.2.2 M)."""
    top = 1
    while top < n:
        top *= 2
    top //= 2
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            for i in range(n - d):
                if i & p == r:
                    at, other = here + i * WIDTH, here + (i + d) * WIDTH
                    a, b = load(order, at), load(order, other)
                    store(order, at, where(a < b, a, b))
                    store(order, other, where(a < b, b, a))
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2


@compiled
def gapped_ts_rank(x, at, w, lanes, days, out, to):
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        for _ in range(days):
            today = load(x, p)
            below, not_above, n = no_counts(), no_counts(), splat(ZERO)
            for k in range(w):
                v = load(x, p - k * lanes)
                below, not_above = below + ones(v < today), not_above + ones(v <= today)
                n = n + one_if(v == v)
            rank = (as_floats(below + not_above) + splat(ONE)) / (n + n)
            store(out, o, where(today == today, rank, splat(NAN)))
            p, o = p + lanes, o + lanes


@compiled
def gapped_quantile(x, at, w, share, lanes, days, age, order, out, to):
    """Compute the quantile `share` of each window. Order of a strip: as in `quantile`."""
    infinite, part = splat(INFINITE), splat(share)
    for strip in range(0, lanes, WIDTH):
        here = strip * (w + 1)
        p, o = at + strip, to + strip
        if age == 0:
            lay_sorted(x, p, w, lanes, order, here)
        for _ in range(days):
            replace(order, here, w, or_infinite(load(x, p - w * lanes)), or_infinite(load(x, p)))
            values = no_counts()
            for k in range(w):
                values = values + ones(load(order, here + k * WIDTH) < infinite)
            n = as_floats(values)
            height = part * widen(n - splat(ONE))
            below = floor(height)
            lower = narrow(below)
            upper = lower + splat(ONE)
            low, high = load(order, here), splat(NAN)
            for k in range(1, w):
                row, place = load(order, here + k * WIDTH), splat(np.float32(k))
                low, high = where(place == lower, row, low), where(place == upper, row, high)
            rest = height - below
            found = widen(low) + (widen(high) - widen(low)) * rest
            found = where(rest > splat(0.0), found, widen(low))
            store(out, o, narrow(least(widen(n), 1.0, found)))
            p, o = p + lanes, o + lanes
