"""Whole batches: formulas first … last over all days, scored as they go, or written out."""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import NAN
from quarva.engine.kernel.machine import fill_numbers, plan, restrict, sorting_scratch, step
from quarva.engine.kernel.score import CORRELATION, IC, RANK_IC, SSE, pearson, pool, spearman, squared_error
from quarva.karva.alphabet import FIELD


@compiled
def root_row(k, code, base, rows, fields, ring, width, t):
    """The row of day t of node k."""
    at = base[k] + (t % rows[k]) * width
    return fields[at : at + width] if code[k] == FIELD else ring[at : at + width]


@compiled
def add_day(statistic, x, targets, least, t, segment, n_assets, sorting, x_rank, y_rank, moments, acc):
    """Add one day's row to the accumulators of its segment, against every target."""
    key, place, key2, place2, count, _, _, _ = sorting
    for m in range(targets.shape[0]):
        if least[m, t] < 0:
            continue
        y = targets[m, t]
        to = acc[segment, m]
        if statistic == IC or statistic == RANK_IC:
            to[3] += 1.0
            if statistic == IC:
                value = pearson(x, y, n_assets, least[m, t])
            else:
                value = spearman(x, y, n_assets, least[m, t], x_rank, y_rank, key, place, key2, place2, count)
            if value == value:
                to[0] += 1.0
                to[1] += value
                to[2] += value * value
        elif statistic == SSE:
            many, total = squared_error(x, y, n_assets)
            to[0] += many
            to[1] += total
            to[3] += least[m, t]
        elif statistic == CORRELATION:
            pool(x, y, n_assets, moments[segment, m])
            to[3] += least[m, t]


@compiled
def score(
    first, last, offset, code, left, right, param, number, fields, groups, universe, n_assets, n_groups, width, block,
    targets, least, segments, days, statistic, out,
):  # fmt: skip
    """Score formulas first … last − 1 over the first `days` days.

    targets: float32 (M, T, width). least: float64 (M, T), the fewest cells a day may count with (for pooled
    statistics: the cells of the day); negative where the target is absent. segments: int8 (T,), negative for days
    that count nowhere. out: float64 (P, S, M, 4), see `engine.evaluate`.
    """
    sorting = sorting_scratch(width, n_groups)
    x_rank, y_rank = np.empty(width, np.float32), np.empty(width, np.float32)
    masked = np.empty(width, np.float32)
    moments = np.zeros((out.shape[1], out.shape[2], 6))
    ring, state = np.empty(width, np.float32), np.empty(1, np.float64)
    longest = 1
    for p in range(first, last):
        longest = max(longest, offset[p + 1] - offset[p])
    base, rows, state_at = np.empty(longest, np.int64), np.empty(longest, np.int64), np.empty(longest, np.int64)
    for p in range(first, last):
        f, g = offset[p], offset[p + 1]
        ops, lefts, rights, params = code[f:g], left[f:g], right[f:g], param[f:g]
        ring_size, state_used = plan(ops, lefts, rights, params, width, block, segments.size, base, rows, state_at)
        if ring_size > ring.size:
            ring = np.empty(ring_size, np.float32)
        if state_used > state.size:
            state = np.empty(state_used, np.float64)
        fill_numbers(ops, number[f:g], width, base, rows, ring)
        out[p] = 0.0
        moments[:] = 0.0
        t = 0
        while t < days:
            some = min(block, days - t)
            step(
                ops, lefts, rights, params, base, rows, state_at, fields, groups, universe, n_assets, width, t, some,
                ring, state, sorting,
            )  # fmt: skip
            for d in range(t, t + some):
                if segments[d] < 0 or segments[d] >= out.shape[1]:
                    continue
                x = root_row(ops.size - 1, ops, base, rows, fields, ring, width, d)
                if universe.size > 0:
                    restrict(x, universe[d], n_assets, masked)
                    x = masked
                add_day(statistic, x, targets, least, d, segments[d], n_assets, sorting, x_rank, y_rank, moments, out[p])
            t += some
        if statistic == CORRELATION:
            for s in range(out.shape[1]):
                for m in range(out.shape[2]):
                    one = moments[s, m]
                    out[p, s, m, 0] = one[0]
                    ok = one[3] > 0.0 and one[4] > 0.0
                    out[p, s, m, 1] = one[5] / (np.sqrt(one[3]) * np.sqrt(one[4])) if ok else np.nan


@compiled
def write(
    first, last, offset, code, left, right, param, number, fields, groups, universe, n_assets, n_groups, width, block,
    n_days, out,
):  # fmt: skip
    """Write the signals of formulas first … last − 1, float32 of shape (P, T, N), to out."""
    sorting = sorting_scratch(width, n_groups)
    for p in range(first, last):
        f, g = offset[p], offset[p + 1]
        ops, lefts, rights, params = code[f:g], left[f:g], right[f:g], param[f:g]
        base, rows, state_at = np.empty(g - f, np.int64), np.empty(g - f, np.int64), np.empty(g - f, np.int64)
        ring_size, state_used = plan(ops, lefts, rights, params, width, block, n_days, base, rows, state_at)
        ring, state = np.empty(ring_size, np.float32), np.empty(state_used, np.float64)
        fill_numbers(ops, number[f:g], width, base, rows, ring)
        t = 0
        while t < n_days:
            some = min(block, n_days - t)
            step(
                ops, lefts, rights, params, base, rows, state_at, fields, groups, universe, n_assets, width, t, some,
                ring, state, sorting,
            )  # fmt: skip
            for d in range(t, t + some):
                x = root_row(g - f - 1, ops, base, rows, fields, ring, width, d)
                for i in range(n_assets):
                    outside = universe.size > 0 and not universe[d, i]
                    out[p, d, i] = NAN if outside else x[i]
            t += some
