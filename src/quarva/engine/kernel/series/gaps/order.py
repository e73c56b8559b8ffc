"""Extremes, ranks, quantiles and changes of sign over gaps (arguments: see `window`)."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import INFINITE, NAN, ONE, ZERO
from quarva.engine.kernel.series.counts import changes, one_if
from quarva.engine.kernel.series.gaps.window import least, rows_of
from quarva.engine.kernel.series.lags import relative
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
from quarva.engine.kernel.series.order import lay_sorted, or_infinite, replace
from quarva.karva.operators import CODE

TS_MIN, DRAWDOWN = CODE["ts_min"], CODE["drawdown"]
TS_ARGMIN, DAYS_SINCE_MIN, DAYS_SINCE_MAX = CODE["ts_argmin"], CODE["days_since_min"], CODE["days_since_max"]
BELOW_ALL = np.float32(-1)


@compiled
def extreme(code, x, at, w, lanes, days, out, to):
    """ts_min, ts_max, drawdown: the largest is the smallest of the negatives."""
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
def place_of_extreme(code, x, at, w, lanes, days, begins, begins_at, day, out, to):
    """ts_argmin, ts_argmax (of rows with a gap: the place of the oldest gap) and the days since."""
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


@compiled
def ts_rank(x, at, w, lanes, days, out, to):
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
def sign_changes(x, at, w, lanes, days, out, to):
    """Between neighbouring days that both have a value."""
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


@compiled
def quantile(x, at, w, share, lanes, days, age, order, out, to):
    """Order of a strip: the window's values, smallest first, NaN as infinity; a row of infinity."""
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
