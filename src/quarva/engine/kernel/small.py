"""Formulas on a table of a few rows, one after the other.

On twenty rows a node takes ten nanoseconds, and to find out whether another formula has it as well takes as
long. So formulas of elementwise operators on little data are neither interned nor scheduled: each node has a
place of its own in a buffer that stays in the first cache. The bits are those of `batch`.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import binary, ternary, unary
from quarva.engine.kernel.machine import copy
from quarva.engine.kernel.roots import add_tile, clear, close_days
from quarva.engine.kernel.schedule import ROLLING
from quarva.engine.kernel.score import SUMS
from quarva.karva.alphabet import FIELD, NUMBER


@compiled
def is_elementwise(code):
    """Whether all nodes are elementwise operators, fields or numbers."""
    windows = 0
    for k in range(code.size):
        windows += ROLLING <= code[k] < FIELD
    return windows == 0


@compiled
def place_of(k, code, param, n_fields):
    """Number of the place of node k of a formula: fields come first, then the formula's own nodes."""
    return np.int64(param[k]) if code[k] == FIELD else n_fields + k


@compiled
def compute_formula(code, left, right, third, param, number, n_fields, cells, places):
    """Every node of one formula; returns where the root's values begin."""
    for k in range(code.size):
        op, to = code[k], (n_fields + k) * cells
        if op == NUMBER:
            places[to : to + cells] = number[k]
        elif op < FIELD:
            a = place_of(left[k], code, param, n_fields) * cells
            if right[k] < 0:
                unary(op, places[a : a + cells], places[to : to + cells])
                continue
            b = place_of(right[k], code, param, n_fields) * cells
            if third[k] < 0:
                binary(op, places[a : a + cells], places[b : b + cells], places[to : to + cells])
                continue
            c = place_of(third[k], code, param, n_fields) * cells
            ternary(
                op, places[a : a + cells], places[b : b + cells], places[c : c + cells],
                places[to : to + cells],
            )  # fmt: skip
    return place_of(code.size - 1, code, param, n_fields) * cells


@compiled(allocates=True)
def run_small(
    first, last, offset, code, left, right, third, param, number, fields, width, n_days, values, known, least,
    centre, segments, days, statistic, acc,
):  # fmt: skip
    """Score formulas first … last − 1, of elementwise operators, on a panel of one tile.

    fields: float32 (F · T · width). The other arguments are those of `batch.run`.
    """
    cells = n_days * width
    n_fields, longest = fields.size // cells, 1
    for p in range(first, last):
        longest = max(longest, offset[p + 1] - offset[p])
    places = np.empty((n_fields + longest) * cells, np.float32)
    copy(fields, 0, places, 0, fields.size)
    sums = np.empty((1, values.shape[0], days, SUMS))
    moments = np.empty((acc.shape[1], acc.shape[2], 6))
    for p in range(first, last):
        f, g = offset[p], offset[p + 1]
        at = compute_formula(
            code[f:g], left[f:g], right[f:g], third[f:g], param[f:g], number[f:g], n_fields, cells, places
        )
        clear(sums)
        add_tile(statistic, places, at, 0, days, 0, width, values, known, least, segments, sums[0])
        close_days(statistic, 0, days, least, centre, segments, sums[0], moments, acc[p])
