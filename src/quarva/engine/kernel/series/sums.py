"""Rolling sums: mean, sum, ema, decay_linear, product. See `arithmetic` for the arguments and the method."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series.arithmetic import ZERO, keep, slots
from quarva.engine.kernel.series.counts import absent, one_if
from quarva.engine.kernel.series.gaps import NONE, least, rows_of
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

NAMES = (
    "mean",
    "sum",
    "product",
    "ema",
    "decay_linear",
)
"""The operators of this file."""

MEAN, SUM, PRODUCT = CODE["mean"], CODE["sum"], CODE["product"]
EMA = CODE["ema"]
LIGHTEST = 1e-290  # a weight does not fall below it in a long gap: products of denormal numbers are slow


@compiled
def full_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `full`."""
    rows = slots(w)
    if code == MEAN or code == SUM:
        return (rows + 1) * lanes, 0
    if code == PRODUCT:
        return 2 * (rows + 1) * lanes, 0
    return (rows + 2) * lanes, 0


@compiled
def full(code, x, at, y, y_at, w, share, lanes, days, age, state, order, out, to):
    """Apply an operator of this file to windows that are NaN unless they are full."""
    if code == MEAN or code == SUM:
        total(code, x, at, w, lanes, days, age, state, out, to)
    elif code == PRODUCT:
        product(x, at, w, lanes, days, age, state, out, to)
    elif code == EMA:
        ema(x, at, w, lanes, days, age, state, out, to)
    else:
        decay_linear(x, at, w, lanes, days, age, state, out, to)


@compiled
def gapped_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) of `gapped`."""
    if code == MEAN or code == SUM:
        return (slots(w) + 1) * lanes, lanes
    return (2 * lanes if code == EMA else 0), 0


@compiled
def gapped(code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, order, out, to):
    """Apply an operator of this file to windows with gaps (see `gaps`)."""
    if code == MEAN or code == SUM:
        gapped_total(code, x, at, w, lanes, days, age, state, order, out, to)
    elif code == PRODUCT:
        gapped_product(x, at, w, lanes, days, out, to)
    elif code == EMA:
        gapped_ema(x, at, w, lanes, days, day, state, out, to)
    else:
        gapped_decay_linear(x, at, w, lanes, days, begins, begins_at, day, out, to)


@compiled
def total(code, x, at, w, lanes, days, age, state, out, to):
    """Compute sum and mean. State of a strip: prefix, suffixes."""
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
    """Compute ema.

    State of a strip: prefix, suffixes as of the end of their block, weight of the suffixes today.
    """
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
    """Compute decay_linear. State of a strip: plain prefix, weighted suffixes, weighted prefix."""
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
    """Compute products as m · 2^e, so that a prefix or suffix only overflows if the window does.

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


@compiled
def or_zero(v):
    """DOUBLES of FLOATS, 0 for NaN."""
    return widen(where(v == v, v, splat(ZERO)))


@compiled
def gapped_total(code, x, at, w, lanes, days, age, state, order, out, to):
    """Compute sum and mean in blocks, as in `total`, with 0 for a missing day.

    State of a strip: prefix, suffixes. Order of a strip: number of NaN in the window.
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
                gapped_lay_sums(x, p, w, lanes, state, here)
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
def gapped_lay_sums(x, p, w, lanes, state, here):
    rows = slots(w)
    suffix = splat(0.0)
    store(state, here + rows * WIDTH, suffix)
    for j in range(w - 1, 0, -1):
        suffix = suffix + or_zero(load(x, p - (w - j) * lanes))
        store(state, here + min(j, rows) * WIDTH, suffix)


@compiled
def gapped_decay_linear(x, at, w, lanes, days, begins, begins_at, day, out, to):
    """Compute Σ (L − k) x_k / (L (L + 1) / 2) / n for n values and L rows since the asset began."""
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
def gapped_product(x, at, w, lanes, days, out, to):
    """Compute products as m · 2^e; see `product`."""
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
def gapped_ema(x, at, w, lanes, days, day, state, out, to):
    """Compute ema with weights by age in days, carried over missing days. State of a strip: mean, weight.

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
