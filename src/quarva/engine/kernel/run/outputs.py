"""What becomes of a formula's values: they are scored against targets, or written out.

Of a tile's rows, scores keep a day's sums only (`score`), in float64 (roots, M, days of a chunk, SUMS).
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.run.score import (  # fmt: skip
    MANY,
    PIVOT,
    RANK_IC,
    SSE,
    SUMS,
    add_errors,
    add_pairs,
    add_wide_errors,
    close_day,
    note,
    spearman,
)
from quarva.engine.kernel.series.lanes import WIDTH
from quarva.engine.kernel.vectors.float32 import NAN

WRITE = 10  # instead of a statistic


@compiled
def clear(sums):
    """Sums of no day yet."""
    for r in range(sums.shape[0]):
        for m in range(sums.shape[1]):
            for d in range(sums.shape[2]):
                for k in range(SUMS):
                    sums[r, m, d, k] = 0.0
                sums[r, m, d, PIVOT] = np.nan


@compiled
def add_tile(statistic, slots, at, t, days, tile, lanes, values, known, least, segments, sums):
    """Add a tile's part to the sums of days t …; its first row begins at `at`; sums: (M, days, SUMS)."""
    for m in range(values.shape[0]):
        for d in range(days):
            if segments[t + d] < 0 or least[m, t + d] < 0:
                continue
            x = slots[at + d * lanes : at + (d + 1) * lanes]
            y = values[m, t + d, tile * lanes : (tile + 1) * lanes]
            if statistic == SSE:
                add_errors(x, y, known[m, t + d, tile], sums[m, d])
            else:
                add_pairs(x, y, known[m, t + d, tile], sums[m, d])


@compiled
def widen_targets(values, t, days, tile, lanes, wide, whole):
    """A tile's targets in float64, (M, days · lanes), and of each day how many cells are there before a gap.

    whole: int64 (M, days), in whole vectors. Formulas share them: half of what a squared error costs is the
    widening, and the choice where a cell is missing.
    """
    for m in range(values.shape[0]):
        for d in range(days):
            y, row = values[m, t + d, tile * lanes : (tile + 1) * lanes], wide[m, d * lanes : (d + 1) * lanes]
            many = 0
            for i in range(lanes):
                row[i] = y[i]
                if many == i and y[i] == y[i]:
                    many += 1
            whole[m, d] = many // WIDTH * WIDTH


@compiled
def add_block(slots, at, t, days, tile, lanes, values, wide, whole, known, least, segments, sums):
    """`add_tile` of squared errors, against targets that `widen_targets` has prepared."""
    for m in range(values.shape[0]):
        for d in range(days):
            if segments[t + d] < 0 or least[m, t + d] < 0:
                continue
            x = slots[at + d * lanes : at + (d + 1) * lanes]
            y = values[m, t + d, tile * lanes : (tile + 1) * lanes]
            b = wide[m, d * lanes : (d + 1) * lanes]
            add_wide_errors(x, y, b, whole[m, d], known[m, t + d, tile], sums[m, d])


@compiled
def write_tile(slots, at, t, days, tile, lanes, universe, out):
    """Write a tile's rows to out, (T, N); NaN outside the universe."""
    first = tile * lanes
    many = min(lanes, out.shape[1] - first)
    for d in range(days):
        x, row = slots[at + d * lanes : at + d * lanes + many], out[t + d, first : first + many]
        if universe.size > 0:
            inside = universe[t + d, first : first + many]
            for i in range(many):
                row[i] = x[i] if inside[i] else NAN
        else:
            for i in range(many):
                row[i] = x[i]


@compiled
def take_tile(mode, root, slots, at, t, days, tile, lanes, taking):
    """Take a root's rows of one tile."""
    values, known, least, _, segments, sums, universe, owner, out = taking
    if mode == WRITE:
        write_tile(slots, at, t, days, tile, lanes, universe, out[owner[root]])
    elif mode != RANK_IC:
        add_tile(mode, slots, at, t, days, tile, lanes, values, known, least, segments, sums[root])


@compiled
def close_days(statistic, t, days, totals, least, centre, segments, sums, moments, acc):
    """Add the sums of days t … of one root to its accumulators: sums (M, days, SUMS), acc (S, M, 4).

    totals: float64 (M, T, 3), cells of the target, Σ and Σ² of its values.
    """
    for d in range(days):
        segment = segments[t + d]
        if segment < 0 or segment >= acc.shape[0]:
            continue
        for m in range(least.shape[0]):
            enough = least[m, t + d]
            if enough >= 0:
                close_day(
                    statistic, sums[m, d], totals[m, t + d], enough, centre[m, t + d], moments[segment, m],
                    acc[segment, m],
                )  # fmt: skip


@compiled
def rank_day(x, t, values, totals, least, segment, ranks, sums, scratch, acc):
    """Add day t of one root, all assets in x, to the accumulators of its segment: acc (S, M, 4).

    totals: float64 (M, T, 3), cells of the target and sums of its ranks about ½ and of their squares.
    """
    for m in range(values.shape[0]):
        if least[m, t] >= 0:
            value = spearman(x, values[m, t], totals[m, t], least[m, t], ranks, sums, scratch)
            note(value, sums[MANY] >= least[m, t], acc[segment, m])
