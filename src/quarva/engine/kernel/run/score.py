"""Scores accumulated as the days go by: information coefficient, rank IC, squared error, pooled correlation.

A day's sums come in parts, one a tile of assets, and are put together when the chunk of days ends. Values of
the signal are taken about the first one of the day that counts: it is one of the sample, so that squares do
not cancel (a variance loses no more digits than a day has assets), and one pass over the cells is enough.
The target is taken about its day's mean beforehand, where that is exact.

Sums that are not written in `lanes` are written as branches (`if there: total += v`): LLVM turns those into
masked vector code, and leaves sums of selected values (`total += v if there else 0`) scalar, 3.5 times as
slow.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.cross_section.ranks import rank
from quarva.engine.kernel.series.lanes import WIDTH, load, muladd, some, splat, total, where, widen
from quarva.engine.kernel.vectors.float32 import NAN
from quarva.engine.kernel.vectors.vectors import REASSOCIATE

IC, RANK_IC, SSE, CORRELATION = 0, 1, 2, 3
LOOK = 8 * WIDTH  # cells after which a sum that is already NaN is given up
FLAT = 4e-13  # (5 · 2⁻²³)²

# A day's sums: cells, Σ dx, Σ dy, Σ dx², Σ dy², Σ dx·dy, and what dx is taken about (NaN as long as unknown).
MANY, X, Y, XX, YY, XY, PIVOT = 0, 1, 2, 3, 4, 5, 6
SUMS = 8  # a cache line


@compiled(forceinline=True)
def whole_sums(x, y, pivot):
    """`signal_sums` where y is there in every cell; the same bits."""
    about, nothing = splat(pivot), splat(0.0)
    s, ss, sy = nothing, nothing, nothing
    for i in range(0, x.size, WIDTH):
        a, b = widen(load(x, i)) - about, widen(load(y, i))
        s, ss, sy = s + a, muladd(a, a, ss), muladd(a, b, sy)
    return total(s), total(ss), total(sy)


@compiled(forceinline=True)
def signal_sums(x, y, pivot):
    """Σ dx, Σ dx², Σ dx·y over the cells where y is there; NaN if x is not there in one of them."""
    about, nothing = splat(pivot), splat(0.0)
    s, ss, sy = nothing, nothing, nothing
    for i in range(0, x.size, WIDTH):
        b = widen(load(y, i))
        a = where(b == b, widen(load(x, i)) - about, nothing)
        b = where(b == b, b, nothing)
        s, ss, sy = s + a, muladd(a, a, ss), muladd(a, b, sy)
    return total(s), total(ss), total(sy)


@compiled(fastmath=REASSOCIATE)
def pair_sums(x, y, pivot):
    """Cells where both are there, and over them Σ dx, Σ y, Σ dx², Σ y², Σ dx·y."""
    many, sx, sy, xx, yy, xy = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(x.size):
        a, b = x[i] - pivot, np.float64(y[i])
        if a == a and b == b:
            many += 1
            sx += a
            sy += b
            xx += a * a
            yy += b * b
            xy += a * b
    return np.float64(many), sx, sy, xx, yy, xy


@compiled
def first_pair(x, y):
    """x in the first cell where both are there, NaN if there is none."""
    for first in range(0, x.size, WIDTH):
        a, b = load(x, first), load(y, first)
        if some((a == a) & (b == b)):
            for i in range(first, first + WIDTH):
                if x[i] == x[i] and y[i] == y[i]:
                    return np.float64(x[i])
    return np.nan


@compiled(forceinline=True)
def add_pairs(x, y, known, sums):
    """Add the pairs of some assets to a day's sums; known: the target's own cells, Σ y, Σ y² there."""
    if known[0] == 0.0:
        return
    pivot = sums[PIVOT]
    if pivot != pivot:
        pivot = sums[PIVOT] = first_pair(x, y)
        if pivot != pivot:
            return
    if known[0] == x.size:
        s, ss, sy = whole_sums(x, y, pivot)
    else:
        s, ss, sy = signal_sums(x, y, pivot)
    if s == s:
        sums[MANY] += known[0]
        sums[X] += s
        sums[Y] += known[1]
        sums[XX] += ss
        sums[YY] += known[2]
        sums[XY] += sy
    else:
        many, sx, sy, xx, yy, xy = pair_sums(x, y, pivot)
        sums[MANY] += many
        sums[X] += sx
        sums[Y] += sy
        sums[XX] += xx
        sums[YY] += yy
        sums[XY] += xy


@compiled
def squared_error(x, y):
    """Σ (x − y)² over the cells where y is there; NaN if x is not there in one of them."""
    nothing = splat(0.0)
    squares = nothing
    for i in range(0, x.size, WIDTH):
        b = widen(load(y, i))
        d = where(b == b, widen(load(x, i)) - b, nothing)
        squares = muladd(d, d, squares)
    return total(squares)


@compiled
def known_errors(x, y):
    """Cells where both are there, and Σ (x − y)² over them."""
    nothing, one = splat(0.0), splat(1.0)
    many, squares = nothing, nothing
    for i in range(0, x.size, WIDTH):
        d = widen(load(x, i)) - widen(load(y, i))
        there = d == d
        d = where(there, d, nothing)
        many, squares = many + where(there, one, nothing), muladd(d, d, squares)
    return total(many), total(squares)


@compiled
def add_wide_errors(x, y, wide, whole, known, sums):
    """`add_errors` with the target in float64 too, whose first `whole` cells are there; the same bits."""
    nothing = splat(0.0)
    squares = nothing
    for first in range(0, whole, LOOK):
        for i in range(first, min(first + LOOK, whole), WIDTH):
            d = widen(load(x, i)) - load(wide, i)
            squares = muladd(d, d, squares)
        if some(squares != squares):
            break
    for i in range(whole, x.size, WIDTH):
        b = load(wide, i)
        d = where(b == b, widen(load(x, i)) - b, nothing)
        squares = muladd(d, d, squares)
    many, squares_sum = known[0], total(squares)
    if squares_sum != squares_sum:
        many, squares_sum = known_errors(x, y)
    sums[MANY] += many
    sums[XX] += squares_sum


@compiled
def add_errors(x, y, known, sums):
    """Add the squared errors of some assets to a day's sums; known: first, the target's own cells."""
    many, squares = known[0], squared_error(x, y)
    if squares != squares:
        many, squares = known_errors(x, y)
    sums[MANY] += many
    sums[XX] += squares


@compiled
def is_flat(xx, mx, many):
    """Whether values vary by less than about five units in the last place of float32, relative to their mean.

    (close − 0.6) − close is a constant, but for rounding; without this rule a search takes the rounding for a
    signal, and finds by it which prices are high.
    """
    return xx <= FLAT * mx * mx * many


@compiled
def correlation(xx, yy, xy, mx, many):
    """Correlation from Σ dx², Σ dy², Σ dx·dy; NaN where x is flat or either does not vary."""
    if is_flat(xx, mx, many) or xx <= 0.0 or yy <= 0.0:
        return np.nan
    return xy / (np.sqrt(xx) * np.sqrt(yy))


@compiled
def centred(sums):
    """Mean x, and Σ dx², Σ dy², Σ dx·dy about the means, from a day's sums of one cell or more."""
    many = sums[MANY]
    sx, sy = sums[X], sums[Y]
    xx, yy = sums[XX] - sx * sx / many, sums[YY] - sy * sy / many
    return sums[PIVOT] + sx / many, xx, yy, sums[XY] - sx * sy / many


@compiled
def spread(totals, m, t):
    """Σ (y − mean y)² over all cells of target m on day t."""
    return totals[m, t, 2] - totals[m, t, 1] * totals[m, t, 1] / totals[m, t, 0]


@compiled
def pearson(sums, totals, m, t, least):
    """Correlation over all cells of a day's target, x being at its mean where it is missing.

    Σ dx·dy and Σ dx² are those of the pairs, for the cells without x have dx = 0; only Σ dy² is that of all
    cells. NaN under `least` pairs or where x is flat or either does not vary.

    sums: of the pairs of target m and day t. totals: float64 (M, T, 3), cells of the target, Σ y and Σ y².
    """
    if sums[MANY] < least:
        return np.nan
    mx, xx, yy, xy = centred(sums)
    if sums[MANY] < totals[m, t, 0]:
        yy = spread(totals, m, t)
    return correlation(xx, yy, xy, mx, sums[MANY])


@compiled
def spearman(x, y, totals, m, t, least, x_rank, sums, scratch):
    """`pearson` of average ranks: of the target among all its cells, of x among those that have a target.

    y: the ranks of target m on day t. sums[MANY] holds the number of pairs afterwards.
    """
    sums[:] = 0.0
    sums[PIVOT] = np.nan
    add_pairs(x, y, totals[m, t], sums)
    many = sums[MANY]
    if many < least:
        return np.nan
    mx, xx, _, _ = centred(sums)
    if is_flat(xx, mx, many):
        return np.nan
    for i in range(x.size):
        x_rank[i] = x[i] if y[i] == y[i] else NAN
    rank(x_rank, x.size, x_rank, scratch)
    sums[MANY], sums[X], sums[Y], sums[XX], sums[YY], sums[XY] = pair_sums(x_rank, y, 0.5)
    sums[PIVOT] = 0.5
    return pearson(sums, totals, m, t, least)


@compiled
def merge(sums, centre, moments):
    """Merge a day's pairs into moments: count, mean x, mean y, Σdx², Σdy², Σdx·dy (Chan et al. 1983).

    centre: what the day's target was taken about.
    """
    many = sums[MANY]
    if many == 0.0:
        return
    mx, xx, yy, xy = centred(sums)
    my = centre + sums[Y] / many
    before = moments[0]
    both = before + many
    dx, dy = mx - moments[1], my - moments[2]
    weight = before * many / both
    moments[3] += xx + dx * dx * weight
    moments[4] += yy + dy * dy * weight
    moments[5] += xy + dx * dy * weight
    moments[1] += dx * many / both
    moments[2] += dy * many / both
    moments[0] = both


@compiled
def note(value, enough, acc):
    """Count a day if x is there in enough cells, and its coefficient if it has one."""
    if enough:
        acc[3] += 1.0
    if value == value:
        acc[0] += 1.0
        acc[1] += value
        acc[2] += value * value


@compiled
def close_day(statistic, sums, totals, m, t, least, centre, moments, acc):
    """Add the sums of target m on day t to the accumulators of its segment; totals: as `pearson` has them."""
    if statistic == IC:
        note(pearson(sums, totals, m, t, least), sums[MANY] >= least, acc)
    elif statistic == SSE:
        acc[0] += sums[MANY]
        acc[1] += sums[XX]
        acc[3] += least
    else:
        merge(sums, centre, moments)
        acc[3] += least


@compiled
def conclude(moments, acc):
    """Pooled moments of every segment and target: pairs, their correlation, and Σ (y − mean y)²."""
    for s in range(acc.shape[0]):
        for m in range(acc.shape[1]):
            one = moments[s, m]
            acc[s, m, 0] = one[0]
            flat = is_flat(one[4], one[2], one[0])
            acc[s, m, 1] = np.nan if flat else correlation(one[3], one[4], one[5], one[1], one[0])
            acc[s, m, 2] = one[4]
