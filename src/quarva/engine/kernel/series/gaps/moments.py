"""Moments over gaps: var, std, ts_zscore, skew, kurt, mad (arguments: see `window`)."""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import inverse_root, keep
from quarva.engine.kernel.series.gaps.window import NONE, least, survey
from quarva.engine.kernel.series.lanes import (
    WIDTH,
    load,
    magnitude,
    muladd,
    narrow,
    root,
    splat,
    store,
    where,
    widen,
)
from quarva.engine.kernel.series.moments import deviation, kurtosis, skewness
from quarva.karva.operators import CODE

STD, VAR, SKEW, KURT = CODE["std"], CODE["var"], CODE["skew"], CODE["kurt"]


@compiled
def spread(code, x, at, w, lanes, days, out, to):
    """var, std and ts_zscore, about the oldest value."""
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
def shape(code, x, at, w, lanes, days, out, to):
    """skew and kurt, about the oldest value."""
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


@compiled
def mad(x, at, w, lanes, days, out, to):
    """Two walks: the mean, about the oldest value, and the deviations from it."""
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
