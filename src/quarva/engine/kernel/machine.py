"""The machine: a formula as a list of nodes, walked over the days.

A node's operands stand before it. Each node owns a ring of rows of `width` assets (the number of assets,
padded to whole vectors with NaN) just long enough for the rolling operators above it; fields are read where
they lie. A step takes a block of days, so that one dispatch works on one to four thousand numbers, and a
block never straddles the end of a ring. Nothing of size days × assets is written.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.cross import cross, group_demean, rank_scratch
from quarva.engine.kernel.elementwise import NAN, binary, unary
from quarva.engine.kernel.pairs import pair
from quarva.engine.kernel.rolling import rolling, state_size
from quarva.karva.alphabet import FIELD, NUMBER
from quarva.karva.operators import CODE, OPERATORS

# First codes of the kinds: the table lists elementwise, rolling, cross, group, in this order.
KINDS = [operator.kind for operator in OPERATORS]
ROLLING, CROSS, GROUP = KINDS.index("rolling"), KINDS.index("cross"), KINDS.index("group")
CORR, COV = CODE["corr"], CODE["cov"]


@compiled
def plan(code, left, right, param, width, block, field_rows, base, rows, state_at):
    """Where each node's rows and state stand; returns the sizes of ring (float32) and state (float64)."""
    n = code.size
    rows[:n] = block
    for k in range(n):
        if ROLLING <= code[k] < CROSS:
            need = (-(-param[k] // block) + 1) * block
            rows[left[k]] = max(rows[left[k]], need)
            if right[k] >= 0:
                rows[right[k]] = max(rows[right[k]], need)
    ring = state = 0
    for k in range(n):
        if code[k] == FIELD:
            rows[k] = field_rows
            base[k] = param[k] * field_rows * width
        else:
            base[k] = ring
            ring += rows[k] * width
        state_at[k] = state
        if ROLLING <= code[k] < CROSS:
            state += state_size(code[k], param[k], width)
    return ring, state


@compiled
def fill_numbers(code, number, width, base, rows, ring):
    """Number nodes are written once, all their rows."""
    for k in range(code.size):
        if code[k] == NUMBER:
            ring[base[k] : base[k] + rows[k] * width] = number[k]


@compiled
def place(t, rows):
    """t mod rows; a division costs as much as a row of a small table."""
    return t if t < rows else t % rows


@compiled
def step(
    code, left, right, param, base, rows, state_at, fields, groups, universe, n_assets, width, t, days,
    ring, state, scratch,
):  # fmt: skip
    """Advance every node from day t by `days` days, a block or less that straddles no ring."""
    for k in range(code.size):
        op = code[k]
        if op >= FIELD:
            continue
        a = left[k]
        a_buf = fields if code[a] == FIELD else ring
        a_at = base[a] + place(t, rows[a]) * width
        at = base[k] + place(t, rows[k]) * width
        if op < ROLLING:
            size = days * width
            if right[k] >= 0:
                b = right[k]
                b_buf = fields if code[b] == FIELD else ring
                b_at = base[b] + place(t, rows[b]) * width
                binary(op, a_buf[a_at : a_at + size], b_buf[b_at : b_at + size], ring[at : at + size])
            else:
                unary(op, a_buf[a_at : a_at + size], ring[at : at + size])
            continue
        for d in range(days):
            out = ring[at + d * width : at + (d + 1) * width]
            if op == CORR or op == COV:
                b = right[k]
                b_buf = fields if code[b] == FIELD else ring
                mine = state[state_at[k] :]
                pair(op, a_buf, base[a], rows[a], b_buf, base[b], rows[b], t + d, param[k], width, mine, out)
            elif op < CROSS:
                rolling(op, a_buf, base[a], rows[a], t + d, param[k], width, state[state_at[k] :], out)
            else:
                x = a_buf[a_at + d * width : a_at + (d + 1) * width]
                cross_section(op, param[k], x, groups, universe, n_assets, t + d, scratch, out)


@compiled
def cross_section(op, param, x, groups, universe, n_assets, t, scratch, out):
    """One day of a cross-sectional or group operator."""
    ranking, sums, counts, masked = scratch
    if universe.size > 0:
        restrict(x, universe[t % universe.shape[0]], n_assets, masked)
        x = masked
    if op < GROUP:
        cross(op, x, n_assets, out, ranking)
    else:
        group_demean(x, n_assets, groups[param], sums, counts, out)


@compiled
def restrict(x, inside, n_assets, out):
    """x where the asset belongs to the universe, else NaN."""
    for i in range(n_assets):
        out[i] = x[i] if inside[i] else NAN
    for i in range(n_assets, out.size):
        out[i] = NAN


@compiled(allocates=True)
def cross_scratch(width, n_groups):
    """Scratch that cross-sectional operators share: for ranks, group sums and counts, and a masked row."""
    groups = n_groups + 1
    return (
        rank_scratch(width),
        np.empty(groups, np.float64),
        np.empty(groups, np.float64),
        np.empty(width, np.float32),
    )
