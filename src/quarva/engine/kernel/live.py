"""One more day of a graph: every node keeps as many days as its readers look back.

Rows of a node stand in a ring that is written twice, at r and at r + R (R = days kept), so that the days
before row r + R lie in front of it, one after the other, as they do in a tile of the batch. Operators are the
batch's own and begin their windows on the same days, so their results agree bit for bit.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import float_of
from quarva.engine.kernel.graph import BITS, CODE_AT, FIRST, PARAM
from quarva.engine.kernel.machine import CHUNK, compute, copy, cross_section
from quarva.engine.kernel.rolling import history, state_size
from quarva.engine.kernel.schedule import CROSS, ROLLING, is_cross
from quarva.karva.alphabet import FIELD, NUMBER

AT, KEPT_DAYS, STATE_AT, ORDER_AT = 0, 1, 2, 3
LAYOUT_SIZE = 4


@compiled
def lay_out(nodes, n, width, partial, layout):
    """Days that each node keeps and where its rows and state stand: int64 (n, LAYOUT_SIZE).

    Returns the sizes of rows (float32), state (float64) and sorted state (float32).
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
            needs = state_size(code, nodes[k, PARAM], width)
            state += needs[0]
            order += needs[1]
    return at, state, order


@compiled
def row_of(layout, k, t, width):
    """Where the row of day t of node k begins, with the days before in front of it."""
    days = layout[k, KEPT_DAYS]
    return layout[k, AT] + (t % days + days) * width if days > 1 else layout[k, AT]


@compiled
def live_step(
    nodes, n, layout, today, groups, universe, n_assets, width, t, partial, rows, state, order, crossing
):  # fmt: skip
    """Every node's row of day t; today: float32 (F · width), the day's fields; universe: bool (1, N) or empty."""
    scratch, x, y, out = crossing
    for k in range(n):
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
                cross_section(code, param, number, x, y, groups, universe, n_assets, t, scratch, out)
                copy(out, 0, rows, to, width)
            else:
                compute(
                    code, param, number, rows, a, b, c, to, width, 1, t % CHUNK, partial,
                    state[layout[k, STATE_AT] :], order[layout[k, ORDER_AT] :],
                )  # fmt: skip
        if layout[k, KEPT_DAYS] > 1:
            copy(rows, to, rows, to - layout[k, KEPT_DAYS] * width, width)
