"""Cross-sectional operators: one day, all assets. Cells that are NaN are skipped and stay NaN.

A row holds n assets and NaN behind them. Sums are taken about one of the day's values: squares about it do
not cancel (a variance loses no more digits than a day has assets), and are exactly 0 where all are equal.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.cross_section.group import group_demean, group_rank, group_scratch, group_zscore
from quarva.engine.kernel.cross_section.ranks import blank, rank, rank_scratch
from quarva.engine.kernel.cross_section.sorting import HIGH, LOW, sort_row
from quarva.engine.kernel.vectors.float32 import NAN, keep
from quarva.engine.kernel.vectors.vectors import REASSOCIATE, full_width
from quarva.karva.operators import CODE

__all__ = [
    "cross",
    "cross_pair",
    "cross_scratch",
    "group",
]

RANK, ZSCORE, DEMEAN, SCALE = CODE["rank"], CODE["zscore"], CODE["demean"], CODE["scale"]
WINSORISE, BUCKET, OF_ASSET = CODE["winsorise"], CODE["bucket"], CODE["of_asset"]
RESIDUAL = CODE["residual"]
GROUP_DEMEAN, GROUP_RANK, GROUP_ZSCORE = CODE["group_demean"], CODE["group_rank"], CODE["group_zscore"]

I1 = np.int32(1)


@compiled(allocates=True)
def cross_scratch(width, n_groups):
    """What cross-sectional and group operators need besides, for rows of up to `width` assets."""
    return rank_scratch(width), group_scratch(width, n_groups)


@compiled
def first_value(x, n):
    """The first cell that is not NaN, else 0."""
    for i in range(n):
        if x[i] == x[i]:
            return np.float64(x[i])
    return 0.0


@compiled
def first_pair(y, x, n):
    """The first cells where neither is NaN, else 0."""
    for i in range(n):
        if x[i] == x[i] and y[i] == y[i]:
            return np.float64(y[i]), np.float64(x[i])
    return 0.0, 0.0


# LLVM makes vector code of these sums as they are written, with a count in int32 beside float64; counts in
# float64 or int64 leave a loop that takes 1.7 instead of 0.2 ns a cell.
@compiled(fastmath=REASSOCIATE)
def sums_about(x, pivot):
    """Number of cells, Σ (x − pivot) and Σ (x − pivot)²."""
    full_width()
    many, total, squares = np.int32(0), 0.0, 0.0
    for i in range(x.size):
        v = x[i]
        if v == v:
            d = np.float64(v) - pivot
            many += I1
            total += d
            squares += d * d
    return np.float64(many), total, squares


@compiled(fastmath=REASSOCIATE)
def size_of(x):
    """Σ|x|."""
    full_width()
    total = 0.0
    for i in range(x.size):
        v = np.float64(abs(x[i]))
        total += v if v == v else 0.0
    return total


@compiled(fastmath=REASSOCIATE)
def pair_sums(y, x, pivot_y, pivot_x):
    """Number of pairs, and Σ dy, Σ dx, Σ dx·dx, Σ dx·dy of their distances from the pivots."""
    full_width()
    many, sy, sx, xx, xy = np.int32(0), 0.0, 0.0, 0.0, 0.0
    for i in range(x.size):
        a, b = y[i], x[i]
        if a + b == a + b:
            dy, dx = np.float64(a) - pivot_y, np.float64(b) - pivot_x
            many += I1
            sy += dy
            sx += dx
            xx += dx * dx
            xy += dx * dy
    return np.float64(many), sy, sx, xx, xy


@compiled
def shift_and_stretch(x, mean, share, out):
    full_width()
    for i in range(out.size):
        out[i] = keep(np.float32((x[i] - mean) * share))


@compiled
def zscore(x, n, out):
    pivot = first_value(x, n)
    many, total, squares = sums_about(x, pivot)
    mean = total / max(many, 1.0)
    share = np.nan
    if many > 1.0 and squares > 0.0:
        share = np.sqrt((many - 1.0) / (squares - total * mean))
    shift_and_stretch(x, pivot + mean, share, out)


@compiled
def demean(x, n, out):
    pivot = first_value(x, n)
    many, total, _ = sums_about(x, pivot)
    shift_and_stretch(x, pivot + total / max(many, 1.0), 1.0, out)


@compiled
def scale(x, n, out):
    shift_and_stretch(x, 0.0, 1.0 / size_of(x), out)


@compiled
def sorted_value(x, word, k):
    return np.float64(x[np.int64(word[k] & LOW)])


@compiled
def quantile(x, word, m, share):
    """Between two of m sorted cells by a straight line, as Hyndman and Fan (1996) number 7."""
    at = share * (m - 1)
    k = min(np.int64(at), m - 1)
    low, high = sorted_value(x, word, k), sorted_value(x, word, min(k + 1, m - 1))
    return np.float32(low + (high - low) * (at - k))


@compiled
def winsorise(x, n, share, out, scratch):
    """x within the day's quantiles `share` and 1 − share."""
    word, m = sort_row(x, n, scratch[2])
    low = high = NAN
    if m > 0:
        low, high = quantile(x, word, m, share), quantile(x, word, m, 1.0 - share)
    full_width()
    for i in range(out.size):
        v = x[i]
        v = low if v < low else v
        out[i] = high if v > high else v


@compiled
def bucket(x, n, count, out, scratch):
    """Which of `count` equal parts of the day, 1 …; by whole numbers, as rounding would decide at borders."""
    word, m = sort_row(x, n, scratch[2])
    blank(out, 0)
    i = 0
    while i < m:
        j = i + 1
        while j < m and word[j] >> HIGH == word[i] >> HIGH:
            j += 1
        part = np.float32((i + j - 1) * count // (2 * m) + 1)
        for k in range(i, j):
            out[np.int64(word[k] & LOW)] = part
        i = j


@compiled
def of_asset(x, n, asset, out):
    for i in range(n):
        out[i] = x[asset]
    blank(out, n)


@compiled
def residual(y, x, n, out):
    """y − a − b·x by least squares over cells that have both; NaN if x is constant or under 3 have."""
    pivot_y, pivot_x = first_pair(y, x, n)
    many, sy, sx, xx, xy = pair_sums(y, x, pivot_y, pivot_x)
    mean_y, mean_x = sy / max(many, 1.0), sx / max(many, 1.0)
    slope = np.nan
    if many >= 3.0 and xx > 0.0:
        slope = (xy - sx * mean_y) / (xx - sx * mean_x)
    mean_y += pivot_y
    mean_x += pivot_x
    full_width()
    for i in range(out.size):
        out[i] = keep(np.float32((y[i] - mean_y) - slope * (x[i] - mean_x)))


@compiled
def cross(code, x, n, number, param, out, scratch):
    """The cross-sectional operator `code` of one argument over the first n cells of a row.

    number: float32, the share of `winsorise`; param: the count of `bucket`, the column of `of_asset`.
    scratch: `cross_scratch`. out is another row, of the size of x.
    """
    if code == RANK:
        rank(x, n, out, scratch[0])
    elif code == ZSCORE:
        zscore(x, n, out)
    elif code == DEMEAN:
        demean(x, n, out)
    elif code == SCALE:
        scale(x, n, out)
    elif code == WINSORISE:
        winsorise(x, n, np.float64(number), out, scratch[0])
    elif code == BUCKET:
        bucket(x, n, np.int64(param), out, scratch[0])
    elif code == OF_ASSET:
        of_asset(x, n, param, out)


@compiled
def cross_pair(code, y, x, n, out):
    """The cross-sectional operator `code` of two arguments over the first n cells of rows."""
    if code == RESIDUAL:
        residual(y, x, n, out)


@compiled
def group(code, x, n, groups, scratch, out):
    """The group operator `code` over the first n cells of a row; groups: int, −1 for none; out another."""
    if code == GROUP_DEMEAN:
        group_demean(x, n, groups, scratch[1][0], scratch[1][1], out)
    elif code == GROUP_RANK:
        group_rank(x, n, groups, scratch[0][2], scratch[1], out)
    elif code == GROUP_ZSCORE:
        group_zscore(x, n, groups, scratch[1], out)
