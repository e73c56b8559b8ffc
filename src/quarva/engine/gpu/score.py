"""Scores of a day: information coefficient, rank IC, squared error, pooled correlation.

The rules are those of the CPU kernel (`engine.kernel.run.score`). A day counts if it has at least `least`
cells, and values that vary by less than about five units in the last place of float32, relative to their
mean, are constant. The result of a day is a row of SUMS float64 numbers. Rows are added in the order of days.
"""

import math

import numpy as np

from quarva.engine.gpu.cells import cell
from quarva.engine.gpu.cross import MANY, PARTS, XX, XY, YY, X, Y, total
from quarva.engine.gpu.jit import on_device
from quarva.engine.gpu.order import rank, word_of
from quarva.engine.kernel.run.outputs import WRITE
from quarva.engine.kernel.run.score import CORRELATION, FLAT, IC, RANK_IC, SSE

__all__ = [
    "CORRELATION", "ENOUGH", "IC", "MOMENTS", "RANK_IC", "SSE", "SUMS", "VALUE", "WRITE", "add_day",
    "conclude", "day_moments", "is_constant", "pearson", "sum_errors", "sum_ranks",
]  # fmt: skip

SUMS = 8
MOMENTS = 6
# Result of a day: number of cells and squared error; or number of cells, means, and sums about the means.
CELLS, ERROR, MEAN_X, MEAN_Y, ABOUT_XX, ABOUT_YY, ABOUT_XY = 0, 1, 1, 2, 3, 4, 5
VALUE, ENOUGH = 0, 1  # or the coefficient, and 1 if the signal has enough cells, else 0


@on_device
def correlation(xx, yy, xy, mx, many):
    """Correlation from Σ dx², Σ dy², Σ dx·dy; NaN if x is flat or one of them is constant."""
    if xx <= FLAT * mx * mx * many or xx <= 0.0 or yy <= 0.0:
        return np.nan
    return xy / (math.sqrt(xx) * math.sqrt(yy))


@on_device
def about_means(parts, first, team):
    """Number of pairs of a day, mean dx and dy, and Σ dx², Σ dy², Σ dx·dy about the means."""
    many = total(parts, MANY, first, team)
    share = 1.0 / max(many, 1.0)
    sx, sy = total(parts, X, first, team), total(parts, Y, first, team)
    xx = total(parts, XX, first, team) - sx * sx * share
    yy = total(parts, YY, first, team) - sy * sy * share
    return many, sx * share, sy * share, xx, yy, total(parts, XY, first, team) - sx * sy * share


@on_device
def pearson(parts, first, team, about, known, spread, least):
    """Correlation over all cells of the target of a day, with missing x replaced by their mean.

    `about` is the pivot of the sums of x. `known` and `spread` are the number of cells of the target and
    Σ (y − mean y)² over them. The result is NaN for fewer pairs than `least`.
    """
    many, mx, _, xx, yy, xy = about_means(parts, first, team)
    if many < known:
        yy = spread
    return correlation(xx, yy, xy, about + mx, many) if many >= least else np.nan


@on_device
def is_constant(parts, first, team, about, least):
    """True if the x of a day are too few or constant, so that ranks are meaningless."""
    many, mx, _, xx, _, _ = about_means(parts, first, team)
    mean = about + mx
    return many < least or xx <= FLAT * mean * mean * many


@on_device
def day_moments(parts, first, team, about_x, about_y, row):
    """Write the moments of a day to its row."""
    many, mx, my, xx, yy, xy = about_means(parts, first, team)
    row[CELLS], row[MEAN_X], row[MEAN_Y] = many, about_x + mx, about_y + my
    row[ABOUT_XX], row[ABOUT_YY], row[ABOUT_XY] = xx, yy, xy


@on_device
def sum_errors(x, y, day, n_assets, lane, team, parts, column):
    """Write this thread's part: number of cells without NaN, and Σ (x − y)² over them."""
    many, squares = 0.0, 0.0
    for i in range(lane, n_assets, team):
        d = np.float64(cell(x, day, i)) - np.float64(cell(y, day, i))
        if d == d:
            many += 1.0
            squares += d * d
    parts[MANY, column], parts[XX, column] = many, squares


@on_device
def sum_ranks(x, y, day, n_assets, lane, team, words, at, room, many, parts, column):
    """Write this thread's part of the sums of ranks about ½ over the pairs.

    `words` holds the sorted x of the pairs from index `at` on, and y the ranks of the target.
    """
    for r in range(PARTS):
        parts[r, column] = 0.0
    for i in range(lane, n_assets, team):
        a, b = cell(x, day, i), cell(y, day, i)
        if a == a and b == b:
            u = rank(words, at, room, word_of(a, np.int64(0)), 0, many) - 0.5
            v = np.float64(b)
            parts[MANY, column] += 1.0
            parts[X, column] += u
            parts[XX, column] += u * u
            parts[Y, column] += v
            parts[YY, column] += v * v
            parts[XY, column] += u * v


@on_device
def add_day(mode, row, least, centre, moments, acc):
    """Add the row of a day to the scores of its segment and target."""
    if mode == IC or mode == RANK_IC:
        acc[3] += row[ENOUGH]
        value = row[VALUE]
        if value == value:
            acc[0] += 1.0
            acc[1] += value
            acc[2] += value * value
        return
    acc[3] += least
    if mode == SSE:
        acc[0] += row[CELLS]
        acc[1] += row[ERROR]
    elif row[CELLS] > 0.0:
        merge(row, centre, moments)


@on_device
def merge(row, centre, moments):
    """Merge a day into moments: number of cells, mean x, mean y, Σdx², Σdy², Σdx·dy (Chan et al. 1983)."""
    many, before = row[CELLS], moments[0]
    both = before + many
    dx, dy = row[MEAN_X] - moments[1], centre + row[MEAN_Y] - moments[2]
    weight = before * many / both
    moments[3] += row[ABOUT_XX] + dx * dx * weight
    moments[4] += row[ABOUT_YY] + dy * dy * weight
    moments[5] += row[ABOUT_XY] + dx * dy * weight
    moments[1] += dx * many / both
    moments[2] += dy * many / both
    moments[0] = both


@on_device
def conclude(moments, acc):
    """Scores from pooled moments: number of pairs, correlation, and Σ (y − mean y)²."""
    acc[0] = moments[0]
    acc[1] = correlation(moments[3], moments[4], moments[5], moments[1], moments[0])
    if moments[4] <= FLAT * moments[2] * moments[2] * moments[0]:
        acc[1] = np.nan
    acc[2] = moments[4]
