"""Rolling extremes: ts_min, ts_max, drawdown and their positions.

See `arithmetic` for the arguments and the method. A maximum is computed as the minimum of the negatives:
`turn` is 1 for minima and −1 for maxima.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import INFINITE, NAN, ONE, ZERO, slots, smaller
from quarva.engine.kernel.series.gaps import rows_of
from quarva.engine.kernel.series.lags import relative
from quarva.engine.kernel.series.lanes import (
    WIDTH,
    load,
    splat,
    store,
    where,
)
from quarva.karva.operators import CODE

NAMES = (
    "ts_min",
    "ts_max",
    "drawdown",
    "ts_argmin",
    "ts_argmax",
    "days_since_min",
    "days_since_max",
)
"""The operators of this file."""

TS_MIN, TS_MAX, DRAWDOWN = CODE["ts_min"], CODE["ts_max"], CODE["drawdown"]
TS_ARGMIN, DAYS_SINCE_MIN = CODE["ts_argmin"], CODE["days_since_min"]
DAYS_SINCE_MAX = CODE["days_since_max"]
BELOW_ALL = np.float32(-1)


@compiled
def full_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `full`."""
    rows = slots(w) + 1
    return 0, (rows if code == TS_MIN or code == TS_MAX or code == DRAWDOWN else 2 * rows) * lanes


@compiled
def full(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    """Apply an operator of this file to windows that are NaN unless they are full."""
    if code == TS_MIN or code == TS_MAX or code == DRAWDOWN:
        extreme(code, x, at, w, lanes, days, age, order, out, to)
    else:
        place_of_extreme(code, x, at, w, lanes, days, age, order, out, to)


@compiled
def gapped_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `gapped`."""
    return 0, 0


@compiled
def gapped(code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, order, out, to):
    """Apply an operator of this file to windows with gaps (see `gaps`)."""
    if code == TS_MIN or code == TS_MAX or code == DRAWDOWN:
        gapped_extreme(code, x, at, w, lanes, days, out, to)
    else:
        gapped_place_of_extreme(code, x, at, w, lanes, days, begins, begins_at, day, out, to)


@compiled
def extreme(code, x, at, w, lanes, days, age, order, out, to):
    """Compute ts_min, ts_max and drawdown. Order of a strip: prefix, suffixes."""
    rows = slots(w)
    turn = splat(ONE if code == TS_MIN else -ONE)
    for strip in range(0, lanes, WIDTH):
        here = strip * (rows + 1)
        p, o = at + strip, to + strip
        least = load(order, here)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                least = splat(INFINITE)
                lay_extremes(x, p, w, lanes, turn, order, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                today = load(x, p)
                least = smaller(least, today * turn)
                found = smaller(least, load(order, r)) * turn
                store(out, o, relative(today, found) if code == DRAWDOWN else found)
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(order, here, least)


@compiled
def lay_extremes(x, p, w, lanes, turn, order, here):
    """Write the suffixes of the block before the one that begins at x[p]."""
    rows = slots(w)
    least = splat(INFINITE)
    store(order, here + rows * WIDTH, least)
    for j in range(w - 1, 0, -1):
        least = smaller(least, load(x, p - (w - j) * lanes) * turn)
        store(order, here + min(j, rows) * WIDTH, least)


@compiled
def place_of_extreme(code, x, at, w, lanes, days, age, order, out, to):
    """Compute ts_argmin, ts_argmax, days_since_min and days_since_max. Of equal values, the oldest counts.

    Order of a strip: the minima of the prefix and the suffixes, then their days, counted from the first day
    of the block.
    """
    rows = slots(w)
    part = (rows + 1) * WIDTH
    turn = splat(ONE if code == TS_ARGMIN or code == DAYS_SINCE_MIN else -ONE)
    since = code == DAYS_SINCE_MIN or code == DAYS_SINCE_MAX
    sign = splat(-ONE if since else ONE)
    for strip in range(0, lanes, WIDTH):
        here = 2 * strip * (rows + 1)
        p, o = at + strip, to + strip
        least, when = load(order, here), load(order, here + part)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                least, when = splat(INFINITE), splat(ZERO)
                lay_places(x, p, w, lanes, turn, order, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for day in range(q, stop):
                v = load(x, p) * turn
                newer = (v < least) | (v != v)
                least, when = where(newer, v, least), where(newer, splat(np.float32(day)), when)
                older, its_day = load(order, r), load(order, r + part)
                found = where(least < older, when, its_day)
                # Days before today, or the position from the window's oldest day on, which is day − w + 1.
                shift = splat(np.float32(day if since else w - day))
                known = (least == least) & (older == older)
                store(out, o, where(known, found * sign + shift, splat(NAN)))
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(order, here, least)
        store(order, here + part, when)


@compiled
def lay_places(x, p, w, lanes, turn, order, here):
    """Write the suffixes of the block before the one that begins at x[p], with the days of the extremes."""
    rows = slots(w)
    part = (rows + 1) * WIDTH
    least, when = splat(INFINITE), splat(ZERO)
    store(order, here + rows * WIDTH, least)
    store(order, here + rows * WIDTH + part, when)
    for j in range(w - 1, 0, -1):
        v = load(x, p - (w - j) * lanes) * turn
        younger = (least < v) | (least != least)
        least, when = where(younger, least, v), where(younger, when, splat(np.float32(j - w)))
        r = here + min(j, rows) * WIDTH
        store(order, r, least)
        store(order, r + part, when)


@compiled
def gapped_extreme(code, x, at, w, lanes, days, out, to):
    """Compute ts_min, ts_max and drawdown. A maximum is computed as the minimum of the negatives."""
    turn, infinite = splat(ONE if code == TS_MIN else -ONE), splat(INFINITE)
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        for _ in range(days):
            smallest = infinite
            for k in range(w):
                v = load(x, p - k * lanes) * turn
                smallest = where(v < smallest, v, smallest)
            found = where(smallest < infinite, smallest * turn, splat(NAN))
            store(out, o, relative(load(x, p), found) if code == DRAWDOWN else found)
            p, o = p + lanes, o + lanes


@compiled
def gapped_place_of_extreme(code, x, at, w, lanes, days, begins, begins_at, day, out, to):
    """Compute ts_argmin, ts_argmax, days_since_min, days_since_max.

    As in Qlib, ts_argmin and ts_argmax are the position of the oldest missing row if there is one.
    """
    turn = splat(ONE if code == TS_ARGMIN or code == DAYS_SINCE_MIN else -ONE)
    since = code == DAYS_SINCE_MIN or code == DAYS_SINCE_MAX
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        for i in range(days):
            rows = rows_of(begins, begins_at + strip, day + i, w)
            smallest, when, gap = splat(INFINITE), splat(BELOW_ALL), splat(BELOW_ALL)
            for k in range(w):
                v, age = load(x, p - k * lanes) * turn, splat(np.float32(k))
                older = v <= smallest
                smallest, when = where(older, v, smallest), where(older, age, when)
                gap = where((v != v) & (age < rows), age, gap)
            if since:
                found = when
            else:
                found = rows - where(gap > splat(BELOW_ALL), gap, when)
            store(out, o, where(when > splat(BELOW_ALL), found, splat(NAN)))
            p, o = p + lanes, o + lanes
