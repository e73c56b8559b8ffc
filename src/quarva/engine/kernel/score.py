"""Scores accumulated day by day: information coefficient, rank IC, squared error, pooled correlation.

Sums are written as branches (`if there: total += v`): LLVM turns those into masked vector code, and leaves
sums of selected values (`total += v if there else 0`) scalar, 3.5 times slower here.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.cross import REASSOCIATE, rank

IC, RANK_IC, SSE, CORRELATION = 0, 1, 2, 3
FLAT = 4e-13  # (5 · 2⁻²³)²


@compiled(fastmath=REASSOCIATE)
def pair_sums(x, y, n):
    """Number of cells where both are there, and the sums of both over them."""
    many, sx, sy = 0, 0.0, 0.0
    for i in range(n):
        a, b = x[i], y[i]
        if a == a and b == b:
            many += 1
            sx += a
            sy += b
    return np.float64(many), sx, sy


@compiled(fastmath=REASSOCIATE)
def pair_products(x, y, n, mx, my):
    """Σ dx², Σ dy², Σ dx·dy over the cells where both are there."""
    xx, yy, xy = 0.0, 0.0, 0.0
    for i in range(n):
        a, b = x[i] - mx, y[i] - my
        if a == a and b == b:
            xx += a * a
            yy += b * b
            xy += a * b
    return xx, yy, xy


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
def pearson(x, y, n, least):
    """Pearson correlation where both are there; NaN under `least` cells or where one is flat."""
    many, sx, sy = pair_sums(x, y, n)
    if many < least:
        return np.nan
    mx, my = sx / many, sy / many
    xx, yy, xy = pair_products(x, y, n, mx, my)
    return correlation(xx, yy, xy, mx, many)


@compiled
def spearman(x, y, n, least, x_rank, y_rank, scratch):
    """Pearson correlation of average ranks over the cells where both are there; NaN where x is flat."""
    many, sx, sy = pair_sums(x, y, n)
    if many < least:
        return np.nan
    mx, my = sx / many, sy / many
    if is_flat(pair_products(x, y, n, mx, my)[0], mx, many):
        return np.nan
    for i in range(n):
        there = x[i] == x[i] and y[i] == y[i]
        x_rank[i] = x[i] if there else np.float32(np.nan)
        y_rank[i] = y[i] if there else np.float32(np.nan)
    rank(x_rank, n, x_rank, scratch)
    rank(y_rank, n, y_rank, scratch)
    return pearson(x_rank, y_rank, n, least)


@compiled(fastmath=REASSOCIATE)
def squared_error(x, y, n):
    """Cells where both are there, and Σ (x − y)² over them."""
    many, total = 0, 0.0
    for i in range(n):
        d = np.float64(x[i]) - np.float64(y[i])
        if d == d:
            many += 1
            total += d * d
    return np.float64(many), total


@compiled
def pool(x, y, n, moments):
    """Merge a row's pairs into moments: count, mean x, mean y, Σdx², Σdy², Σdx·dy (Chan et al. 1983)."""
    many, sx, sy = pair_sums(x, y, n)
    if many == 0.0:
        return
    mx, my = sx / many, sy / many
    xx, yy, xy = pair_products(x, y, n, mx, my)
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
