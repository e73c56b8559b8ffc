"""What is done in which order: a graph into instructions for one chunk of days.

Elementwise and rolling nodes need one asset alone, so they run tile by tile (a tile is some tens of assets),
and what they hand on stays in the first two caches. A cross-sectional node needs all assets of a day. So the
nodes are sorted into stages: in each, first the tile nodes for every tile, then the cross-sectional ones.
What leaves its stage is kept for all tiles ('wide'); what does not lives in a slot that a later node takes
over.

An instruction is a row of an int64 array:

    OP        operator code, or LOAD_FIELD, LOAD_WIDE, FILL
    OUT       slot of the result (of a cross-sectional one: its place among the wide)
    FIRST …   slots of the operands (of a cross-sectional one: their places among the wide), −1 for none
    PARAM     window, number of the field, group or asset, count
    BITS      bits of the number
    HISTORY   days before the chunk that some reader of the result needs
    TAIL      rows in front of this instruction's in the tails, where the result's last days are kept
    WIDE      where the result is kept for all tiles, −1 if nowhere
    ROOT      which root the result is, −1 if none
"""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.plan.graph import BITS, CODE_AT, FIRST, PARAM
from quarva.engine.kernel.series import history
from quarva.karva.alphabet import FIELD, NUMBER
from quarva.karva.operators import OPERATORS

OP, OUT, ARGS, PARAM_AT, BITS_AT, HISTORY, TAIL, WIDE, ROOT = 0, 1, 2, 5, 6, 7, 8, 9, 10
INSTRUCTION_SIZE = 11
LOAD_FIELD, LOAD_WIDE, FILL = 2000, 2001, 2002

KINDS = [operator.kind for operator in OPERATORS]
ROLLING, CROSS, GROUP = KINDS.index("rolling"), KINDS.index("cross"), KINDS.index("group")

# Rows of `facts`, what is known of each node.
STAGE, LAST, KEPT, SLOT, USES, REACH, IS_ROOT, WIDE_AT, NEEDED = 0, 1, 2, 3, 4, 5, 6, 7, 8
FACTS = 9


@compiled
def is_cross(code):
    return CROSS <= code < FIELD


@compiled
def is_leaf(code):
    return code >= FIELD


@compiled
def place_nodes(nodes, n, roots, wide_roots, facts):
    """Stage, last stage, and whether to be kept wide, of every node that a root needs; returns the stages."""
    facts[:, :n] = 0
    facts[IS_ROOT, :n] = facts[SLOT, :n] = facts[WIDE_AT, :n] = -1
    for r in range(roots.size):
        facts[IS_ROOT, roots[r]] = r
        facts[NEEDED, roots[r]] = 1
    for k in range(n - 1, -1, -1):
        if facts[NEEDED, k]:
            for j in range(3):
                operand = nodes[k, FIRST + j]
                if operand >= 0:
                    facts[NEEDED, operand] = 1
    stages = 1
    for k in range(n):
        if not facts[NEEDED, k]:
            continue
        code, stage = nodes[k, CODE_AT], 0
        for j in range(3):
            operand = nodes[k, FIRST + j]
            if operand >= 0:
                stage = max(stage, facts[STAGE, operand] + (1 if is_cross(nodes[operand, CODE_AT]) else 0))
        facts[STAGE, k] = facts[LAST, k] = stage
        if is_cross(code):
            facts[KEPT, k] = 1
        root_stage = -1
        if facts[IS_ROOT, k] >= 0:
            root_stage = stage + 1 if is_cross(code) and not wide_roots else stage
            facts[LAST, k] = root_stage
            if wide_roots:
                facts[KEPT, k] = 1
        stages = max(stages, max(stage, root_stage) + 1)
        for j in range(3):
            operand = nodes[k, FIRST + j]
            if operand >= 0:
                facts[LAST, operand] = max(facts[LAST, operand], stage)
                later = facts[STAGE, operand] < stage and not is_leaf(nodes[operand, CODE_AT])
                if is_cross(code) or later:
                    facts[KEPT, operand] = 1
    return stages


@compiled
def count_uses(nodes, n, stage, wide_roots, partial, facts):
    """How often each node is read in the tiles of a stage, and how many days back."""
    facts[USES, :n] = facts[REACH, :n] = 0
    for k in range(n):
        if not facts[NEEDED, k]:
            continue
        code = nodes[k, CODE_AT]
        scored_at = facts[STAGE, k] + (1 if is_cross(code) else 0)
        if facts[IS_ROOT, k] >= 0 and not wide_roots and stage == scored_at:
            facts[USES, k] += 1
        if facts[KEPT, k] and not is_cross(code) and facts[STAGE, k] == stage:
            facts[USES, k] += 1
        if facts[STAGE, k] != stage or is_cross(code):
            continue
        for j in range(3):
            operand = nodes[k, FIRST + j]
            if operand >= 0:
                facts[USES, operand] += 1
                if ROLLING <= code < CROSS:
                    back = history(code, nodes[k, PARAM], partial)
                    facts[REACH, operand] = max(facts[REACH, operand], back)


@compiled
def take(free, counts):
    """A free slot, or a new one. counts: [slots made, slots free]."""
    if counts[1] > 0:
        counts[1] -= 1
        return free[counts[1]]
    counts[0] += 1
    return counts[0] - 1


@compiled
def give(slot, free, counts):
    """Hand a slot back."""
    free[counts[1]] = slot
    counts[1] += 1


@compiled(inline="always")  # a view can not be returned without reference counts
def write_row(rows, many, op, out, node, reach):
    """Write instruction number `many`; operands, tail, wide place and root are left empty."""
    row = rows[many]
    row[:] = -1
    row[OP], row[OUT], row[PARAM_AT], row[BITS_AT], row[HISTORY] = op, out, node[PARAM], node[BITS], reach
    return row


@compiled
def load(k, nodes, rows, many, facts, free, counts, tails):
    """Bring node k, a leaf or one kept wide, into a slot; returns how many instructions and tail rows."""
    code = nodes[k, CODE_AT]
    op = LOAD_FIELD if code == FIELD else (FILL if code == NUMBER else LOAD_WIDE)
    facts[SLOT, k] = take(free, counts)
    row = write_row(rows, many, op, facts[SLOT, k], nodes[k], facts[REACH, k])
    if op == LOAD_WIDE:
        row[ARGS] = facts[WIDE_AT, k]
        row[TAIL] = tails
        tails += facts[REACH, k]
    return many + 1, tails


@compiled
def release(k, facts, free, counts):
    """One reader of node k's slot is done."""
    facts[USES, k] -= 1
    if facts[USES, k] == 0:
        give(facts[SLOT, k], free, counts)
        facts[SLOT, k] = -1


@compiled
def hand_on(k, row, stage, wide_roots, facts, free, counts, wide_free, wide_counts):
    """What else happens to a result in its slot: it is kept for all tiles, and scored if it is a root."""
    if facts[KEPT, k] and facts[STAGE, k] == stage and facts[WIDE_AT, k] < 0:
        facts[WIDE_AT, k] = take(wide_free, wide_counts)
        row[WIDE] = facts[WIDE_AT, k]
        release(k, facts, free, counts)
    if facts[IS_ROOT, k] >= 0:
        row[ROOT] = facts[IS_ROOT, k]
        if not wide_roots:
            release(k, facts, free, counts)


@compiled
def tile_part(
    nodes, n, stage, wide_roots, rows, many, facts, free, counts, wide_free, wide_counts, tails
):  # fmt: skip
    """Instructions of a stage that run tile by tile."""
    for k in range(n):
        if not facts[NEEDED, k]:
            continue
        code = nodes[k, CODE_AT]
        if is_leaf(code) or is_cross(code):
            here = facts[STAGE, k] + (1 if is_cross(code) else 0) == stage
            scored = facts[IS_ROOT, k] >= 0 and not wide_roots
            if here and (scored or (facts[KEPT, k] and is_leaf(code))):
                many, tails = load(k, nodes, rows, many, facts, free, counts, tails)
                hand_on(k, rows[many - 1], stage, wide_roots, facts, free, counts, wide_free, wide_counts)
            continue
        if facts[STAGE, k] != stage:
            continue
        for j in range(3):
            operand = nodes[k, FIRST + j]
            if operand >= 0 and facts[SLOT, operand] < 0:
                many, tails = load(operand, nodes, rows, many, facts, free, counts, tails)
        # The result's slot is taken before the operands' are given back: no loop reads what it writes.
        facts[SLOT, k] = take(free, counts)
        row = write_row(rows, many, code, facts[SLOT, k], nodes[k], facts[REACH, k])
        many += 1
        if facts[REACH, k] > 0:
            row[TAIL] = tails
            tails += facts[REACH, k]
        for j in range(3):
            operand = nodes[k, FIRST + j]
            if operand >= 0:
                row[ARGS + j] = facts[SLOT, operand]
        for j in range(3):
            if nodes[k, FIRST + j] >= 0:
                release(nodes[k, FIRST + j], facts, free, counts)
        hand_on(k, row, stage, wide_roots, facts, free, counts, wide_free, wide_counts)
    return many, tails


@compiled
def cross_part(nodes, n, stage, wide_roots, rows, many, facts, wide_free, wide_counts):
    """Instructions of a stage that need all tiles; then what no later stage reads is given back."""
    for k in range(n):
        code = nodes[k, CODE_AT]
        if not facts[NEEDED, k] or not is_cross(code) or facts[STAGE, k] != stage:
            continue
        facts[WIDE_AT, k] = take(wide_free, wide_counts)
        row = write_row(rows, many, code, facts[WIDE_AT, k], nodes[k], 0)
        many += 1
        for j in range(3):
            operand = nodes[k, FIRST + j]
            if operand >= 0:
                row[ARGS + j] = facts[WIDE_AT, operand]
        if wide_roots:
            row[ROOT] = facts[IS_ROOT, k]
    for k in range(n):
        if facts[WIDE_AT, k] >= 0 and facts[LAST, k] == stage and facts[NEEDED, k]:
            give(facts[WIDE_AT, k], wide_free, wide_counts)
            facts[WIDE_AT, k] = -1
            facts[NEEDED, k] = 0
    return many


@compiled
def schedule(nodes, n, roots, wide_roots, partial, facts, rows, parts, free, counts, wide_free, wide_counts):
    """Write the instructions of a graph of n nodes.

    roots: int64, distinct nodes. wide_roots: whether roots are needed for all assets of a day at once.
    rows: int64 (at least 6 n + roots, INSTRUCTION_SIZE); parts: int64, gets where the tile part and the cross
    part of each stage begin, and the end. counts, wide_counts: slots made and free, 0 before.

    Returns the number of stages and of tail rows.
    """
    stages = place_nodes(nodes, n, roots, wide_roots, facts)
    many, tails = 0, 0
    for stage in range(stages):
        parts[2 * stage] = many
        count_uses(nodes, n, stage, wide_roots, partial, facts)
        many, tails = tile_part(
            nodes, n, stage, wide_roots, rows, many, facts, free, counts, wide_free, wide_counts, tails
        )
        parts[2 * stage + 1] = many
        many = cross_part(nodes, n, stage, wide_roots, rows, many, facts, wide_free, wide_counts)
    parts[2 * stages] = many
    return stages, tails
