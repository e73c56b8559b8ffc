"""Evaluation of a graph day by day. Every node keeps the days that its readers look back.

The rows of a node are stored in a ring buffer of R days that is written twice, at r and at r + R. The days
before row r + R are then contiguous before it, as in a tile of the batch. The operators are those of the
batch and begin their blocks on the same days, so the results agree bit for bit.

A stream need not begin on the first day. Most rolling operators restart with every block of w days, counted
from the beginning of the chunk. A node whose values must be valid from some day on therefore has to run from
the beginning of that day's block, and its operands must be valid for the window before that. An operator
whose state depends on all days (`carries_forever`) has to run from day 0.

With Qlib's conventions, an asset without a value today has no row today, and one whose values come back
tomorrow has had one. The rows of elementwise and rolling nodes therefore go on after an asset's last value,
and are only hidden from answers and from cross-sections.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.plan.graph import BITS, CODE_AT, FIRST, PARAM
from quarva.engine.kernel.plan.schedule import CROSS, ROLLING, is_cross
from quarva.engine.kernel.run.interpreter import blank_after, blank_before, compute, copy, cross_section
from quarva.engine.kernel.series import (
    CHUNK,
    carries_forever,
    carries_through_chunk,
    history,
    partial_size,
    state_size,
)
from quarva.engine.kernel.vectors.float32 import NAN, float_of
from quarva.karva.alphabet import FIELD, NUMBER

AT, KEPT_DAYS, STATE_AT, ORDER_AT = 0, 1, 2, 3
LAYOUT_SIZE = 4
NEVER = np.iinfo(np.int64).max


@compiled
def begin_days(nodes, n, roots, until, partial, begin):
    """Find the day from which each node has to run so that the roots are valid from day `until` on.

    Parameters
    ----------
    nodes : ndarray of int32, shape (n, NODE_SIZE)
        The graph.
    n : int
        Number of nodes.
    roots : ndarray of int64
        The roots.
    until : int
        The day from which on the roots must be valid.
    partial : bool
        True if Qlib's conventions apply.
    begin : ndarray of int64, shape (n,)
        Receives the days; NEVER for a node that no root reads.

    Returns
    -------
    int
        The earliest of these days.
    """
    begin[:n] = NEVER
    for r in range(roots.size):
        begin[roots[r]] = until
    first = until
    for k in range(n - 1, -1, -1):
        if begin[k] == NEVER:
            continue
        right = begin[k] = max(begin[k], 0)
        code, w = nodes[k, CODE_AT], nodes[k, PARAM]
        if ROLLING <= code < CROSS:
            state, order = partial_size(code, w, 1) if partial else state_size(code, w, 1)
            if state + order > 0:
                chunk = right // CHUNK * CHUNK
                right -= (right - chunk) % w
                begin[k] = chunk if carries_through_chunk(code, partial) else right
                if partial and carries_forever(code):
                    begin[k] = right = 0
            right -= history(code, w, partial)
        first = min(first, begin[k])
        for j in range(3):
            operand = nodes[k, FIRST + j]
            if operand >= 0:
                begin[operand] = min(begin[operand], right)
    return first


@compiled
def lay_out(nodes, n, width, partial, layout):
    """Lay out the rows and states of all nodes.

    Parameters
    ----------
    nodes : ndarray of int32, shape (n, NODE_SIZE)
        The graph.
    n, width : int
        Number of nodes, and row width.
    partial : bool
        True if Qlib's conventions apply.
    layout : ndarray of int64, shape (n, LAYOUT_SIZE)
        Receives the number of days that each node keeps, and the indices of its rows and states.

    Returns
    -------
    rows, state, order : int
        Sizes of the rows (float32), the state (float64) and the sorted state (float32).
    """
    layout[:, KEPT_DAYS] = 1
    for k in range(n):
        code = nodes[k, CODE_AT]
        if ROLLING <= code < CROSS:
            days = history(code, nodes[k, PARAM], partial) + 1
            for j in range(3):
                operand = nodes[k, FIRST + j]
                if operand >= 0:
                    layout[operand, KEPT_DAYS] = max(layout[operand, KEPT_DAYS], days)
    at = state = order = 0
    for k in range(n):
        code = nodes[k, CODE_AT]
        layout[k, AT], layout[k, STATE_AT], layout[k, ORDER_AT] = at, state, order
        at += (2 if layout[k, KEPT_DAYS] > 1 else 1) * layout[k, KEPT_DAYS] * width
        if ROLLING <= code < CROSS:
            w = nodes[k, PARAM]
            needs = partial_size(code, w, width) if partial else state_size(code, w, width)
            state += needs[0]
            order += needs[1]
    return at, state, order


@compiled
def row_of(layout, k, t, width):
    """Index of the row of day t of node k, which follows the rows of earlier days."""
    days = layout[k, KEPT_DAYS]
    return layout[k, AT] + (t % days + days) * width if days > 1 else layout[k, AT]


@compiled
def live_step(
    nodes, n, layout, begin, today, groups, universe, n_assets, width, t, partial, listed, rows,
    state, order, row_scratch,
):  # fmt: skip
    """Compute the row of day t of every node that runs on this day.

    Parameters
    ----------
    nodes : ndarray of int32, shape (n, NODE_SIZE)
        The graph.
    n : int
        Number of nodes.
    layout : ndarray of int64, shape (n, LAYOUT_SIZE)
        As written by `lay_out`.
    begin : ndarray of int64, shape (n,)
        The day from which each node runs.
    today : ndarray of float32, shape (F · width,)
        The fields of the day.
    groups : ndarray of int32, shape (G, N)
        Group codes of the assets, −1 for none.
    universe : ndarray of bool, shape (1, N) or (0, 0)
        The universe of the day.
    n_assets, width, t : int
        N, row width, and the day.
    partial : bool
        True if Qlib's conventions apply.
    listed : tuple of two ndarray of float32, shape (width,)
        The first day of each asset, and its last as far as it is known.
    rows, state, order : ndarray
        Rows and states of the nodes, of the sizes that `lay_out` returns.
    row_scratch : tuple
        The value of `batch.rows_for`.
    """
    scratch, x, y, out = row_scratch
    begins, ends = listed
    for k in range(n):
        if t < begin[k]:
            continue
        code, param, to = nodes[k, CODE_AT], nodes[k, PARAM], row_of(layout, k, t, width)
        if code == FIELD:
            copy(today, param * width, rows, to, width)
        elif code == NUMBER:
            rows[to : to + width] = float_of(nodes[k, BITS])
        else:
            a = row_of(layout, nodes[k, FIRST], t, width)
            second, third = nodes[k, FIRST + 1], nodes[k, FIRST + 2]
            b = row_of(layout, second, t, width) if second >= 0 else -1
            c = row_of(layout, third, t, width) if third >= 0 else -1
            number = float_of(nodes[k, BITS])
            if is_cross(code):
                copy(rows, a, x, 0, width)
                if b >= 0:
                    copy(rows, b, y, 0, width)
                if partial:
                    blank_after(x, 0, t, 1, width, ends, 0)
                cross_section(code, param, number, x, y, groups, universe, n_assets, t, scratch, out)
                copy(out, 0, rows, to, width)
                if partial:
                    blank_after(rows, to, t, 1, width, ends, 0)
            else:
                compute(
                    code, param, number, rows, a, b, c, to, width, 1, t % CHUNK, t, partial, begins, 0,
                    state[layout[k, STATE_AT] :], order[layout[k, ORDER_AT] :],
                )  # fmt: skip
        if partial:
            blank_before(rows, to, t, 1, width, begins, 0)
        if layout[k, KEPT_DAYS] > 1:
            copy(rows, to, rows, to - layout[k, KEPT_DAYS] * width, width)


@compiled
def answer(layout, root, formulas, t, width, universe, partial, ends, rows, out):
    """Write the rows of day t of the nodes `root` to out[formulas], where out is float32 of shape (P, N).

    Cells outside the universe become NaN, and with Qlib's conventions (`partial`) assets after their last
    day, `ends`.
    """
    n_assets = out.shape[1]
    for p in range(formulas.size):
        row = out[formulas[p]]
        copy(rows, row_of(layout, root[p], t, width), row, 0, n_assets)
        if universe.size > 0:
            for i in range(n_assets):
                if not universe[0, i]:
                    row[i] = NAN
        if partial:
            blank_after(row, 0, t, 1, n_assets, ends, 0)
