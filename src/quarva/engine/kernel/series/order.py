"""Rolling order: median, quantile, ts_rank (arguments: see `arithmetic`).

All cost a few instructions a day of the window for sixteen assets. A tree's cost grows with the logarithm of
the window, but it takes an asset at a time and a mispredicted branch at every level.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import INFINITE, NAN, ONE, ZERO
from quarva.engine.kernel.series.counts import absent, one_if
from quarva.engine.kernel.series.lanes import (
    WIDTH,
    as_floats,
    load,
    narrow,
    no_counts,
    ones,
    splat,
    store,
    where,
    widen,
)


@compiled
def ts_rank(x, at, w, lanes, days, age, order, out, to):
    """Smaller and not larger days are counted. Order of a strip: days of the window that are NaN."""
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
            # With today, which is not above itself: twice the average rank is below + not above + 1.
            rank = (as_floats(below + not_above) + splat(ONE + ONE)) / twice
            store(out, o, where(missing > splat(ZERO), splat(NAN), rank))
            p, o = p + lanes, o + lanes
        store(order, strip, missing)


@compiled
def quantile(x, at, w, share, lanes, days, age, order, out, to):
    """The value below which a share of the window lies, between two values by a straight line.

    Order of a strip: the window's values, smallest first, NaN as infinity; a row of infinity.
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
    """The w days before the one at x[p], smallest first, NaN as infinity; and a row of infinity."""
    for k in range(w):
        store(order, here + k * WIDTH, or_infinite(load(x, p - (k + 1) * lanes)))
    store(order, here + w * WIDTH, splat(INFINITE))
    sort(order, here, w)


@compiled
def or_infinite(v):
    """FLOATS, infinity for NaN."""
    return where(v == v, v, splat(INFINITE))


@compiled
def replace(order, here, w, old, new):
    """Let `new` take the place of `old` in w sorted rows; row w is infinite.

    Without `old` the rows are kept[k] = s[k] below old, s[k+1] from it on; with `new` between them they are
    min(max(kept[k−1], new), kept[k]). No lane waits for another, and nothing branches.
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
    """Sort n rows, lane by lane: Batcher's merge exchange (Knuth, volume 3, algorithm 5.2.2 M)."""
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
