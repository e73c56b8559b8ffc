"""Means and sums over gaps: mean, sum, decay_linear, product, ema (arguments: see `window`)."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import ZERO, keep, slots
from quarva.engine.kernel.series.counts import absent, one_if
from quarva.engine.kernel.series.gaps.window import NONE, least, rows_of
from quarva.engine.kernel.series.lanes import (
    WIDTH,
    exponent,
    load,
    narrow,
    power_of_two,
    splat,
    store,
    where,
    widen,
)
from quarva.engine.kernel.series.sums import bounded
from quarva.karva.operators import CODE

MEAN = CODE["mean"]
LIGHTEST = 1e-290  # a weight does not fall below it in a long gap: products of denormal numbers are slow


@compiled
def or_zero(v):
    """DOUBLES of FLOATS, 0 for NaN."""
    return widen(where(v == v, v, splat(ZERO)))


@compiled
def total(code, x, at, w, lanes, days, age, state, order, out, to):
    """sum and mean: blocks as in `sums.total`, with 0 for a missing day.

    State of a strip: prefix, suffixes. Order: days of the window that are NaN.
    """
    rows = slots(w)
    full = splat(np.float32(w))
    for strip in range(0, lanes, WIDTH):
        here = strip * (rows + 1)
        p, o = at + strip, to + strip
        prefix, missing = load(state, here), load(order, strip)
        if age == 0:
            missing = absent(x, p, w, lanes)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                prefix = splat(0.0)
                lay_sums(x, p, w, lanes, state, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                v, old = load(x, p), load(x, p - w * lanes)
                missing = missing + (one_if(v != v) - one_if(old != old))
                prefix = prefix + or_zero(v)
                n, both = widen(full - missing), prefix + load(state, r)
                store(out, o, keep(narrow(least(n, 1.0, both / n if code == MEAN else both))))
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, prefix)
        store(order, strip, missing)


@compiled
def lay_sums(x, p, w, lanes, state, here):
    rows = slots(w)
    suffix = splat(0.0)
    store(state, here + rows * WIDTH, suffix)
    for j in range(w - 1, 0, -1):
        suffix = suffix + or_zero(load(x, p - (w - j) * lanes))
        store(state, here + min(j, rows) * WIDTH, suffix)


@compiled
def decay_linear(x, at, w, lanes, days, begins, begins_at, day, out, to):
    """Σ (L − k) x_k / (L (L + 1) / 2) / n, L the rows that the asset has had of the window."""
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        for i in range(days):
            rows = widen(rows_of(begins, begins_at + strip, day + i, w))
            n, weight, one = splat(0.0), rows, splat(0.0)
            for k in range(w):
                v = load(x, p - k * lanes)
                one = one + where(v == v, widen(v) * weight, splat(0.0))
                n = n + where(v == v, splat(1.0), splat(0.0))
                weight = weight - splat(1.0)
            mean = one / (rows * (rows + splat(1.0)) * splat(0.5) * n)
            store(out, o, keep(narrow(least(n, 1.0, mean))))
            p, o = p + lanes, o + lanes


@compiled
def product(x, at, w, lanes, days, out, to):
    """As m · 2^e: see `sums.product`."""
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        for _ in range(days):
            n, m, e = splat(0.0), splat(1.0), splat(0.0)
            for k in range(w):
                v = load(x, p - k * lanes)
                m = m * where(v == v, widen(v), splat(1.0))
                n = n + where(v == v, splat(1.0), splat(0.0))
                e = e + exponent(m)
                m = bounded(m)
            e = where(e > splat(300.0), splat(300.0), e)
            e = where(e < splat(-300.0), splat(-300.0), e)
            store(out, o, keep(narrow(least(n, 1.0, m * power_of_two(e)))))
            p, o = p + lanes, o + lanes


@compiled
def ema(x, at, w, lanes, days, day, state, out, to):
    """Weights by age in days; missing days carry the last mean on. State of a strip: mean, weight.

    The mean depends on all days since the panel's day 0, so `state` is kept from chunk to chunk.
    """
    fade = splat(1.0 - 2.0 / (w + 1))
    for strip in range(0, lanes, WIDTH):
        here = 2 * strip
        p, o = at + strip, to + strip
        mean, weight = load(state, here), load(state, here + WIDTH)
        if day == 0:
            mean, weight = splat(NONE), splat(0.0)
        for _ in range(days):
            mean, weight = average_in(load(x, p), mean, weight, fade)
            store(out, o, narrow(mean))
            p, o = p + lanes, o + lanes
        store(state, here, mean)
        store(state, here + WIDTH, weight)


@compiled
def average_in(v, mean, weight, fade):
    """Mean and weight after one more day with the values v; the mean is NaN before the first value."""
    today, weight = widen(v), weight * fade
    weight = where(weight > splat(LIGHTEST), weight, splat(LIGHTEST))
    heavier = weight + splat(1.0)
    moved = where(mean == mean, mean + (today - mean) / heavier, today)
    return where(v == v, moved, mean), where(v == v, heavier, weight)
