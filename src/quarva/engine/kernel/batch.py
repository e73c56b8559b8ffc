"""Whole batches: formulas first … last over all days, scored as they go, or written out."""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.cross import rank_scratch
from quarva.engine.kernel.elementwise import NAN
from quarva.engine.kernel.machine import cross_scratch, fill_numbers, plan, restrict, step
from quarva.engine.kernel.score import (
    CORRELATION,
    IC,
    RANK_IC,
    SSE,
    correlation,
    pearson,
    pool,
    spearman,
    squared_error,
)
from quarva.karva.alphabet import FIELD


@compiled(inline="always")  # a view can not be returned without reference counts
def root_row(k, code, base, rows, fields, ring, width, t):
    """The row of day t of node k."""
    at = base[k] + (t % rows[k]) * width
    buf = fields if code[k] == FIELD else ring
    return buf[at : at + width]


@compiled
def add_day(statistic, x, targets, least, t, segment, n_assets, ranking, x_rank, y_rank, moments, acc):
    """Add one day's row to the accumulators of its segment, against every target."""
    for m in range(targets.shape[0]):
        enough = least[m, t]
        if enough < 0:
            continue
        y = targets[m, t]
        if statistic == IC or statistic == RANK_IC:
            if statistic == IC:
                value = pearson(x, y, n_assets, enough)
            else:
                value = spearman(x, y, n_assets, enough, x_rank, y_rank, ranking)
            acc[segment, m, 3] += 1.0
            if value == value:
                acc[segment, m, 0] += 1.0
                acc[segment, m, 1] += value
                acc[segment, m, 2] += value * value
            continue
        acc[segment, m, 3] += enough
        if statistic == SSE:
            many, total = squared_error(x, y, n_assets)
            acc[segment, m, 0] += many
            acc[segment, m, 1] += total
        else:
            pool(x, y, n_assets, moments[segment, m])


@compiled
def largest(first, last, offset, code, left, right, param, width, block, n_days, base, rows, state_at):
    """Sizes of ring and state that the hungriest of the formulas needs."""
    ring = state = 1
    for p in range(first, last):
        f, g = offset[p], offset[p + 1]
        need = plan(code[f:g], left[f:g], right[f:g], param[f:g], width, block, n_days, base, rows, state_at)
        ring, state = max(ring, need[0]), max(state, need[1])
    return ring, state


@compiled
def longest(first, last, offset):
    """Nodes of the longest of the formulas."""
    nodes = 1
    for p in range(first, last):
        nodes = max(nodes, offset[p + 1] - offset[p])
    return nodes


@compiled(allocates=True)
def scratch_for(first, last, offset, code, left, right, param, n_groups, width, block, n_days):
    """Everything that running these formulas one after the other writes to."""
    nodes = longest(first, last, offset)
    base, rows, state_at = np.empty(nodes, np.int64), np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    ring, state = largest(
        first, last, offset, code, left, right, param, width, block, n_days, base, rows, state_at
    )
    return (
        base, rows, state_at, np.empty(ring, np.float32), np.empty(state, np.float64),
        cross_scratch(width, n_groups), np.empty(width, np.float32),
    )  # fmt: skip


@compiled(allocates=True)
def score(
    first, last, offset, code, left, right, param, number, fields, groups, universe, n_assets, n_groups,
    width, block, targets, least, segments, days, statistic, out,
):  # fmt: skip
    """Score formulas first … last − 1 over the first `days` days.

    targets: float32 (M, T, width). least: float64 (M, T), the fewest cells a day may count with (for pooled
    statistics: the cells of the day); negative where the target is absent. segments: int8 (T,), negative for
    days that count nowhere. out: float64 (P, S, M, 4), see `engine.evaluate`.
    """
    scratch = scratch_for(
        first, last, offset, code, left, right, param, n_groups, width, block, segments.size
    )
    ranking, x_rank, y_rank = rank_scratch(width), np.empty(width, np.float32), np.empty(width, np.float32)
    moments = np.zeros((out.shape[1], out.shape[2], 6))
    for p in range(first, last):
        f, g = offset[p], offset[p + 1]
        out[p] = 0.0
        score_formula(
            code[f:g], left[f:g], right[f:g], param[f:g], number[f:g], fields, groups, universe, n_assets,
            width, block, targets, least, segments, days, statistic, scratch, ranking, x_rank, y_rank,
            moments, out[p],
        )  # fmt: skip


@compiled
def score_formula(
    code, left, right, param, number, fields, groups, universe, n_assets, width, block,
    targets, least, segments, days, statistic, scratch, ranking, x_rank, y_rank, moments, acc,
):  # fmt: skip
    """Score one formula; its accumulators `acc` are 0 before."""
    base, rows, state_at, ring, state, crossing, masked = scratch
    plan(code, left, right, param, width, block, segments.size, base, rows, state_at)
    fill_numbers(code, number, width, base, rows, ring)
    moments[:] = 0.0
    t = 0
    while t < days:
        some = min(block, days - t)
        step(
            code, left, right, param, base, rows, state_at, fields, groups, universe, n_assets, width, t,
            some, ring, state, crossing,
        )  # fmt: skip
        for d in range(t, t + some):
            segment = segments[d]
            if segment < 0 or segment >= acc.shape[0]:
                continue
            x = root_row(code.size - 1, code, base, rows, fields, ring, width, d)
            if universe.size > 0:
                restrict(x, universe[d], n_assets, masked)
                x = masked
            add_day(statistic, x, targets, least, d, segment, n_assets, ranking, x_rank, y_rank, moments, acc)
        t += some
    if statistic == CORRELATION:
        conclude(moments, acc)


@compiled
def conclude(moments, acc):
    """Pooled moments to correlations."""
    for s in range(acc.shape[0]):
        for m in range(acc.shape[1]):
            one = moments[s, m]
            acc[s, m, 0] = one[0]
            acc[s, m, 1] = correlation(one[3], one[4], one[5], one[1], one[0])


@compiled(allocates=True)
def write(
    first, last, offset, code, left, right, param, number, fields, groups, universe, n_assets, n_groups,
    width, block, n_days, out,
):  # fmt: skip
    """Write the signals of formulas first … last − 1, float32 of shape (P, T, N), to out."""
    scratch = scratch_for(first, last, offset, code, left, right, param, n_groups, width, block, n_days)
    for p in range(first, last):
        f, g = offset[p], offset[p + 1]
        write_formula(
            code[f:g], left[f:g], right[f:g], param[f:g], number[f:g], fields, groups, universe, n_assets,
            width, block, n_days, scratch, out[p],
        )  # fmt: skip


@compiled
def write_formula(
    code, left, right, param, number, fields, groups, universe, n_assets, width, block, n_days, scratch, out
):  # fmt: skip
    """Write one formula's signal, (T, N)."""
    base, rows, state_at, ring, state, crossing, _ = scratch
    plan(code, left, right, param, width, block, n_days, base, rows, state_at)
    fill_numbers(code, number, width, base, rows, ring)
    t = 0
    while t < n_days:
        some = min(block, n_days - t)
        step(
            code, left, right, param, base, rows, state_at, fields, groups, universe, n_assets, width, t,
            some, ring, state, crossing,
        )  # fmt: skip
        for d in range(t, t + some):
            x = root_row(code.size - 1, code, base, rows, fields, ring, width, d)
            for i in range(n_assets):
                outside = universe.size > 0 and not universe[d, i]
                out[d, i] = NAN if outside else x[i]
        t += some
