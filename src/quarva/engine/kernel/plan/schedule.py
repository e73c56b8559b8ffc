"""Schedule: translates a graph to instructions for a chunk of days.

Elementwise and rolling nodes do not combine assets. They run tile by tile (a tile is some tens of assets), so
that their results stay in the first two caches. A cross-sectional node needs all assets of a day. The nodes
are therefore sorted into stages. In each stage, the tile nodes run first, for every tile, and then the
cross-sectional nodes. A result that is read outside its stage is stored for all tiles ('wide'). Any other
result is stored in a slot, which is reused after its last reader.

An instruction is a row of an int64 array:

    OP        operator code, or LOAD_FIELD, LOAD_WIDE, FILL
    OUT       slot of the result (for a cross-sectional instruction: index of the wide result)
    ARGS …    slots of the operands (for a cross-sectional instruction: wide results), −1 for none
    PARAM_AT  window, number of the field, group or asset, or count
    BITS_AT   bits of the number
    HISTORY   days before the chunk that a reader of the result needs
    TAIL      number of tail rows before those of this instruction, which store the last days of the result
    WIDE      index of the wide result, −1 for none
    ROOT      index of the root, −1 for none
    CARRIED   where the state that is carried from chunk to chunk begins, −1 for none; set by the interpreter
"""

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.plan.graph import BITS, CODE_AT, FIRST, PARAM
from quarva.engine.kernel.series import history
from quarva.karva.alphabet import FIELD, NUMBER
from quarva.karva.operators import OPERATORS

OP, OUT, ARGS, PARAM_AT, BITS_AT, HISTORY, TAIL, WIDE, ROOT, CARRIED = 0, 1, 2, 5, 6, 7, 8, 9, 10, 11
INSTRUCTION_SIZE = 12
LOAD_FIELD, LOAD_WIDE, FILL = 2000, 2001, 2002

KINDS = [operator.kind for operator in OPERATORS]
ROLLING, CROSS, GROUP = KINDS.index("rolling"), KINDS.index("cross"), KINDS.index("group")

# Rows of `facts`, the properties of each node.
STAGE, LAST, KEPT, SLOT, USES, REACH, IS_ROOT, WIDE_AT, NEEDED = 0, 1, 2, 3, 4, 5, 6, 7, 8
FACTS = 9


@compiled
def is_cross(code):
    """True for a cross-sectional or group operator."""
    return CROSS <= code < FIELD


@compiled
def is_leaf(code):
    """True for a field or a number."""
    return code >= FIELD


@compiled
def assign_stages(nodes, n, roots, wide_roots, facts):
    """Find the needed nodes, their first and last stages, and wide results; return the number of stages."""
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
    """Count the readers of each node in the tiles of a stage, and the days that they read back."""
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
    """Allocate a slot, a free or a new one. `counts` holds the number of slots and of free slots."""
    if counts[1] > 0:
        counts[1] -= 1
        return free[counts[1]]
    counts[0] += 1
    return counts[0] - 1


@compiled
def give(slot, free, counts):
    """Free a slot."""
    free[counts[1]] = slot
    counts[1] += 1


@compiled(inline="always")  # a function without reference counts cannot return a view
def write_row(rows, many, op, out, node, reach):
    """Write instruction number `many` without operands, tail, wide result and root."""
    row = rows[many]
    row[:] = -1
    row[OP], row[OUT], row[PARAM_AT], row[BITS_AT], row[HISTORY] = op, out, node[PARAM], node[BITS], reach
    return row


@compiled
def load(k, nodes, rows, many, facts, free, counts, tails):
    """Load node k, a leaf or a wide result, into a slot; return the number of instructions and tail rows."""
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
    """Remove a reader of node k, and free its slot after the last one."""
    facts[USES, k] -= 1
    if facts[USES, k] == 0:
        give(facts[SLOT, k], free, counts)
        facts[SLOT, k] = -1


@compiled
def store_result(k, row, stage, wide_roots, facts, free, counts, wide_free, wide_counts):
    """Store a result for all tiles if it is read in a later stage, and mark it if it is a root."""
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
    """Write the instructions of a stage that run tile by tile."""
    for k in range(n):
        if not facts[NEEDED, k]:
            continue
        code = nodes[k, CODE_AT]
        if is_leaf(code) or is_cross(code):
            here = facts[STAGE, k] + (1 if is_cross(code) else 0) == stage
            scored = facts[IS_ROOT, k] >= 0 and not wide_roots
            if here and (scored or (facts[KEPT, k] and is_leaf(code))):
                many, tails = load(k, nodes, rows, many, facts, free, counts, tails)
                store_result(
                    k, rows[many - 1], stage, wide_roots, facts, free, counts, wide_free, wide_counts
                )
            continue
        if facts[STAGE, k] != stage:
            continue
        for j in range(3):
            operand = nodes[k, FIRST + j]
            if operand >= 0 and facts[SLOT, operand] < 0:
                many, tails = load(operand, nodes, rows, many, facts, free, counts, tails)
        # The result gets its slot before those of the operands are freed, so that no loop reads its output.
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
        store_result(k, row, stage, wide_roots, facts, free, counts, wide_free, wide_counts)
    return many, tails


@compiled
def cross_part(nodes, n, stage, wide_roots, rows, many, facts, wide_free, wide_counts):
    """Write the cross-sectional instructions of a stage, and free wide results that no later stage reads."""
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
    """Write the instructions of a graph.

    Parameters
    ----------
    nodes : ndarray of int32, shape (at least n, NODE_SIZE)
        The graph.
    n : int
        Number of nodes.
    roots : ndarray of int64
        Distinct nodes that are scored or written.
    wide_roots : bool
        True if the roots are needed for all assets of a day at once.
    partial : bool
        True if Qlib's conventions apply.
    facts : ndarray of int64, shape (FACTS, n)
        Scratch space.
    rows : ndarray of int64, shape (at least 6 · n + roots, INSTRUCTION_SIZE)
        Receives the instructions.
    parts : ndarray of int64
        Receives where the tile part and the cross-sectional part of each stage begin, followed by the end.
    free, wide_free : ndarray of int64
        Scratch space for free slots and free wide results.
    counts, wide_counts : ndarray of int64, shape (2,)
        Receive the number of slots and of wide results, and of free ones; initially 0.

    Returns
    -------
    stages : int
        Number of stages.
    tails : int
        Number of tail rows.
    """
    stages = assign_stages(nodes, n, roots, wide_roots, facts)
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
