"""Which formulas are computed together: those that share a dear subexpression, in pieces of equal cost."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.plan.graph import CODE_AT, FIRST
from quarva.engine.kernel.plan.schedule import CROSS, ROLLING
from quarva.karva.alphabet import FIELD


@compiled
def cost_of(code):
    """A node's cost for a cell, in additions, roughly: it orders and balances, and decides nothing else."""
    return 0.0 if code >= FIELD else (1.0 if code < ROLLING else (5.0 if code < CROSS else 20.0))


@compiled
def weigh(nodes, n, roots, cost, readers):
    """Cost of the tree under every node, and how many nodes and formulas read it."""
    readers[:n] = 0
    for k in range(n):
        cost[k] = cost_of(nodes[k, CODE_AT])
        for j in range(3):
            operand = nodes[k, FIRST + j]
            if operand >= 0:
                cost[k] += cost[operand]
                readers[operand] += 1
    for p in range(roots.size):
        readers[roots[p]] += 1


@compiled
def dearest_shared(nodes, root, cost, readers, stack):
    """The dearest node under a root (or itself) that somebody else reads too; the root if there is none."""
    best, best_cost, top = root, 0.0, 1
    stack[0] = root
    while top > 0:
        top -= 1
        k = stack[top]
        if cost[k] <= best_cost:
            continue
        if readers[k] > 1:
            best, best_cost = k, cost[k]
            continue
        for j in range(3):
            if nodes[k, FIRST + j] >= 0:
                stack[top] = nodes[k, FIRST + j]
                top += 1
    return best


@compiled
def add_cost(nodes, root, piece, seen, stack):
    """Cost of what a formula adds to its piece, whose nodes it marks."""
    total, top = 0.0, 1
    stack[0] = root
    while top > 0:
        top -= 1
        k = stack[top]
        if seen[k] == piece:
            continue
        seen[k] = piece
        total += cost_of(nodes[k, CODE_AT])
        for j in range(3):
            if nodes[k, FIRST + j] >= 0:
                stack[top] = nodes[k, FIRST + j]
                top += 1
    return total


@compiled(allocates=True)
def anchors(nodes, n, roots):
    """For each formula, the dearest subexpression that it shares; roots: int64 (P,), the formulas' nodes."""
    cost, readers, stack = np.empty(n), np.empty(n, np.int64), np.empty(3 * n + 3, np.int64)
    weigh(nodes, n, roots, cost, readers)
    out = np.empty(roots.size, np.int64)
    for p in range(roots.size):
        out[p] = dearest_shared(nodes, roots[p], cost, readers, stack)
    return out


@compiled(allocates=True)
def cut(nodes, n, roots, pieces, most):
    """Where pieces of formulas in this order begin, and the end: so many, of at most so many formulas."""
    share = 0.0
    for k in range(n):
        share += cost_of(nodes[k, CODE_AT])
    share = (share + roots.size) / pieces
    seen, stack = np.full(n, -1), np.empty(3 * n + 3, np.int64)
    cuts, many, spent = np.zeros(roots.size + 1, np.int64), 0, 0.0
    for p in range(roots.size):
        if p - cuts[many] >= most or spent >= share:
            many += 1
            cuts[many] = p
            spent = 0.0
        spent += 1.0 + add_cost(nodes, roots[p], many, seen, stack)  # being scored costs as well
    cuts[many + 1] = roots.size
    return cuts[: many + 2]
