"""Least-squares lines over gaps: slope, rsquare, resi (arguments: see `window`)."""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import keep
from quarva.engine.kernel.series.gaps.window import NONE, least, survey
from quarva.engine.kernel.series.lanes import WIDTH, load, muladd, narrow, splat, store, where, widen
from quarva.karva.operators import CODE

SLOPE, RSQUARE = CODE["slope"], CODE["rsquare"]
FLAT = 2e-5**2
"""Qlib gives no rsquare and no corr where a window's variance is at most this."""


@compiled
def line(code, x, at, w, lanes, days, out, to):
    """Days count backwards, 0 today; their sums are whole numbers, and lose nothing where they cancel."""
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
