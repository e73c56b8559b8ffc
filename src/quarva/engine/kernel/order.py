"""Rolling order: ts_min, ts_max, ts_argmin, ts_argmax, ts_rank, median (see `windows` for the arguments).

Extremes are kept as prefixes and suffixes; a rank is counted anew each day; a median has its window sorted.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import NAN
from quarva.engine.kernel.windows import carry, day, nothing, part
from quarva.karva.operators import CODE

TS_MIN, TS_ARGMIN = CODE["ts_min"], CODE["ts_argmin"]
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


@compiled
def smaller(a, b):
    """The smaller of two numbers; NaN if either is."""
    return b if (b < a or b != b) else a


@compiled
def extreme(code, buf, base, rows, t, w, width, state, out):
    """ts_min and ts_max: the largest is the smallest of the negatives."""
    turn = 1.0 if code == TS_MIN else -1.0
    q = t % w
    x = day(buf, base, rows, t, width)
    prefix = part(state, 0, 0, w, width)
    if q == 0:
        if t >= w:
            for j in range(w - 1, 0, -1):
                old = day(buf, base, rows, t - w + j, width)
                here, later = part(state, 0, j, w, width), part(state, 0, min(j + 1, w - 1), w, width)
                if j == w - 1:
                    for i in range(width):
                        here[i] = turn * old[i]
                else:
                    for i in range(width):
                        here[i] = smaller(later[i], turn * old[i])
        for i in range(width):
            prefix[i] = turn * x[i]
    else:
        for i in range(width):
            prefix[i] = smaller(prefix[i], turn * x[i])
    if t < w - 1:
        nothing(out)
        return
    suffix = part(state, 0, 0 if q == w - 1 else q + 1, w, width)
    for i in range(width):
        out[i] = np.float32(turn * smaller(prefix[i], suffix[i]))


@compiled
def place_of_extreme(code, buf, base, rows, t, w, width, state, out):
    """ts_argmin and ts_argmax; of equal values the older one counts."""
    turn = 1.0 if code == TS_ARGMIN else -1.0
    q = t % w
    x = day(buf, base, rows, t, width)
    least, when = part(state, 0, 0, w, width), part(state, 1, 0, w, width)
    if q == 0:
        if t >= w:
            part(state, 0, w - 1, w, width)[:] = np.inf
            for j in range(w - 1, 0, -1):
                carry(state, 2, j, w, width)
                old = day(buf, base, rows, t - w + j, width)
                lay_older(old, turn, t - w + j, part(state, 0, j, w, width), part(state, 1, j, w, width))
        for i in range(width):
            least[i] = turn * x[i]
            when[i] = t
    else:
        today = np.float64(t)
        for i in range(width):
            v = turn * x[i]
            before, day_before = least[i], when[i]
            newer = (v < before) | (v != v)
            least[i] = v if newer else before
            when[i] = today if newer else day_before
    if t < w - 1:
        nothing(out)
        return
    k = 0 if q == w - 1 else q + 1
    least_s, when_s = part(state, 0, k, w, width), part(state, 1, k, w, width)
    first = t - w
    for i in range(width):
        a, b, newest, oldest = least[i], least_s[i], when[i], when_s[i]
        place = (newest if a < b else oldest) - first
        out[i] = np.float32(place) if (a == a) & (b == b) else NAN


@compiled
def lay_older(x, turn, t, least, when):
    """Extend a suffix by the day t before it."""
    day_t = np.float64(t)
    for i in range(x.size):
        v = turn * x[i]
        later, day_later = least[i], when[i]
        younger = (later < v) | (later != later)
        least[i] = later if younger else v
        when[i] = day_later if younger else day_t


@compiled
def ts_rank(buf, base, rows, t, w, width, out):
    # Counting costs w comparisons a cell, but sixteen cells at a time: a tree wins in long windows only.
    if t < w - 1:
        nothing(out)
        return
    x = day(buf, base, rows, t, width)
    for i in range(width):
        out[i] = ZERO
    for k in range(w):
        old = day(buf, base, rows, t - k, width)
        for i in range(width):
            v = old[i]
            count = ONE if v < x[i] else (HALF if v == x[i] else ZERO)
            out[i] += count + v * ZERO  # v·0 is NaN for NaN
    share = ONE / np.float32(w)
    for i in range(width):
        out[i] = (out[i] + HALF) * share


@compiled
def median(buf, base, rows, t, w, width, state, out):
    """The window's values are kept sorted, asset by asset: state holds w places each, and their count."""
    counts = state[w * width : (w + 1) * width]
    x = day(buf, base, rows, t, width)
    old = day(buf, base, rows, t - w, width) if t >= w else x
    middle = w // 2
    for i in range(width):
        n = 0 if t == 0 else int(counts[i])
        kept = state[i * w : (i + 1) * w]
        if t >= w and old[i] == old[i]:
            place = 0
            while kept[place] != old[i]:
                place += 1
            n -= 1
            for k in range(place, n):
                kept[k] = kept[k + 1]
        v = x[i]
        if v == v:
            k = n
            while k > 0 and kept[k - 1] > v:
                kept[k] = kept[k - 1]
                k -= 1
            kept[k] = v
            n += 1
        counts[i] = n
        if n < w:
            out[i] = NAN
        elif w % 2 == 1:
            out[i] = kept[middle]
        else:
            out[i] = np.float32(0.5 * (kept[middle - 1] + kept[middle]))
