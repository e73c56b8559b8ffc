"""mad: the mean absolute deviation from the mean. See `arithmetic` for the arguments and the method."""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import LARGEST, ZERO, slots
from quarva.engine.kernel.series.gaps import least, survey
from quarva.engine.kernel.series.lanes import (
    WIDTH,
    load,
    magnitude,
    narrow,
    some,
    splat,
    store,
    where,
    widen,
)
from quarva.engine.kernel.series.moments import lay_squares

NAMES = ("mad",)
"""The operators of this file."""


@compiled
def full_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `full`."""
    return (2 * slots(w) + 3) * lanes, 0


@compiled
def full(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    """Apply an operator of this file to windows that are NaN unless they are full."""
    mad(x, at, w, lanes, days, age, state, out, to)


@compiled
def gapped_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `gapped`."""
    return 0, 0


@compiled
def gapped(code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, order, out, to):
    """Apply an operator of this file to windows with gaps (see `gaps`)."""
    gapped_mad(x, at, w, lanes, days, out, to)


GROUP = 16
"""Number of deviations that are summed in float32 before they are added to the sum in float64."""


@compiled
def mad(x, at, w, lanes, days, age, state, out, to):
    """Compute mad: the mean from rolling sums, and the deviations separately for each day.

    State of a strip: as in `moments.spread`.
    """
    rows = slots(w)
    share, part = splat(1.0 / w), 2 * (rows + 1) * WIDTH
    for strip in range(0, lanes, WIDTH):
        here = strip * (2 * rows + 3)
        p, o = at + strip, to + strip
        one, anchor = load(state, here), load(state, here + part)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                one, anchor = splat(0.0), widen(load(x, p))
                lay_squares(x, p, w, lanes, anchor, state, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                one = one + (widen(load(x, p)) - anchor)
                # With sums about the anchor, the mean of equal values is exact.
                mean = anchor + (one + load(state, r)) * share
                store(out, o, deviations(x, p, w, lanes, mean, share))
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, one)
        store(state, here + part, anchor)


@compiled
def deviations(x, p, w, lanes, mean, share):
    """Σ|x − mean| / w in float32 with the mean as a sum of two float32; in float64 if that overflows."""
    high = narrow(mean)
    low = narrow(mean - widen(high))
    total = splat(0.0)
    r, left = p, w
    while left > 0:
        few = splat(ZERO)
        for _ in range(min(left, GROUP)):
            few = few + magnitude((load(x, r) - high) - low)
            r -= lanes
        total = total + widen(few)
        left -= GROUP
    short = narrow(total * share)
    over = magnitude(short) > splat(LARGEST)
    if some(over):
        total = splat(0.0)
        for k in range(w):
            total = total + magnitude(widen(load(x, p - k * lanes)) - mean)
        return where(over, narrow(total * share), short)
    return short


@compiled
def gapped_mad(x, at, w, lanes, days, out, to):
    """Compute mad in two passes: the mean, from sums about the oldest value, and the deviations from it."""
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        for _ in range(days):
            values, oldest = survey(x, p, w, lanes)
            n, anchor = widen(values), widen(oldest)
            one, away = splat(0.0), splat(0.0)
            for k in range(w):
                v = load(x, p - k * lanes)
                one = one + where(v == v, widen(v) - anchor, splat(0.0))
            mean = anchor + one / n
            for k in range(w):
                v = load(x, p - k * lanes)
                away = away + where(v == v, magnitude(widen(v) - mean), splat(0.0))
            store(out, o, narrow(least(n, 1.0, away / n)))
            p, o = p + lanes, o + lanes
