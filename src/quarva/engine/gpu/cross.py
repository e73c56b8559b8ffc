"""Cross-sectional and group operators on the device: the code between two barriers of a block.

A team of `team` threads computes a day, each thread every `team`-th asset. A thread writes its part of a sum
to its column of `parts`, float64 of shape (PARTS, THREADS). After a barrier, every thread adds up the parts
of its team, always in the same order, so that results are deterministic.
"""

import math

import numpy as np

from quarva.engine.gpu.cells import NAN, cell, keep
from quarva.engine.gpu.jit import on_device
from quarva.engine.gpu.order import ABSENT, count_smaller, exact_share, quantile_of_row, rank, word_of
from quarva.karva.operators import CODE

RANK, ZSCORE, DEMEAN, SCALE = CODE["rank"], CODE["zscore"], CODE["demean"], CODE["scale"]
WINSORISE, BUCKET, RESIDUAL = CODE["winsorise"], CODE["bucket"], CODE["residual"]
OF_ASSET = CODE["of_asset"]
GROUP_DEMEAN, GROUP_RANK, GROUP_ZSCORE = CODE["group_demean"], CODE["group_rank"], CODE["group_zscore"]

PARTS = 6
# Rows of `parts`: in the first pass the count, Σ|x| and the minima, in the second the sums about the minima.
MANY, SIZE, LEAST_X, LEAST_Y = 0, 1, 2, 3
X, XX, Y, YY, XY = 1, 2, 3, 4, 5
INFINITE = np.inf


@on_device
def orders(op):
    """True if an operator needs the sorted values of the day."""
    return op == RANK or op == WINSORISE or op == BUCKET or op == GROUP_RANK


@on_device
def seen(x, day, asset, universe):
    """Value of a node for cross-sectional operators: NaN outside the universe."""
    if universe.shape[0] > 0 and universe[day, asset] == 0:
        return NAN
    return cell(x, day, asset)


@on_device
def count_pairs(x, y, day, n_assets, universe, lane, team, parts, column):
    """First pass of a thread: number of pairs, Σ|x|, minima of x and y. For a single operand, pass y = x."""
    many, size, least_x, least_y = 0.0, 0.0, INFINITE, INFINITE
    for i in range(lane, n_assets, team):
        a, b = np.float64(seen(x, day, i, universe)), np.float64(cell(y, day, i))
        if a == a and b == b:
            many += 1.0
            size += abs(a)
            least_x, least_y = min(least_x, a), min(least_y, b)
    parts[MANY, column], parts[SIZE, column] = many, size
    parts[LEAST_X, column], parts[LEAST_Y, column] = least_x, least_y


@on_device
def sum_pairs(x, y, day, n_assets, universe, lane, team, about_x, about_y, parts, column):
    """Second pass of a thread: sums of dx, dx², dy, dy², dx·dy, where d is the distance from `about`."""
    many, sx, xx, sy, yy, xy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(lane, n_assets, team):
        a, b = np.float64(seen(x, day, i, universe)) - about_x, np.float64(cell(y, day, i)) - about_y
        if a == a and b == b:
            many += 1.0
            sx += a
            xx += a * a
            sy += b
            yy += b * b
            xy += a * b
    parts[MANY, column] = many
    parts[X, column], parts[XX, column] = sx, xx
    parts[Y, column], parts[YY, column], parts[XY, column] = sy, yy, xy


@on_device
def total(parts, row, first, team):
    """Sum of the parts of a team."""
    value = 0.0
    for k in range(first, first + team):
        value += parts[row, k]
    return value


@on_device
def lowest(parts, row, first, team):
    """Minimum of the parts of a team; 0 if the day has no values."""
    value = INFINITE
    for k in range(first, first + team):
        value = min(value, parts[row, k])
    return value if value < INFINITE else 0.0


@on_device
def factors(op, many, size, about, sx, xx, sy, yy, xy):
    """Return c, b, f such that the operator is (dx − c − b·dy) · f; dx and dy are distances from the minima.

    f is NaN if the operator is undefined: too few values, no variance, or Σ|x| = 0.
    """
    if many == 0.0:
        return 0.0, 0.0, np.nan
    mean = sx / many
    if op == ZSCORE:
        varies = xx - sx * mean
        f = 1.0 / math.sqrt(varies / (many - 1.0)) if many > 1.0 and varies > 0.0 else np.nan
        return mean, 0.0, f
    if op == RESIDUAL:
        varies = yy - sy * sy / many
        if many < 3.0 or varies <= 0.0:
            return 0.0, 0.0, np.nan
        slope = (xy - sx * sy / many) / varies
        return mean - slope * sy / many, slope, 1.0
    if op == SCALE:
        return -about, 0.0, 1.0 / size if size > 0.0 else np.nan
    return mean, 0.0, 1.0


@on_device
def fill_words(x, day, n_assets, universe, group, grouped, lane, team, words, at, room):
    """Write the values of a day as sortable words. `group` holds the codes of the assets, if `grouped`."""
    for i in range(lane, room, team):
        word = ABSENT
        if i < n_assets:
            v = seen(x, day, i, universe)
            code = np.int64(group[i]) if grouped else np.int64(0)
            if v == v and code >= 0:
                word = word_of(v, code)
        words[at + i] = word


@on_device
def ordered(op, v, param, share, code, words, at, room):
    """Apply an operator on sorted words to a value v, not NaN, of group `code` (0 without groups)."""
    begin, end = (
        count_smaller(words, at, room, first_word(code)),
        count_smaller(words, at, room, first_word(code + 1)),
    )
    if op == WINSORISE:
        q = exact_share(share)
        low, high = quantile_of_row(words, at, end, q), quantile_of_row(words, at, end, 1.0 - q)
        return min(max(np.float64(v), low), high)
    word = word_of(v, code)
    if op == BUCKET:
        twice = count_smaller(words, at, room, word) + count_smaller(words, at, room, word + 1) - 1
        return np.float64(twice * param // (2 * end) + 1)
    return rank(words, at, room, word, begin, end)


@on_device
def first_word(code):
    """Lower bound of the words of a group, above those of the groups before."""
    return np.int64(code) * 2**32


@on_device
def sum_groups(x, day, universe, members, starts, lane, team, found, many_groups):
    """Write to `found`, float64 (4, groups): count, first value, and sums of d and d² about it of each group.

    `members` lists the assets by group, and `starts` where each group begins in it, followed by the end. Each
    group is summed by one thread.
    """
    for g in range(lane, many_groups, team):
        many, about, s, ss = 0.0, 0.0, 0.0, 0.0
        for j in range(starts[g], starts[g + 1]):
            v = np.float64(seen(x, day, members[j], universe))
            if v == v:
                if many == 0.0:
                    about = v
                many += 1.0
                s += v - about
                ss += (v - about) * (v - about)
        found[0, g], found[1, g], found[2, g], found[3, g] = many, about, s, ss


@on_device
def in_group(op, v, code, found):
    """Compute `group_demean` or `group_zscore` of a value v, given the sums of its group."""
    many, about, s, ss = found[0, code], found[1, code], found[2, code], found[3, code]
    deviation = (np.float64(v) - about) - s / many
    if op == GROUP_DEMEAN:
        return keep(deviation)
    varies = ss - s * s / many
    return keep(deviation / math.sqrt(varies / (many - 1.0))) if many > 1.0 and varies > 0.0 else NAN
