"""Scores: information coefficient, rank IC, squared error, pooled correlation.

The sums of a day are added up tile by tile, and the scores are computed from them at the end of a chunk. Sums
of the signal are taken about the first value of the day. Because it belongs to the sample, a variance loses
at most as many digits as the day has assets by cancellation, and one pass over the cells is enough. The mean
of the day is subtracted from the target beforehand, where this is exact.

Sums without `lanes` are written with branches (`if there: total += v`), which LLVM turns into masked vector
code. Sums of selected values (`total += v if there else 0`) stay scalar and take 3.5 times as long.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.cross_section.ranks import rank
from quarva.engine.kernel.series.lanes import WIDTH, load, muladd, some, splat, total, where, widen
from quarva.engine.kernel.vectors.float32 import NAN
from quarva.engine.kernel.vectors.vectors import REASSOCIATE

IC, RANK_IC, SSE, CORRELATION = 0, 1, 2, 3
LOOK = 8 * WIDTH  # number of cells between two checks whether a sum is NaN already
FLAT = 4e-13  # (5 · 2⁻²³)²

# The sums of a day: number of cells, Σ dx, Σ dy, Σ dx², Σ dy², Σ dx·dy, and the pivot of dx (initially NaN).
MANY, X, Y, XX, YY, XY, PIVOT = 0, 1, 2, 3, 4, 5, 6
SUMS = 8  # a cache line


@compiled(forceinline=True)
def whole_sums(x, y, pivot):
    """`signal_sums` for y without NaN, with the same bits."""
    about, nothing = splat(pivot), splat(0.0)
    s, ss, sy = nothing, nothing, nothing
    for i in range(0, x.size, WIDTH):
        a, b = widen(load(x, i)) - about, widen(load(y, i))
        s, ss, sy = s + a, muladd(a, a, ss), muladd(a, b, sy)
    return total(s), total(ss), total(sy)


@compiled(forceinline=True)
def signal_sums(x, y, pivot):
    """Σ dx, Σ dx², Σ dx·y over the cells in which y is not NaN; NaN if x is NaN in one of them."""
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
    """Number of cells without NaN, and Σ dx, Σ y, Σ dx², Σ y², Σ dx·y over them."""
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
    """x in the first cell in which neither is NaN, or NaN."""
    for first in range(0, x.size, WIDTH):
        a, b = load(x, first), load(y, first)
        if some((a == a) & (b == b)):
            for i in range(first, first + WIDTH):
                if x[i] == x[i] and y[i] == y[i]:
                    return np.float64(x[i])
    return np.nan


@compiled(forceinline=True)
def add_pairs(x, y, known, sums):
    """Add the pairs of a tile to the sums of a day. `known`: number of cells of the target, Σ y and Σ y²."""
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
    """Σ (x − y)² over the cells in which y is not NaN; NaN if x is NaN in one of them."""
    nothing = splat(0.0)
    squares = nothing
    for i in range(0, x.size, WIDTH):
        b = widen(load(y, i))
        d = where(b == b, widen(load(x, i)) - b, nothing)
        squares = muladd(d, d, squares)
    return total(squares)


@compiled
def known_errors(x, y):
    """Number of cells without NaN, and Σ (x − y)² over them."""
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
    """`add_errors` with the target in float64, whose first `whole` cells are not NaN; the same bits."""
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
    """Add the squared errors of a tile to the sums of a day. `known[0]`: number of cells of the target."""
    many, squares = known[0], squared_error(x, y)
    if squares != squares:
        many, squares = known_errors(x, y)
    sums[MANY] += many
    sums[XX] += squares


@compiled
def is_flat(xx, mx, many):
    """True if values vary by less than about five units in the last place of float32, relative to their mean.

    (close − 0.6) − close is constant except for rounding errors. Without this rule, a search would score the
    rounding errors, which are larger for higher prices.
    """
    return xx <= FLAT * mx * mx * many


@compiled
def correlation(xx, yy, xy, mx, many):
    """Correlation from Σ dx², Σ dy², Σ dx·dy; NaN if x is flat or one of them is constant."""
    if is_flat(xx, mx, many) or xx <= 0.0 or yy <= 0.0:
        return np.nan
    return xy / (np.sqrt(xx) * np.sqrt(yy))


@compiled
def centred(sums):
    """Mean x, and Σ dx², Σ dy², Σ dx·dy about the means, from the sums of a day with at least one cell."""
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
    """Correlation over all cells of the target of a day, with missing x replaced by their mean.

    Cells without x have dx = 0. Σ dx·dy and Σ dx² are therefore those of the pairs, and only Σ dy² is taken
    over all cells.

    Parameters
    ----------
    sums : ndarray of float64, shape (SUMS,)
        The sums over the pairs of target m and day t.
    totals : ndarray of float64, shape (M, T, 3)
        Number of cells of the target, Σ y and Σ y².
    m, t : int
        The target and the day.
    least : float
        Minimal number of pairs.

    Returns
    -------
    float
        NaN for fewer pairs, or if x is flat or one of them is constant.
    """
    if sums[MANY] < least:
        return np.nan
    mx, xx, yy, xy = centred(sums)
    if sums[MANY] < totals[m, t, 0]:
        yy = spread(totals, m, t)
    return correlation(xx, yy, xy, mx, sums[MANY])


@compiled
def spearman(x, y, totals, m, t, least, x_rank, sums, scratch):
    """`pearson` of average ranks.

    y holds the ranks of the target among all its cells. x is ranked among the cells with a target.
    `sums[MANY]` receives the number of pairs.
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
    """Merge the pairs of a day into moments: count, mean x, mean y, Σdx², Σdy², Σdx·dy (Chan et al. 1983).

    `centre` is the value that was subtracted from the day's target.
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
    """Count a day if x has enough values (`enough`), and add its coefficient if that is not NaN."""
    if enough:
        acc[3] += 1.0
    if value == value:
        acc[0] += 1.0
        acc[1] += value
        acc[2] += value * value


@compiled
def close_day(statistic, sums, totals, m, t, least, centre, moments, acc):
    """Add the sums of target m on day t to the scores of its segment; `totals` as in `pearson`."""
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
    """Scores from the pooled moments: number of pairs, correlation, and Σ (y − mean y)²."""
    for s in range(acc.shape[0]):
        for m in range(acc.shape[1]):
            one = moments[s, m]
            acc[s, m, 0] = one[0]
            flat = is_flat(one[4], one[2], one[0])
            acc[s, m, 1] = np.nan if flat else correlation(one[3], one[4], one[5], one[1], one[0])
            acc[s, m, 2] = one[4]
