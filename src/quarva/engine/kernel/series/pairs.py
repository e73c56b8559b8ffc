"""Rolling operators of two series: corr and cov. See `arithmetic` for the arguments and the method.

y and y_at are the second operand, in the same layout as x and at.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import inverse_root, keep, slots
from quarva.engine.kernel.series.lanes import WIDTH, load, muladd, narrow, splat, store, where, widen


@compiled
def cov(x, at, y, y_at, w, lanes, days, age, state, out, to):
    """cov. State of a strip: prefix and suffixes of Σ(x − a), Σ(y − b) and Σ(x − a)(y − b); then a and b."""
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
    """corr. State of a strip: as in `cov`, with Σ(x − a)² and Σ(y − b)² after the three sums."""
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
