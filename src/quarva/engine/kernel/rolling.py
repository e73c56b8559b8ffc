"""Rolling operators: one day of one operator, all assets at once, at a cost that hardly depends on the window.

Sums and their kin are kept without ever subtracting what leaves the window. Time is cut into blocks of w
days; a window that ends at place q of its block is the block's prefix (days 0 … q) and the former block's
suffix (days q+1 … w−1). Suffixes are laid down once per block, prefixes grow by a day, and a window costs
one combination (van Herk 1992; Gil and Werman 1993, for minima). So nothing drifts, a spike that left the
window leaves no trace, and NaN needs no counting: it stays in the prefix or suffix that it entered.
Moments are combined by Chan, Golub and LeVeque's formulas, so a constant window has a variance of exactly 0.

Every function has the arguments
    buf, base, rows: the operand's history: day t stands at buf[base + (t mod rows)·width …], float32;
    t, w, width: the day, the window, the padded number of assets;
    state: float64 scratch of this node, kept from day to day; `state_size` says how much;
    out: float32 of shape (width,), the result of day t.
In `state`, a suffix statistic takes w rows; the row of suffix 0, which no window needs, holds the prefix.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import NAN, keep
from quarva.karva.operators import CODE

REF, DELTA, PCT_CHANGE = CODE["ref"], CODE["delta"], CODE["pct_change"]
MEAN, SUM, STD, VAR, SKEW = CODE["mean"], CODE["sum"], CODE["std"], CODE["var"], CODE["skew"]
TS_MIN, TS_MAX, TS_ARGMIN, TS_ARGMAX = CODE["ts_min"], CODE["ts_max"], CODE["ts_argmin"], CODE["ts_argmax"]
TS_RANK, MEDIAN, TS_ZSCORE = CODE["ts_rank"], CODE["median"], CODE["ts_zscore"]
EMA, DECAY_LINEAR, CORR, COV = CODE["ema"], CODE["decay_linear"], CODE["corr"], CODE["cov"]

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


@compiled
def state_size(code, w, width):
    """Float64 numbers of state that a node needs."""
    if code == MEAN or code == SUM or code == TS_MIN or code == TS_MAX or code == EMA:
        return w * width
    if code == STD or code == VAR or code == TS_ZSCORE or code == TS_ARGMIN or code == TS_ARGMAX:
        return 2 * w * width
    if code == SKEW or code == COV:
        return 3 * w * width
    if code == CORR:
        return 5 * w * width
    if code == DECAY_LINEAR or code == MEDIAN:
        return (w + 1) * width
    return 0


@compiled(inline="always")  # a view can not be returned without reference counts
def day(buf, base, rows, t, width):
    """The operand's row of day t."""
    start = base + (t % rows) * width
    return buf[start : start + width]


@compiled(inline="always")  # a view can not be returned without reference counts
def part(state, statistic, j, w, width):
    """Row j of a statistic: its suffix j, or (j = 0) its prefix."""
    start = (statistic * w + j) * width
    return state[start : start + width]


@compiled
def nothing(out):
    for i in range(out.size):
        out[i] = NAN


@compiled
def lag(code, buf, base, rows, t, w, width, out):
    """ref, delta and pct_change."""
    if t < w:
        nothing(out)
        return
    old = day(buf, base, rows, t - w, width)
    new = day(buf, base, rows, t, width)
    if code == REF:
        for i in range(width):
            out[i] = old[i]
    elif code == DELTA:
        for i in range(width):
            out[i] = keep(new[i] - old[i])
    else:
        for i in range(width):
            before = np.float64(old[i])
            out[i] = keep(np.float32((new[i] - before) / before))  # not new/old − 1, which cancels


@compiled
def total(buf, base, rows, t, w, width, state, scale, out):
    """sum (scale = 1) and mean (scale = 1/w)."""
    q = t % w
    x = day(buf, base, rows, t, width)
    prefix = part(state, 0, 0, w, width)
    if q == 0:
        if t >= w:
            lay_sums(buf, base, rows, t, w, width, state)
        for i in range(width):
            prefix[i] = x[i]
    else:
        for i in range(width):
            prefix[i] += x[i]
    if t < w - 1:
        nothing(out)
    elif q == w - 1:
        for i in range(width):
            out[i] = keep(np.float32(prefix[i] * scale))
    else:
        suffix = part(state, 0, q + 1, w, width)
        for i in range(width):
            out[i] = keep(np.float32((prefix[i] + suffix[i]) * scale))


@compiled
def lay_sums(buf, base, rows, t, w, width, state):
    for j in range(w - 1, 0, -1):
        x = day(buf, base, rows, t - w + j, width)
        here = part(state, 0, j, w, width)
        if j == w - 1:
            for i in range(width):
                here[i] = x[i]
        else:
            later = part(state, 0, j + 1, w, width)
            for i in range(width):
                here[i] = later[i] + x[i]


@compiled
def include(x, n, mean, square):
    """Welford's update in place: from the mean and Σ(x − mean)² of n − 1 values to those of n."""
    if n == 1:
        for i in range(x.size):
            v = np.float64(x[i])
            mean[i] = v
            square[i] = v - v  # 0, or NaN
        return
    share = 1.0 / n
    for i in range(x.size):
        v = np.float64(x[i])
        d = v - mean[i]
        m = mean[i] + d * share
        square[i] += d * (v - m)
        mean[i] = m


@compiled
def carry(state, statistics, j, w, width):
    """Copy suffix j + 1 of every statistic to suffix j, where it is then updated in place.

    Reading one row and writing another in the same loop would make LLVM ask whether they overlap, and where an
    update is in place they do: it would then run the scalar loop.
    """
    if j == w - 1:
        return
    for s in range(statistics):
        here, later = part(state, s, j, w, width), part(state, s, j + 1, w, width)
        for i in range(width):
            here[i] = later[i]


@compiled
def spread(code, buf, base, rows, t, w, width, state, out):
    """var, std and ts_zscore."""
    q = t % w
    x = day(buf, base, rows, t, width)
    mean, square = part(state, 0, 0, w, width), part(state, 1, 0, w, width)
    if q == 0 and t >= w:
        for j in range(w - 1, 0, -1):
            carry(state, 2, j, w, width)
            old = day(buf, base, rows, t - w + j, width)
            include(old, w - j, part(state, 0, j, w, width), part(state, 1, j, w, width))
    include(x, q + 1, mean, square)
    if t < w - 1:
        nothing(out)
        return
    whole = q == w - 1
    k = 0 if whole else q + 1
    mean_s, square_s = part(state, 0, k, w, width), part(state, 1, k, w, width)
    # A whole block is its own window: the 'suffix' is then the prefix itself, with no weight.
    share = 0.0 if whole else (q + 1) / w
    cross = 0.0 if whole else (q + 1) * (w - 1 - q) / w
    more = 0.0 if whole else 1.0
    degrees = 1.0 / (w - 1)
    if code == VAR:
        for i in range(width):
            d = mean[i] - mean_s[i]
            out[i] = keep(np.float32((square[i] + more * square_s[i] + d * d * cross) * degrees))
    elif code == STD:
        for i in range(width):
            d = mean[i] - mean_s[i]
            out[i] = keep(np.float32(np.sqrt((square[i] + more * square_s[i] + d * d * cross) * degrees)))
    else:
        for i in range(width):
            d = mean[i] - mean_s[i]
            s = (square[i] + more * square_s[i] + d * d * cross) * degrees
            m = mean_s[i] + d * share
            out[i] = keep(np.float32((x[i] - m) / np.sqrt(s)))


@compiled
def include_third(x, n, mean, square, cube):
    """`include` with Σ(x − mean)³ (Pébay 2008)."""
    if n == 1:
        for i in range(x.size):
            v = np.float64(x[i])
            mean[i] = v
            square[i] = v - v
            cube[i] = v - v
        return
    share = 1.0 / n
    for i in range(x.size):
        d = np.float64(x[i]) - mean[i]
        step = d * share
        term = d * step * (n - 1)
        cube[i] += term * step * (n - 2) - 3.0 * step * square[i]
        square[i] += term
        mean[i] += step


@compiled
def skew(buf, base, rows, t, w, width, state, out):
    q = t % w
    x = day(buf, base, rows, t, width)
    mean, square, cube = part(state, 0, 0, w, width), part(state, 1, 0, w, width), part(state, 2, 0, w, width)
    if q == 0 and t >= w:
        for j in range(w - 1, 0, -1):
            carry(state, 3, j, w, width)
            old = day(buf, base, rows, t - w + j, width)
            include_third(
                old,
                w - j,
                part(state, 0, j, w, width),
                part(state, 1, j, w, width),
                part(state, 2, j, w, width),
            )
    include_third(x, q + 1, mean, square, cube)
    if t < w - 1:
        nothing(out)
        return
    whole = q == w - 1
    k = 0 if whole else q + 1
    mean_s, square_s, cube_s = (
        part(state, 0, k, w, width),
        part(state, 1, k, w, width),
        part(state, 2, k, w, width),
    )
    more = 0.0 if whole else 1.0
    a, b = w - 1.0 - q, q + 1.0  # days in the suffix, days in the prefix
    factor = w / ((w - 1.0) * (w - 2.0))
    for i in range(width):
        d = (mean[i] - mean_s[i]) * more
        m2 = square[i] + more * square_s[i] + d * d * (a * b / w)
        m3 = cube[i] + more * cube_s[i] + d * d * d * (a * b * (a - b) / (w * w))
        m3 += 3.0 * d * (a * square[i] - b * square_s[i]) / w
        s = np.sqrt(m2 / (w - 1.0))
        out[i] = keep(np.float32(factor * m3 / (s * s * s)))


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
            for j in range(w - 1, 0, -1):
                carry(state, 2, j, w, width)
                old = day(buf, base, rows, t - w + j, width)
                lay_older(
                    old, turn, t - w + j, j == w - 1, part(state, 0, j, w, width), part(state, 1, j, w, width)
                )
        for i in range(width):
            least[i] = turn * x[i]
            when[i] = t
    else:
        today = np.float64(t)
        for i in range(width):
            v = turn * x[i]
            newer = v < least[i] or v != v
            least[i] = v if newer else least[i]
            when[i] = today if newer else when[i]
    if t < w - 1:
        nothing(out)
        return
    k = 0 if q == w - 1 else q + 1
    least_s, when_s = part(state, 0, k, w, width), part(state, 1, k, w, width)
    first = t - w
    for i in range(width):
        newer = least[i] < least_s[i]
        place = (when[i] if newer else when_s[i]) - first
        out[i] = np.float32(place) if (least[i] == least[i] and least_s[i] == least_s[i]) else NAN


@compiled
def lay_older(x, turn, t, alone, least, when):
    """Extend a suffix by the day t before it."""
    day_t = np.float64(t)
    for i in range(x.size):
        v = turn * x[i]
        younger = (not alone) and (least[i] < v or least[i] != least[i])
        least[i] = least[i] if younger else v
        when[i] = when[i] if younger else day_t


@compiled
def ts_rank(buf, base, rows, t, w, width, out):
    # Counting costs w comparisons a cell, but sixteen cells at a time: dearer than a tree only for long windows.
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
    """The window's values are kept sorted, asset by asset: state holds w places each, and the number in use."""
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


@compiled
def ema(buf, base, rows, t, w, width, state, out):
    b = 1.0 - 2.0 / (w + 1)
    q = t % w
    x = day(buf, base, rows, t, width)
    prefix = part(state, 0, 0, w, width)
    if q == 0:
        if t >= w:
            weight = 1.0  # of a day, seen from the end of its block
            for j in range(w - 1, 0, -1):
                old = day(buf, base, rows, t - w + j, width)
                here, later = part(state, 0, j, w, width), part(state, 0, min(j + 1, w - 1), w, width)
                if j == w - 1:
                    for i in range(width):
                        here[i] = old[i]
                else:
                    for i in range(width):
                        here[i] = later[i] + weight * old[i]
                weight *= b
        for i in range(width):
            prefix[i] = x[i]
    else:
        for i in range(width):
            prefix[i] = b * prefix[i] + x[i]
    if t < w - 1:
        nothing(out)
        return
    scale = (1.0 - b) / (1.0 - b**w)
    if q == w - 1:
        for i in range(width):
            out[i] = keep(np.float32(prefix[i] * scale))
    else:
        suffix, fade = part(state, 0, q + 1, w, width), b ** (q + 1)
        for i in range(width):
            out[i] = keep(np.float32((prefix[i] + fade * suffix[i]) * scale))


@compiled
def decay_linear(buf, base, rows, t, w, width, state, out):
    """Weights w … 1: a suffix holds Σ (i − j + 1) x_i over its days i ≥ j, a sum of plain suffix sums."""
    q = t % w
    x = day(buf, base, rows, t, width)
    weighted, plain = part(state, 0, 0, w, width), part(state, 1, 0, w, width)
    if q == 0:
        if t >= w:
            for j in range(w - 1, 0, -1):
                old = day(buf, base, rows, t - w + j, width)
                here, later = part(state, 0, j, w, width), part(state, 0, min(j + 1, w - 1), w, width)
                if j == w - 1:
                    for i in range(width):
                        plain[i] = old[i]
                        here[i] = plain[i]
                else:
                    for i in range(width):
                        plain[i] += old[i]
                        here[i] = later[i] + plain[i]
        for i in range(width):
            plain[i] = x[i]
            weighted[i] = w * plain[i]
    else:
        # A day later every weight is one less.
        for i in range(width):
            weighted[i] += w * np.float64(x[i]) - plain[i]
            plain[i] += x[i]
    if t < w - 1:
        nothing(out)
        return
    scale = 2.0 / (w * (w + 1.0))
    if q == w - 1:
        for i in range(width):
            out[i] = keep(np.float32(weighted[i] * scale))
    else:
        suffix = part(state, 0, q + 1, w, width)
        for i in range(width):
            out[i] = keep(np.float32((weighted[i] + suffix[i]) * scale))


@compiled
def rolling(code, buf, base, rows, t, w, width, state, out):
    """The rolling operator `code` of one argument on day t."""
    if code == REF or code == DELTA or code == PCT_CHANGE:
        lag(code, buf, base, rows, t, w, width, out)
    elif code == MEAN:
        total(buf, base, rows, t, w, width, state, 1.0 / w, out)
    elif code == SUM:
        total(buf, base, rows, t, w, width, state, 1.0, out)
    elif code == STD or code == VAR or code == TS_ZSCORE:
        spread(code, buf, base, rows, t, w, width, state, out)
    elif code == SKEW:
        skew(buf, base, rows, t, w, width, state, out)
    elif code == TS_MIN or code == TS_MAX:
        extreme(code, buf, base, rows, t, w, width, state, out)
    elif code == TS_ARGMIN or code == TS_ARGMAX:
        place_of_extreme(code, buf, base, rows, t, w, width, state, out)
    elif code == TS_RANK:
        ts_rank(buf, base, rows, t, w, width, out)
    elif code == MEDIAN:
        median(buf, base, rows, t, w, width, state, out)
    elif code == EMA:
        ema(buf, base, rows, t, w, width, state, out)
    elif code == DECAY_LINEAR:
        decay_linear(buf, base, rows, t, w, width, state, out)
