"""Partition of formulas into pieces of equal cost that keep formulas with shared nodes together."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.plan.graph import CODE_AT, FIRST
from quarva.engine.kernel.plan.schedule import CROSS, ROLLING
from quarva.karva.alphabet import FIELD


@compiled
def cost_of(code):
    """Rough cost of a node per cell, in additions. It only affects the order and balance of pieces."""
    return 0.0 if code >= FIELD else (1.0 if code < ROLLING else (5.0 if code < CROSS else 20.0))


@compiled
def weigh(nodes, n, roots, cost, readers):
    """Compute the cost of the tree under every node, and its number of readers (nodes and formulas)."""
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
def costliest_shared(nodes, root, cost, readers, stack):
    """The most expensive node in the tree of a root that has another reader; the root if there is none."""
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
    """Cost of the nodes that a formula adds to a piece; marks these nodes."""
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
    """Find the most expensive subexpression that each formula shares.

    Parameters
    ----------
    nodes : ndarray of int32, shape (at least n, NODE_SIZE)
        The graph.
    n : int
        Number of nodes.
    roots : ndarray of int64, shape (P,)
        The node of each formula.

    Returns
    -------
    ndarray of int64, shape (P,)
        A node for each formula.
    """
    cost, readers, stack = np.empty(n), np.empty(n, np.int64), np.empty(3 * n + 3, np.int64)
    weigh(nodes, n, roots, cost, readers)
    out = np.empty(roots.size, np.int64)
    for p in range(roots.size):
        out[p] = costliest_shared(nodes, roots[p], cost, readers, stack)
    return out


@compiled(allocates=True)
def cut(nodes, n, roots, pieces, most):
    """Cut a sequence of formulas into pieces of about equal cost.

    Parameters
    ----------
    nodes, n, roots
        As in `anchors`; the roots are in the order of the formulas.
    pieces : int
        Number of pieces.
    most : int
        Maximal number of formulas of a piece, which may lead to more pieces.

    Returns
    -------
    ndarray of int64
        The first formula of each piece, followed by the number of formulas.
    """
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
        spent += 1.0 + add_cost(nodes, roots[p], many, seen, stack)  # 1 for scoring the formula
    cuts[many + 1] = roots.size
    return cuts[: many + 2]
