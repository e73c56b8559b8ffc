"""Running a batch of formulas: builds their graph, runs it chunk by chunk, and scores the results."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.cross_section.cross import cross_scratch
from quarva.engine.kernel.plan.graph import NODE_SIZE, build
from quarva.engine.kernel.plan.schedule import (  # fmt: skip
    CARRIED,
    CROSS,
    FACTS,
    HISTORY,
    INSTRUCTION_SIZE,
    OP,
    OUT,
    PARAM_AT,
    ROLLING,
    ROOT,
    WIDE,
    schedule,
)
from quarva.engine.kernel.run.interpreter import gather, run_cross, run_tile
from quarva.engine.kernel.run.outputs import WRITE, clear, close_days, rank_day
from quarva.engine.kernel.run.score import CORRELATION, RANK_IC, SUMS, conclude
from quarva.engine.kernel.series import CHUNK, carries_forever, partial_size, state_size
from quarva.engine.kernel.vectors.float32 import NAN
from quarva.karva.alphabet import FIELD

LINE = 16  # number of float32 in a cache line


@compiled(allocates=True)
def graph_of(order, offset, code, left, right, third, param, number):
    """Build the graph of formulas; return nodes, their number, roots, and the root of each formula."""
    most, longest = 1, 1
    for i in range(order.size):
        size = offset[order[i] + 1] - offset[order[i]]
        most += size
        longest = max(longest, size)
    room = 16
    while room < 2 * most:
        room *= 2
    nodes, table = np.empty((most, NODE_SIZE), np.int32), np.full(room, -1, np.int32)
    at = np.empty(order.size, np.int64)
    n = build(
        order, offset, code, left, right, third, param, number, nodes, np.empty(longest, np.int64), table,
        np.empty(3, np.float32), at,
    )  # fmt: skip
    index = np.full(n, -1)
    roots, which, many = np.empty(order.size, np.int64), np.empty(order.size, np.int64), 0
    for i in range(order.size):
        if index[at[i]] < 0:
            index[at[i]] = many
            roots[many] = at[i]
            many += 1
        which[i] = index[at[i]]
    return nodes, n, roots[:many], which


@compiled(allocates=True)
def instructions_of(nodes, n, roots, wide_roots, partial):
    """Schedule a graph; return instructions, parts, and counts of stages, slots, wide results, tails."""
    rows = np.empty((6 * n + roots.size, INSTRUCTION_SIZE), np.int64)
    parts = np.empty(2 * n + 4, np.int64)
    counts, wide_counts = np.zeros(2, np.int64), np.zeros(2, np.int64)
    stages, tails = schedule(
        nodes, n, roots, wide_roots, partial, np.empty((FACTS, n), np.int64), rows, parts,
        np.empty(2 * n + 2, np.int64), counts, np.empty(2 * n + 2, np.int64), wide_counts,
    )  # fmt: skip
    return rows[: parts[2 * stages]], parts, stages, counts[0], wide_counts[0], tails


@compiled(allocates=True)
def aligned(size):
    """float32 array aligned to a cache line, because vectors that cross two lines take a third longer."""
    room = np.empty(size + LINE, np.float32)
    first = (-room.ctypes.data // 4) % LINE
    return room[first : first + size]


@compiled(allocates=True)
def scratch_for(rows, slots, wide, tails, chunk, width, lanes, partial):
    """Return the number of days before the chunk in a slot, and the scratch arrays of the instructions.

    The last array holds the states that are carried from chunk to chunk. `CARRIED` of their instructions is
    set to where they begin.
    """
    front = state = order = carried = 0
    for i in range(len(rows)):
        front = max(front, rows[i, HISTORY])
        if ROLLING <= rows[i, OP] < CROSS:
            w = rows[i, PARAM_AT]
            needs = partial_size(rows[i, OP], w, lanes) if partial else state_size(rows[i, OP], w, lanes)
            if partial and carries_forever(rows[i, OP]):
                rows[i, CARRIED] = carried
                carried += needs[0] * (width // lanes)
            else:
                state, order = max(state, needs[0]), max(order, needs[1])
    return (
        front,
        aligned(slots * (front + chunk) * lanes),
        np.full(tails * width, NAN),
        aligned(wide * chunk * width),
        aligned(2 * state).view(np.float64),
        aligned(order),
        aligned(2 * carried).view(np.float64),
    )


@compiled(allocates=True)
def rows_for(width, n_groups):
    """Scratch space of cross-sectional operators, and three rows of all assets."""
    return cross_scratch(width, n_groups), np.full(width, NAN), np.full(width, NAN), np.full(width, NAN)


@compiled(allocates=True)
def run(
    order, offset, code, left, right, third, param, number, fields, groups, universe, n_assets, n_groups,
    width, lanes, n_days, partial, listed, values, known, totals, least, centre, segments, days, mode, acc,
    out,
):  # fmt: skip
    """Score or write formulas order[0], order[1], … on the first `days` days.

    Parameters
    ----------
    order : ndarray of int64
        The formulas.
    offset, code, left, right, third, param, number : ndarray
        The arrays of a `Program`; `param` refers to the fields, groups and assets of the panel.
    fields : ndarray of float32, shape (F · T · width,)
        The fields.
    groups : ndarray of int32, shape (G, N)
        Group codes of the assets, −1 for none.
    universe : ndarray of bool, shape (T, N) or (0, 0)
        The universe.
    n_assets, n_groups : int
        N, and the maximal number of groups in a row of `groups`.
    width, lanes, n_days : int
        Row width, assets of a tile, and T.
    partial : bool
        True if Qlib's conventions apply.
    listed : tuple of two ndarray of float32, shape (width,)
        The first and the last day of each asset.
    values, known, totals, least, centre : ndarray
        The arrays of an `engine.Target`.
    segments : ndarray of int8, shape (T,)
        The segment of each day; days with a negative segment are not scored.
    days : int
        Number of days to compute.
    mode : int
        A statistic, or WRITE.
    acc : ndarray of float64, shape (P, S, M, 4)
        Receives the scores; see `engine.evaluate`.
    out : ndarray of float32, shape (P, T, N)
        Receives the signals in the mode WRITE.
    """
    nodes, n, roots, which = graph_of(order, offset, code, left, right, third, param, number)
    wide_roots = mode == RANK_IC
    rows, parts, stages, n_slots, n_wide, tail_rows = instructions_of(nodes, n, roots, wide_roots, partial)
    chunk = min(CHUNK, days)
    front, slots, tails, wide, state, sorted_state, carried = scratch_for(
        rows, n_slots, n_wide, tail_rows, chunk, width, lanes, partial
    )
    row_scratch = rows_for(width, n_groups)
    owner = np.empty(roots.size, np.int64)
    for i in range(order.size - 1, -1, -1):
        owner[which[i]] = order[i]
    scoring = 0 if mode == WRITE or wide_roots else roots.size
    sums = np.empty((scoring, values.shape[0], chunk, SUMS))
    moments = np.zeros((scoring if mode == CORRELATION else 0, acc.shape[1], acc.shape[2], 6))
    ranks, day_sums = np.empty(width, np.float32), np.empty(SUMS)
    sinks = values, known, least, centre, segments, sums, universe, owner, out
    for t in range(0, days, CHUNK):
        some = min(chunk, days - t)
        clear(sums)
        for stage in range(stages):
            first, middle, last = parts[2 * stage], parts[2 * stage + 1], parts[2 * stage + 2]
            for tile in range(width // lanes):
                run_tile(
                    rows, first, middle, tile, fields, n_days, t, some, chunk, width, lanes, front, slots,
                    tails, wide, state, sorted_state, carried, partial, listed, mode, sinks,
                )  # fmt: skip
            run_cross(
                rows,
                middle,
                last,
                groups,
                universe,
                n_assets,
                t,
                some,
                chunk,
                width,
                lanes,
                wide,
                row_scratch,
            )
            if wide_roots:
                rank_roots(
                    rows, first, last, t, some, chunk, width, lanes, wide, values, totals, least, segments,
                    ranks, day_sums, row_scratch, owner, acc,
                )  # fmt: skip
        for r in range(scoring):
            spare = moments[r] if mode == CORRELATION else acc[owner[r]]
            close_days(mode, t, some, totals, least, centre, segments, sums[r], spare, acc[owner[r]])
    if mode == CORRELATION:
        for r in range(scoring):
            conclude(moments[r], acc[owner[r]])
    for i in range(order.size):
        if owner[which[i]] != order[i]:
            acc[order[i]] = acc[owner[which[i]]]
            if mode == WRITE:
                out[order[i]] = out[owner[which[i]]]


@compiled
def rank_roots(
    rows, first, last, t, days, chunk, width, lanes, wide, values, totals, least, segments, ranks, sums,
    row_scratch, owner, acc,
):  # fmt: skip
    """Compute the rank IC of the roots among the instructions, which are wide results."""
    scratch, x = row_scratch[0], row_scratch[1]
    for i in range(first, last):
        if rows[i, ROOT] < 0:
            continue
        kept = rows[i, OUT] if CROSS <= rows[i, OP] < FIELD else rows[i, WIDE]
        for d in range(days):
            segment = segments[t + d]
            if 0 <= segment < acc.shape[1]:
                gather(wide, kept, d, chunk, width, lanes, x)
                rank_day(
                    x, t + d, values, totals, least, segment, ranks, sums, scratch[0],
                    acc[owner[rows[i, ROOT]]],
                )  # fmt: skip
