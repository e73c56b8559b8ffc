"""Formulas with elementwise operators only, whose rows are independent of each other.

There is no history and no stage. A block has so few rows (`CELLS`) that its results stay in the first two
caches. Threads share the rows of one graph and not the formulas, so that nothing is computed twice.

An instruction is a row of an int32 array:

    OP        operator code, FIELD or NUMBER
    OUT       slot of the result
    FIRST …   slots of the operands, −1 for none; for a leaf, number of the field or bits of the number
    ROOT      index of the root, −1 for none
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.functions.elementwise import binary, ternary, unary
from quarva.engine.kernel.plan.graph import BITS, CODE_AT, PARAM
from quarva.engine.kernel.plan.graph import FIRST as OPERANDS
from quarva.engine.kernel.plan.schedule import give, is_leaf, take
from quarva.engine.kernel.run.batch import aligned, graph_of
from quarva.engine.kernel.run.outputs import WRITE, add_block, clear, close_days, take_tile, widen_targets
from quarva.engine.kernel.run.score import CORRELATION, SSE, conclude
from quarva.engine.kernel.vectors.float32 import float_of
from quarva.karva.alphabet import FIELD, NUMBER

OP, OUT, FIRST, ROOT = 0, 1, 2, 5
INSTRUCTION_SIZE = 6
CELLS = 1024  # cells of a result in a block: 4 KiB


@compiled
def days_of(lanes):
    """Number of days of a block."""
    return max(1, CELLS // lanes)


@compiled
def write(row, op, out, first):
    row[:] = -1
    row[OP], row[OUT], row[FIRST] = op, out, first


@compiled
def load(k, nodes, row, slot, free, counts):
    """Load node k, a field or number, into a slot."""
    code = nodes[k, CODE_AT]
    slot[k] = take(free, counts)
    write(row, code, slot[k], nodes[k, PARAM] if code == FIELD else nodes[k, BITS])


@compiled
def release(k, uses, slot, free, counts):
    """Remove a reader of node k, and free its slot after the last one."""
    uses[k] -= 1
    if uses[k] == 0:
        give(slot[k], free, counts)


@compiled
def count_uses(nodes, n, roots, uses, root_of):
    """Write the number of readers of each node to `uses` and its index among the roots or −1 to `root_of`."""
    uses[:n], root_of[:n] = 0, -1
    for r in range(roots.size):
        uses[roots[r]] = 1
        root_of[roots[r]] = r
    for k in range(n - 1, -1, -1):
        if uses[k] > 0:
            for j in range(3):
                operand = nodes[k, OPERANDS + j]
                if operand >= 0:
                    uses[operand] += 1


@compiled
def compute(k, nodes, row, uses, slot, free, counts):
    """Write the instruction of node k, whose operands are in slots."""
    # The result gets its slot before those of the operands are freed, so that no loop reads its output.
    slot[k] = take(free, counts)
    write(row, nodes[k, CODE_AT], slot[k], -1)
    for j in range(3):
        if nodes[k, OPERANDS + j] >= 0:
            row[FIRST + j] = slot[nodes[k, OPERANDS + j]]
    for j in range(3):
        if nodes[k, OPERANDS + j] >= 0:
            release(nodes[k, OPERANDS + j], uses, slot, free, counts)


@compiled(allocates=True)
def instructions_of(nodes, n, roots):
    """Return the instructions of a graph of n nodes, and their number of slots."""
    rows = np.empty((n, INSTRUCTION_SIZE), np.int32)
    uses, root_of, slot = np.empty(n, np.int32), np.empty(n, np.int32), np.full(n, -1, np.int32)
    free, counts, many = np.empty(n, np.int64), np.zeros(2, np.int64), 0
    count_uses(nodes, n, roots, uses, root_of)
    for k in range(n):
        leaf = is_leaf(nodes[k, CODE_AT])
        if uses[k] == 0 or (leaf and root_of[k] < 0):  # a leaf is loaded by its first reader
            continue
        for j in range(3):
            operand = nodes[k, OPERANDS + j]
            if operand >= 0 and slot[operand] < 0:
                load(operand, nodes, rows[many], slot, free, counts)
                many += 1
        if leaf:
            load(k, nodes, rows[many], slot, free, counts)
        else:
            compute(k, nodes, rows[many], uses, slot, free, counts)
        if root_of[k] >= 0:
            rows[many, ROOT] = root_of[k]
            release(k, uses, slot, free, counts)
        many += 1
    return rows[:many], counts[0]


@compiled
def load_rows(field, t, days, start, lanes, out):
    """Copy the rows of a block from a field of shape (T, width)."""
    for d in range(days):
        source, row = field[t + d, start : start + lanes], out[d * lanes : (d + 1) * lanes]
        for i in range(lanes):
            row[i] = source[i]


@compiled
def run_block(rows, fields, t, days, tile, lanes, room, slots, mode, taking, wide, whole):
    """Run all instructions on days t … t + days − 1 of a tile. A slot holds `room` numbers.

    `wide` and `whole` are the targets as prepared by `widen_targets`, for squared errors.
    """
    cells = days * lanes
    for i in range(len(rows)):
        op, first, second, third = rows[i, OP], rows[i, FIRST], rows[i, FIRST + 1], rows[i, FIRST + 2]
        at = rows[i, OUT] * room
        out = slots[at : at + cells]
        if op == FIELD:
            load_rows(fields[first], t, days, tile * lanes, lanes, out)
        elif op == NUMBER:
            out[:] = float_of(first)
        else:
            x = slots[first * room : first * room + cells]
            if second < 0:
                unary(op, x, out)
            elif third < 0:
                binary(op, x, slots[second * room : second * room + cells], out)
            else:
                y = slots[second * room : second * room + cells]
                ternary(op, x, y, slots[third * room : third * room + cells], out)
        if rows[i, ROOT] < 0:
            continue
        if mode == SSE:
            values, known, least, _, segments, sums, _, _, _ = taking
            add_block(
                slots, at, t, days, tile, lanes, values, wide, whole, known, least, segments,
                sums[rows[i, ROOT]],
            )  # fmt: skip
        else:
            take_tile(mode, rows[i, ROOT], slots, at, t, days, tile, lanes, taking)


@compiled(allocates=True)
def run_rows(
    rows, n_slots, first, last, fields, lanes, mode, values, known, least, centre, segments, universe, owner,
    out, begin, sums,
):  # fmt: skip
    """Run all instructions on days first … last − 1.

    `fields` is float32 of shape (F, T, width). `sums`, float64 of shape (roots, M, days from `begin` on,
    SUMS), receives the sums of each root and day. All other arguments are those of `batch.run`.
    """
    most = days_of(lanes)
    room = most * lanes
    slots = aligned(n_slots * room)
    wide, whole = np.empty((len(values), room)), np.empty((len(values), most), np.int64)
    clear(sums[:, :, first - begin : last - begin])
    for t in range(first, last, most):
        days = min(most, last - t)
        taking = values, known, least, centre, segments, sums[:, :, t - begin :], universe, owner, out
        for tile in range(fields.shape[2] // lanes):
            if mode == SSE:
                widen_targets(values, t, days, tile, lanes, wide, whole)
            run_block(rows, fields, t, days, tile, lanes, room, slots, mode, taking, wide, whole)


@compiled(allocates=True)
def plan(order, offset, code, left, right, third, param, number):
    """Plan formulas order[0], …; return instructions, slots, root of each formula, owner of each root."""
    nodes, n, roots, which = graph_of(order, offset, code, left, right, third, param, number)
    rows, n_slots = instructions_of(nodes, n, roots)
    owner = np.empty(roots.size, np.int64)
    for i in range(order.size - 1, -1, -1):
        owner[which[i]] = order[i]
    return rows, n_slots, which, owner


@compiled
def close(mode, t, days, owner, totals, least, centre, segments, sums, moments, acc):
    """Add the sums of days t, … of all roots to the scores of their formulas, or to pooled moments."""
    for r in range(owner.size):
        spare = moments[r] if mode == CORRELATION else acc[owner[r]]
        close_days(mode, t, days, totals, least, centre, segments, sums[r], spare, acc[owner[r]])


@compiled(allocates=True)
def hand_out(mode, order, which, owner, moments, acc, out):
    """Compute pooled scores, and copy the scores of each root to all its formulas."""
    if mode == CORRELATION:
        for r in range(owner.size):
            conclude(moments[r], acc[owner[r]])
    for i in range(order.size):
        if owner[which[i]] != order[i]:
            acc[order[i]] = acc[owner[which[i]]]
            if mode == WRITE:
                out[order[i]] = out[owner[which[i]]]
