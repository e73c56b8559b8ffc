"""Rolling moments: var, std, ts_zscore, skew, kurt. See `arithmetic` for the arguments and the method."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import inverse_root, keep, slots
from quarva.engine.kernel.series.gaps import NONE, least, survey
from quarva.engine.kernel.series.lanes import (
    WIDTH,
    load,
    muladd,
    narrow,
    root,
    some,
    splat,
    store,
    where,
    widen,
)
from quarva.karva.operators import CODE

NAMES = (
    "std",
    "var",
    "ts_zscore",
    "skew",
    "kurt",
)
"""The operators of this file."""

STD, VAR, SKEW, KURT = CODE["std"], CODE["var"], CODE["skew"], CODE["kurt"]


@compiled
def full_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `full`."""
    rows = slots(w)
    return ((4 * rows + 5) if code == SKEW or code == KURT else (2 * rows + 3)) * lanes, 0


@compiled
def full(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    """Apply an operator of this file to windows that are NaN unless they are full."""
    if code == SKEW or code == KURT:
        shape(code, x, at, w, lanes, days, age, state, out, to)
    else:
        spread(code, x, at, w, lanes, days, age, state, out, to)


@compiled
def gapped_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `gapped`."""
    return 0, 0


@compiled
def gapped(code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, order, out, to):
    """Apply an operator of this file to windows with gaps (see `gaps`)."""
    if code == SKEW or code == KURT:
        gapped_shape(code, x, at, w, lanes, days, out, to)
    else:
        gapped_spread(code, x, at, w, lanes, days, out, to)


SMALL, BIG = np.float32(1e-30), np.float32(1e37)
"""Between these bounds, a variance in float32 has full precision."""


@compiled
def deviation(variance):
    """√variance of DOUBLES as FLOATS. A square root in float32 takes a quarter of the time of float64."""
    v = narrow(variance)
    extreme = (v <= splat(SMALL)) | (v >= splat(BIG))
    if some(extreme):
        return where(extreme, keep(narrow(root(variance))), root(v))
    return root(v)


@compiled
def spread(code, x, at, w, lanes, days, age, state, out, to):
    """Compute var, std and ts_zscore.

    State of a strip: prefix and suffixes of Σ(x − a) and of Σ(x − a)²; then a.
    """
    rows = slots(w)
    part, degrees, share = (rows + 1) * WIDTH, splat(1.0 / (w - 1.0)), splat(1.0 / w)
    less, scale = splat(-1.0 / w), splat(np.sqrt(w - 1.0))
    for strip in range(0, lanes, WIDTH):
        here = strip * (2 * rows + 3)
        p, o = at + strip, to + strip
        one, two, anchor = load(state, here), load(state, here + part), load(state, here + 2 * part)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                one, two, anchor = splat(0.0), splat(0.0), widen(load(x, p))
                lay_squares(x, p, w, lanes, anchor, state, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                d = widen(load(x, p)) - anchor
                one, two = one + d, muladd(d, d, two)
                first = one + load(state, r)
                mean = first * share
                square = muladd(first, first * less, two + load(state, r + part))
                if code == STD:
                    store(out, o, deviation(square * degrees))
                elif code == VAR:
                    store(out, o, keep(narrow(square * degrees)))
                else:
                    z = (d - mean) * (inverse_root(square) * scale)
                    store(out, o, narrow(where(square > splat(0.0), z, splat(np.nan))))
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, one)
        store(state, here + part, two)
        store(state, here + 2 * part, anchor)


@compiled
def lay_squares(x, p, w, lanes, anchor, state, here):
    """Write the suffixes of the block before the one that begins at x[p]."""
    rows = slots(w)
    part = (rows + 1) * WIDTH
    one, two = splat(0.0), splat(0.0)
    store(state, here + rows * WIDTH, one)
    store(state, here + rows * WIDTH + part, two)
    for j in range(w - 1, 0, -1):
        d = widen(load(x, p - (w - j) * lanes)) - anchor
        one, two = one + d, muladd(d, d, two)
        r = here + min(j, rows) * WIDTH
        store(state, r, one)
        store(state, r + part, two)


@compiled
def shape(code, x, at, w, lanes, days, age, state, out, to):
    """Compute skew and kurt. State of a strip: prefix and suffixes of Σ(x − a)ᵏ for k = 1 … 4; then a.

    Only kurt uses the fourth powers.
    """
    rows = slots(w)
    part, fourth = (rows + 1) * WIDTH, code == KURT
    share, n = splat(1.0 / w), w - 1.0
    scale = w * (w + 1.0) * n / ((n - 1.0) * (n - 2.0)) if fourth else w / (n - 1.0) * np.sqrt(n)
    normal = -3.0 * n * n / ((n - 1.0) * (n - 2.0)) if fourth else 0.0
    for strip in range(0, lanes, WIDTH):
        here = strip * (4 * rows + 5)
        p, o = at + strip, to + strip
        one, two = load(state, here), load(state, here + part)
        three, four = load(state, here + 2 * part), load(state, here + 3 * part)
        anchor = load(state, here + 4 * part)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                one, two, three, four = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
                anchor = widen(load(x, p))
                lay_powers(x, p, w, lanes, anchor, fourth, state, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                d = widen(load(x, p)) - anchor
                dd = d * d
                one, two, three = one + d, two + dd, muladd(dd, d, three)
                sum_1, sum_2 = one + load(state, r), two + load(state, r + part)
                sum_3 = three + load(state, r + 2 * part)
                if fourth:
                    four = muladd(dd, dd, four)
                    sum_4 = four + load(state, r + 3 * part)
                    g = kurtosis(sum_1, sum_2, sum_3, sum_4, share, splat(scale), splat(normal))
                else:
                    g = skewness(sum_1, sum_2, sum_3, share, splat(scale))
                store(out, o, narrow(g))
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, one)
        store(state, here + part, two)
        store(state, here + 2 * part, three)
        store(state, here + 3 * part, four)
        store(state, here + 4 * part, anchor)


@compiled
def skewness(one, two, three, share, scale):
    """scale · Σ(x − mean)³ / (Σ(x − mean)²)^1.5 from the sums of powers about the anchor."""
    m = one * share
    square = muladd(one, m * splat(-1.0), two)
    inverse = inverse_root(square)
    cube = muladd(m, muladd(m * one, splat(2.0), two * splat(-3.0)), three)
    return where(square > splat(0.0), (cube * inverse) * (inverse * inverse) * scale, splat(np.nan))


@compiled
def kurtosis(one, two, three, four, share, scale, normal):
    """scale · Σ(x − mean)⁴ / (Σ(x − mean)²)² + normal from the sums of powers about the anchor."""
    m = one * share
    square = muladd(one, m * splat(-1.0), two)
    inverse = inverse_root(square)
    inner = muladd(m * one, splat(-3.0), two * splat(6.0))
    fourth = muladd(m, muladd(m, inner, three * splat(-4.0)), four)
    inverse = inverse * inverse
    return where(square > splat(0.0), muladd(fourth * inverse, inverse * scale, normal), splat(np.nan))


@compiled
def lay_powers(x, p, w, lanes, anchor, fourth, state, here):
    """Write the suffixes of the block before the one that begins at x[p]."""
    rows = slots(w)
    part = (rows + 1) * WIDTH
    one, two, three, four = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for k in range(4):
        store(state, here + rows * WIDTH + k * part, one)
    for j in range(w - 1, 0, -1):
        d = widen(load(x, p - (w - j) * lanes)) - anchor
        dd = d * d
        one, two, three = one + d, two + dd, muladd(dd, d, three)
        r = here + min(j, rows) * WIDTH
        store(state, r, one)
        store(state, r + part, two)
        store(state, r + 2 * part, three)
        if fourth:
            four = muladd(dd, dd, four)
            store(state, r + 3 * part, four)


@compiled
def gapped_spread(code, x, at, w, lanes, days, out, to):
    """Compute var, std and ts_zscore, from sums about the oldest value."""
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        for _ in range(days):
            values, oldest = survey(x, p, w, lanes)
            n, anchor = widen(values), widen(oldest)
            one, two = splat(0.0), splat(0.0)
            for k in range(w):
                v = load(x, p - k * lanes)
                d = where(v == v, widen(v) - anchor, splat(0.0))
                one, two = one + d, muladd(d, d, two)
            mean = one / n
            square = two - one * mean
            var = least(n, 2.0, square / (n - splat(1.0)))
            if code == STD:
                store(out, o, deviation(var))
            elif code == VAR:
                store(out, o, keep(narrow(var)))
            else:
                z = (widen(load(x, p)) - anchor - mean) * inverse_root(var)
                store(out, o, narrow(where(var > splat(0.0), z, splat(NONE))))
            p, o = p + lanes, o + lanes


@compiled
def gapped_shape(code, x, at, w, lanes, days, out, to):
    """Compute skew and kurt, from sums about the oldest value."""
    for strip in range(0, lanes, WIDTH):
        p, o = at + strip, to + strip
        for _ in range(days):
            values, oldest = survey(x, p, w, lanes)
            n, anchor = widen(values), widen(oldest)
            one, two, three, four = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            for k in range(w):
                v = load(x, p - k * lanes)
                d = where(v == v, widen(v) - anchor, splat(0.0))
                dd = d * d
                one, two = one + d, two + dd
                three, four = muladd(dd, d, three), muladd(dd, dd, four)
            share, n_1, n_2, n_3 = splat(1.0) / n, n - splat(1.0), n - splat(2.0), n - splat(3.0)
            if code == SKEW:
                g = skewness(one, two, three, share, n / n_2 * root(n_1))
                store(out, o, narrow(least(n, 3.0, g)))
            else:
                scale, normal = (
                    n * (n + splat(1.0)) * n_1 / (n_2 * n_3),
                    splat(-3.0) * n_1 * n_1 / (n_2 * n_3),
                )
                g = kurtosis(one, two, three, four, share, scale, normal)
                store(out, o, narrow(least(n, 4.0, g)))
            p, o = p + lanes, o + lanes
