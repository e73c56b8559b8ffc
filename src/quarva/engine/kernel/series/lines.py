"""Least-squares lines over time: slope, rsquare and resi. See `arithmetic` for the arguments and the method.

Let c be the mean of the days 1 … w. The slope only needs Σ(i − c)x_i. When the window moves by a day, the
weight i − c of each day decreases by one, so the plain prefix sum is subtracted from the weighted prefix sum.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import inverse_root, keep, slots
from quarva.engine.kernel.series.gaps import FLAT, NONE, least, survey
from quarva.engine.kernel.series.lanes import WIDTH, load, muladd, narrow, splat, store, where, widen
from quarva.karva.operators import CODE

NAMES = (
    "slope",
    "rsquare",
    "resi",
)
"""The operators of this file."""

SLOPE, RSQUARE = CODE["slope"], CODE["rsquare"]


@compiled
def full_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `full`."""
    return (3 * slots(w) + 4) * lanes, 0


@compiled
def full(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    """Apply an operator of this file to windows that are NaN unless they are full."""
    line(code, x, at, w, lanes, days, age, state, out, to)


@compiled
def gapped_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `gapped`."""
    return 0, 0


@compiled
def gapped(code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, order, out, to):
    """Apply an operator of this file to windows with gaps (see `gaps`)."""
    gapped_line(code, x, at, w, lanes, days, out, to)


@compiled
def line(code, x, at, w, lanes, days, age, state, out, to):
    """Compute slope, rsquare and resi.

    State of a strip: prefix and suffixes of Σ(i − c)(x − a), of Σ(x − a) and of Σ(x − a)²; then a.
    """
    rows = slots(w)
    part, share, half = (rows + 1) * WIDTH, splat(1.0 / w), splat(0.5 * (w - 1.0))
    less, inverse_time = splat(-1.0 / w), splat(12.0 / (w * (w * w - 1.0)))
    for strip in range(0, lanes, WIDTH):
        here = strip * (3 * rows + 4)
        p, o = at + strip, to + strip
        tilt, one, two = load(state, here), load(state, here + part), load(state, here + 2 * part)
        anchor = load(state, here + 3 * part)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                tilt, one, two, anchor = splat(0.0), splat(0.0), splat(0.0), widen(load(x, p))
                lay_tilted(x, p, w, lanes, anchor, state, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                d = widen(load(x, p)) - anchor
                tilt = tilt + (half * d - one)
                one, two = one + d, muladd(d, d, two)
                tilted, first = tilt + load(state, r), one + load(state, r + part)
                if code == SLOPE:
                    store(out, o, keep(narrow(tilted * inverse_time)))
                elif code == RSQUARE:
                    square = muladd(first, first * less, two + load(state, r + 2 * part))
                    fit = tilted * inverse_root(square)
                    fit = fit * fit * inverse_time
                    store(out, o, narrow(where(square > splat(0.0), fit, splat(np.nan))))
                else:
                    rest = (d - first * share) - tilted * inverse_time * half
                    store(out, o, keep(narrow(rest)))
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, tilt)
        store(state, here + part, one)
        store(state, here + 2 * part, two)
        store(state, here + 3 * part, anchor)


@compiled
def lay_tilted(x, p, w, lanes, anchor, state, here):
    """Write the suffixes. The days j, j + 1, … of suffix j are the days 1, 2, … of the window."""
    rows = slots(w)
    part, middle = (rows + 1) * WIDTH, splat(0.5 * (w + 1.0))
    rising, one, two = splat(0.0), splat(0.0), splat(0.0)
    for k in range(3):
        store(state, here + rows * WIDTH + k * part, one)
    for j in range(w - 1, 0, -1):
        d = widen(load(x, p - (w - j) * lanes)) - anchor
        one, two = one + d, muladd(d, d, two)
        rising = rising + one
        r = here + min(j, rows) * WIDTH
        store(state, r, rising - middle * one)
        store(state, r + part, one)
        store(state, r + 2 * part, two)


@compiled
def gapped_line(code, x, at, w, lanes, days, out, to):
    """Compute slope, rsquare and resi.

    Days are numbered 0 (today), −1, …; their sums are integers, so that cancellation loses no digits.
    """
    none = splat(0.0)
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        for _ in range(days):
            values, oldest = survey(x, p, w, lanes)
            n, anchor = widen(values), widen(oldest)
            one, two, time, time_2, tilt = none, none, none, none, none
            for k in range(w):
                v, day = load(x, p - k * lanes), splat(-1.0 * k)
                d, t = where(v == v, widen(v) - anchor, none), where(v == v, day, none)
                one, two, tilt = one + d, muladd(d, d, two), muladd(d, t, tilt)
                time, time_2 = time + t, muladd(t, t, time_2)
            mean, middle = one / n, time / n
            along, square = tilt - mean * time, two - mean * one
            width = time_2 - middle * time
            if code == SLOPE:
                found = along / width
            elif code == RSQUARE:
                fit = along * along / (square * width)
                found = where(square > splat(FLAT) * (n - splat(1.0)), fit, splat(NONE))
            else:
                found = (widen(load(x, p)) - anchor - mean) + middle * (along / width)
            store(out, o, keep(narrow(least(n, 2.0, found))))
            p, o = p + lanes, o + lanes
