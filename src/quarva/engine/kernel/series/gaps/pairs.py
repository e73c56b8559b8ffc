"""corr and cov over the days that have both values (arguments: see `window`)."""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import inverse_root, keep
from quarva.engine.kernel.series.gaps.lines import FLAT
from quarva.engine.kernel.series.gaps.window import NONE, least, survey_both
from quarva.engine.kernel.series.lanes import WIDTH, load, muladd, narrow, splat, store, where, widen


@compiled
def cov(x, at, y, y_at, w, lanes, days, out, to):
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
def corr(x, at, y, y_at, w, lanes, days, out, to):
    """NaN where either window is flat, looking at all its values, also of days that only it has."""
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
    """DOUBLES: the variance of all values of a window, `anchor` being one of them."""
    n, one, two = splat(0.0), splat(0.0), splat(0.0)
    for k in range(w):
        v = load(x, p - k * lanes)
        d = where(v == v, widen(v) - anchor, splat(0.0))
        n = n + where(v == v, splat(1.0), splat(0.0))
        one, two = one + d, muladd(d, d, two)
    return (two - one / n * one) / (n - splat(1.0))
