"""Rolling sums: mean, sum, ema, decay_linear, product. See `arithmetic` for the arguments and the method."""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import keep, slots
from quarva.engine.kernel.series.lanes import (
    WIDTH,
    exponent,
    load,
    magnitude,
    mantissa,
    narrow,
    power_of_two,
    splat,
    store,
    where,
    widen,
)
from quarva.karva.operators import CODE

MEAN = CODE["mean"]


@compiled
def total(code, x, at, w, lanes, days, age, state, out, to):
    """sum and mean. State of a strip: prefix, suffixes."""
    rows = slots(w)
    share = splat(1.0 / w)
    for strip in range(0, lanes, WIDTH):
        here = strip * (rows + 1)
        p, o = at + strip, to + strip
        prefix = load(state, here)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                prefix = splat(0.0)
                lay_sums(x, p, w, lanes, state, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                prefix = prefix + widen(load(x, p))
                both = prefix + load(state, r)
                store(out, o, narrow(both * share) if code == MEAN else keep(narrow(both)))
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, prefix)


@compiled
def lay_sums(x, p, w, lanes, state, here):
    """Write the suffix sums of the block before the one that begins at x[p]."""
    rows = slots(w)
    suffix = splat(0.0)
    store(state, here + rows * WIDTH, suffix)
    for j in range(w - 1, 0, -1):
        suffix = suffix + widen(load(x, p - (w - j) * lanes))
        store(state, here + min(j, rows) * WIDTH, suffix)


@compiled
def ema(x, at, w, lanes, days, age, state, out, to):
    """ema. State of a strip: prefix, suffixes as of the end of their block, weight of the suffixes today."""
    rows = slots(w)
    decay = 1.0 - 2.0 / (w + 1)
    b, scale = splat(decay), splat((1.0 - decay) / (1.0 - decay**w))
    for strip in range(0, lanes, WIDTH):
        here = strip * (rows + 2)
        memory = here + (rows + 1) * WIDTH
        p, o = at + strip, to + strip
        prefix, fade = load(state, here), load(state, memory)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                prefix, fade = splat(0.0), splat(1.0)
                lay_faded(x, p, w, lanes, b, state, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                prefix = b * prefix + widen(load(x, p))
                fade = b * fade
                store(out, o, narrow((prefix + fade * load(state, r)) * scale))
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, prefix)
        store(state, memory, fade)


@compiled
def lay_faded(x, p, w, lanes, b, state, here):
    """Write the exponentially weighted suffix sums of the block before the one that begins at x[p]."""
    rows = slots(w)
    suffix, weight = splat(0.0), splat(1.0)
    store(state, here + rows * WIDTH, suffix)
    for j in range(w - 1, 0, -1):
        suffix = suffix + weight * widen(load(x, p - (w - j) * lanes))
        weight = weight * b
        store(state, here + min(j, rows) * WIDTH, suffix)


@compiled
def decay_linear(x, at, w, lanes, days, age, state, out, to):
    """Mean with weights w … 1. State of a strip: plain prefix, weighted suffixes, weighted prefix."""
    rows = slots(w)
    newest, scale = splat(float(w)), splat(2.0 / (w * (w + 1.0)))
    for strip in range(0, lanes, WIDTH):
        here = strip * (rows + 2)
        memory = here + (rows + 1) * WIDTH
        p, o = at + strip, to + strip
        plain, weighted = load(state, here), load(state, memory)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                plain, weighted = splat(0.0), splat(0.0)
                lay_weighted(x, p, w, lanes, state, here)
            stop = min(w, q + left)
            left -= stop - q
            r = here + (q + 1) * WIDTH
            for _ in range(q, stop):
                today = widen(load(x, p))
                weighted = weighted + (newest * today - plain)  # every weight decreases by one per day
                plain = plain + today
                store(out, o, narrow((weighted + load(state, r)) * scale))
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, plain)
        store(state, memory, weighted)


@compiled
def lay_weighted(x, p, w, lanes, state, here):
    """Write Σ (i − j + 1) x_i over the days i ≥ j of the previous block, as a sum of plain suffix sums."""
    rows = slots(w)
    plain, weighted = splat(0.0), splat(0.0)
    store(state, here + rows * WIDTH, weighted)
    for j in range(w - 1, 0, -1):
        plain = plain + widen(load(x, p - (w - j) * lanes))
        weighted = weighted + plain
        store(state, here + min(j, rows) * WIDTH, weighted)


@compiled
def bounded(m):
    """DOUBLES scaled by a power of two to [1, 2) in absolute value; 0 and NaN are unchanged."""
    return where(magnitude(m) > splat(0.0), mantissa(m), m)


@compiled
def product(x, at, w, lanes, days, age, state, out, to):
    """Products as m · 2^e, so that a prefix or suffix only overflows if the window does.

    State of a strip: m of the prefix and of the suffixes, then e of the prefix and of the suffixes.
    """
    rows = slots(w)
    for strip in range(0, lanes, WIDTH):
        here = strip * 2 * (rows + 1)
        powers = here + (rows + 1) * WIDTH
        p, o = at + strip, to + strip
        m, e = load(state, here), load(state, powers)
        q, left = age % w, days
        while left > 0:
            if q == 0:
                m, e = splat(1.0), splat(0.0)
                lay_products(x, p, w, lanes, state, here, powers)
            stop = min(w, q + left)
            left -= stop - q
            r = (q + 1) * WIDTH
            for _ in range(q, stop):
                m = m * widen(load(x, p))
                e = e + exponent(m)
                m = bounded(m)
                power = e + load(state, powers + r)
                power = where(power > splat(300.0), splat(300.0), power)
                power = where(power < splat(-300.0), splat(-300.0), power)
                store(out, o, keep(narrow(m * load(state, here + r) * power_of_two(power))))
                p, o, r = p + lanes, o + lanes, r + WIDTH
            q = 0
        store(state, here, m)
        store(state, powers, e)


@compiled
def lay_products(x, p, w, lanes, state, here, powers):
    """Write the suffix products of the block before the one that begins at x[p]."""
    rows = slots(w)
    m, e = splat(1.0), splat(0.0)
    store(state, here + rows * WIDTH, m)
    store(state, powers + rows * WIDTH, e)
    for j in range(w - 1, 0, -1):
        m = m * widen(load(x, p - (w - j) * lanes))
        e = e + exponent(m)
        m = bounded(m)
        store(state, here + min(j, rows) * WIDTH, m)
        store(state, powers + min(j, rows) * WIDTH, e)
