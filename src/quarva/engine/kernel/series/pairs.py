"""Rolling operators of two series: corr and cov. See `arithmetic` for the arguments and the method.

y and y_at are the second operand, in the same layout as x and at.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import inverse_root, keep, slots
from quarva.engine.kernel.series.gaps import FLAT, NONE, least, survey_both
from quarva.engine.kernel.series.lanes import WIDTH, load, muladd, narrow, splat, store, where, widen
from quarva.karva.operators import CODE

NAMES = (
    "corr",
    "cov",
)
"""The operators of this file."""

CORR = CODE["corr"]


@compiled
def full_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `full`."""
    rows = slots(w)
    return ((5 * rows + 7) if code == CORR else (3 * rows + 5)) * lanes, 0


@compiled
def full(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    """Apply an operator of this file to windows that are NaN unless they are full."""
    if code == CORR:
        corr(x, at, y, y_at, w, lanes, days, age, state, out, to)
    else:
        cov(x, at, y, y_at, w, lanes, days, age, state, out, to)


@compiled
def gapped_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `gapped`."""
    return 0, 0


@compiled
def gapped(code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, order, out, to):
    """Apply an operator of this file to windows with gaps (see `gaps`)."""
    if code == CORR:
        gapped_corr(x, at, y, y_at, w, lanes, days, out, to)
    else:
        gapped_cov(x, at, y, y_at, w, lanes, days, out, to)


@compiled
def cov(x, at, y, y_at, w, lanes, days, age, state, out, to):
    """Compute cov.

    State of a strip: prefix and suffixes of Σ(x − a), Σ(y − b) and Σ(x − a)(y − b); then a and b.
    """
    rows = slots(w)
    part, less, degrees = (rows + 1) * WIDTH, splat(-1.0 / w), splat(1.0 / (w - 1.0))
    for strip in range(0, lanes, WIDTH):
        here = strip * (3 * rows + 5)
        anchors = here + 3 * part
        p, s, o = at + strip, y_at + strip, to + strip
        sx, sy, sxy = load(state, here), load(state, here + part), load(state, here + 2 * part)
        a, b = load(state, anchors), load(state, anchors + WIDTH)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                sx, sy, sxy = splat(0.0), splat(0.0), splat(0.0)
                a, b = widen(load(x, p)), widen(load(y, s))
                lay_pairs(x, p, y, s, w, lanes, a, b, False, state, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                dx, dy = widen(load(x, p)) - a, widen(load(y, s)) - b
                sx, sy, sxy = sx + dx, sy + dy, muladd(dx, dy, sxy)
                # The product of the sums comes first, so that the result is symmetric in x and y bit by bit.
                sums = (sx + load(state, r)) * (sy + load(state, r + part))
                c = muladd(sums, less, sxy + load(state, r + 2 * part))
                store(out, o, keep(narrow(c * degrees)))
                p, s, o, r = p + lanes, s + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, sx)
        store(state, here + part, sy)
        store(state, here + 2 * part, sxy)
        store(state, anchors, a)
        store(state, anchors + WIDTH, b)


@compiled
def corr(x, at, y, y_at, w, lanes, days, age, state, out, to):
    """Compute corr. State of a strip: as in `cov`, with Σ(x − a)² and Σ(y − b)² after the three sums."""
    rows = slots(w)
    part, less = (rows + 1) * WIDTH, splat(-1.0 / w)
    for strip in range(0, lanes, WIDTH):
        here = strip * (5 * rows + 7)
        anchors = here + 5 * part
        p, s, o = at + strip, y_at + strip, to + strip
        sx, sy, sxy = load(state, here), load(state, here + part), load(state, here + 2 * part)
        sxx, syy = load(state, here + 3 * part), load(state, here + 4 * part)
        a, b = load(state, anchors), load(state, anchors + WIDTH)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                sx, sy, sxy, sxx, syy = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
                a, b = widen(load(x, p)), widen(load(y, s))
                lay_pairs(x, p, y, s, w, lanes, a, b, True, state, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                dx, dy = widen(load(x, p)) - a, widen(load(y, s)) - b
                sx, sy, sxy = sx + dx, sy + dy, muladd(dx, dy, sxy)
                sxx, syy = muladd(dx, dx, sxx), muladd(dy, dy, syy)
                x_sum, y_sum = sx + load(state, r), sy + load(state, r + part)
                # The product of the sums comes first, so that the result is symmetric in x and y bit by bit.
                c = muladd(x_sum * y_sum, less, sxy + load(state, r + 2 * part))
                xx = muladd(x_sum * x_sum, less, sxx + load(state, r + 3 * part))
                yy = muladd(y_sum * y_sum, less, syy + load(state, r + 4 * part))
                # Sums of squares of float32 numbers are below 1e80, so their product does not overflow.
                both = xx * yy
                store(out, o, narrow(where(both > splat(0.0), c * inverse_root(both), splat(np.nan))))
                p, s, o, r = p + lanes, s + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, sx)
        store(state, here + part, sy)
        store(state, here + 2 * part, sxy)
        store(state, here + 3 * part, sxx)
        store(state, here + 4 * part, syy)
        store(state, anchors, a)
        store(state, anchors + WIDTH, b)


@compiled
def lay_pairs(x, p, y, s, w, lanes, a, b, squares, state, here):
    """Write the suffixes of the block before the one that begins at x[p] and y[s]."""
    rows = slots(w)
    part = (rows + 1) * WIDTH
    sx, sy, sxy, sxx, syy = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for k in range(5 if squares else 3):
        store(state, here + rows * WIDTH + k * part, sx)
    for j in range(w - 1, 0, -1):
        back = (w - j) * lanes
        dx, dy = widen(load(x, p - back)) - a, widen(load(y, s - back)) - b
        sx, sy, sxy = sx + dx, sy + dy, muladd(dx, dy, sxy)
        r = here + min(j, rows) * WIDTH
        store(state, r, sx)
        store(state, r + part, sy)
        store(state, r + 2 * part, sxy)
        if squares:
            sxx, syy = muladd(dx, dx, sxx), muladd(dy, dy, syy)
            store(state, r + 3 * part, sxx)
            store(state, r + 4 * part, syy)


@compiled
def gapped_cov(x, at, y, y_at, w, lanes, days, out, to):
    for strip in range(0, lanes, WIDTH):
        p, s, o = at + strip, y_at + strip, to + strip
        for _ in range(days):
            values, first_x, first_y = survey_both(x, p, y, s, w, lanes)
            n, a, b = widen(values), widen(first_x), widen(first_y)
            sx, sy, sxy = splat(0.0), splat(0.0), splat(0.0)
            for k in range(w):
                v, u = load(x, p - k * lanes), load(y, s - k * lanes)
                both = (v == v) & (u == u)
                dx, dy = where(both, widen(v) - a, splat(0.0)), where(both, widen(u) - b, splat(0.0))
                sx, sy, sxy = sx + dx, sy + dy, muladd(dx, dy, sxy)
            c = (sxy - sx * sy / n) / (n - splat(1.0))
            store(out, o, keep(narrow(least(n, 2.0, c))))
            p, s, o = p + lanes, s + lanes, o + lanes


@compiled
def gapped_corr(x, at, y, y_at, w, lanes, days, out, to):
    """Compute corr.

    The result is NaN if either window is flat. All its values count, also on days without the other value.
    """
    for strip in range(0, lanes, WIDTH):
        p, s, o = at + strip, y_at + strip, to + strip
        for _ in range(days):
            values, first_x, first_y = survey_both(x, p, y, s, w, lanes)
            n, a, b = widen(values), widen(first_x), widen(first_y)
            sx, sy, sxy, sxx, syy = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            for k in range(w):
                v, u = load(x, p - k * lanes), load(y, s - k * lanes)
                both = (v == v) & (u == u)
                dx, dy = where(both, widen(v) - a, splat(0.0)), where(both, widen(u) - b, splat(0.0))
                sx, sy, sxy = sx + dx, sy + dy, muladd(dx, dy, sxy)
                sxx, syy = muladd(dx, dx, sxx), muladd(dy, dy, syy)
            c, xx, yy = sxy - sx * sy / n, sxx - sx * sx / n, syy - sy * sy / n
            moves = (variance(x, p, w, lanes, a) > splat(FLAT)) & (variance(y, s, w, lanes, b) > splat(FLAT))
            moves = moves & (xx * yy > splat(0.0))
            found = where(moves, c * inverse_root(xx * yy), splat(NONE))
            store(out, o, narrow(least(n, 2.0, found)))
            p, s, o = p + lanes, s + lanes, o + lanes


@compiled
def variance(x, p, w, lanes, anchor):
    """Variance of all values of a window, one of which is `anchor`, as DOUBLES."""
    n, one, two = splat(0.0), splat(0.0), splat(0.0)
    for k in range(w):
        v = load(x, p - k * lanes)
        d = where(v == v, widen(v) - anchor, splat(0.0))
        n = n + where(v == v, splat(1.0), splat(0.0))
        one, two = one + d, muladd(d, d, two)
    return (two - one / n * one) / (n - splat(1.0))
