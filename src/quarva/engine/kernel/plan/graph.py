"""The shared graph of several formulas, in which equal subtrees are computed once.

A graph is an int32 array of nodes in which operands precede operators. A node is a row of

    code, first, second, third operand (−1 for none), param, bits of the number

Nodes are interned (hash-consing), with the operands of commutative operators in a fixed order, so that equal
subtrees of the whole population are one node. Operators on numbers are folded. Identities are applied if they
are exact in float32 and for NaN (up to the sign of zero), so that the results are bit-identical to those of
the original formulas.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.functions.elementwise import binary, unary
from quarva.engine.kernel.vectors.float32 import bits_of, float_of
from quarva.karva.alphabet import NUMBER
from quarva.karva.decode import mix
from quarva.karva.operators import CODE, OPERATORS

CODE_AT, FIRST, SECOND, THIRD, PARAM, BITS = 0, 1, 2, 3, 4, 5
NODE_SIZE = 6

ROLLING = [operator.kind for operator in OPERATORS].index("rolling")
ADD, SUB, MUL, DIV = CODE["add"], CODE["sub"], CODE["mul"], CODE["div"]
MIN, MAX, NEG, ABS, SQUARE = CODE["min"], CODE["max"], CODE["neg"], CODE["abs"], CODE["square"]
COMMUTATIVE = np.array([operator.commutative for operator in OPERATORS])

ONE, ZERO = int(np.float32(1).view(np.int32)), 0
A, B, C = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)


@compiled
def intern(code, a, b, c, param, bits, nodes, used, table):
    """Find or append a node; the node is new if the result equals `used`."""
    h = np.uint64(code) * A + np.uint64(a) * B + np.uint64(b) * C
    h ^= np.uint64(param) * B + np.uint64(np.uint32(bits)) * A + np.uint64(c) * np.uint64(31)
    mask = table.size - 1
    at = np.int64(mix(h) & np.uint64(mask))
    while table[at] >= 0:
        node = nodes[table[at]]
        if (
            node[CODE_AT] == code and node[FIRST] == a and node[SECOND] == b and node[THIRD] == c
            and node[PARAM] == param and node[BITS] == bits
        ):  # fmt: skip
            return np.int64(table[at])
        at = (at + 1) & mask
    table[at] = used
    node = nodes[used]
    node[CODE_AT], node[FIRST], node[SECOND], node[THIRD], node[PARAM], node[BITS] = (
        code,
        a,
        b,
        c,
        param,
        bits,
    )
    return used


@compiled
def is_number(k, bits, nodes):
    """True if node k is the number with these bits."""
    return nodes[k, CODE_AT] == NUMBER and nodes[k, BITS] == bits


@compiled
def identity(code, a, b, nodes):
    """The operand that equals the result, or −1: x·1, x/1, x+0, x−0, −−x, ||x||, min(x, x)."""
    if code == MUL:
        return a if is_number(b, ONE, nodes) else (b if is_number(a, ONE, nodes) else -1)
    if code == DIV:
        return a if is_number(b, ONE, nodes) else -1
    if code == ADD:
        return a if is_number(b, ZERO, nodes) else (b if is_number(a, ZERO, nodes) else -1)
    if code == SUB:
        return a if is_number(b, ZERO, nodes) else -1
    if code == MIN or code == MAX:
        return a if a == b else -1
    if code == NEG:
        return nodes[a, FIRST] if nodes[a, CODE_AT] == NEG else -1
    if code == ABS:
        return a if nodes[a, CODE_AT] == ABS or nodes[a, CODE_AT] == SQUARE else -1
    return -1


@compiled
def fold(code, a, b, nodes, cell):
    """Bits of an elementwise operator on one or two numbers. `cell` is scratch space, float32 (3,)."""
    cell[0] = float_of(nodes[a, BITS])
    if b < 0:
        unary(code, cell[:1], cell[2:])
    else:
        cell[1] = float_of(nodes[b, BITS])
        binary(code, cell[:1], cell[1:2], cell[2:])
    return bits_of(cell[2])


@compiled
def add_node(code, a, b, c, param, bits, nodes, used, table, cell):
    """Find or append a node after folding and identities; the node is new if the result equals `used`."""
    if code >= OPERATORS_END:
        return intern(code, a, b, c, param, bits, nodes, used, table)
    if (code == ABS or code == SQUARE) and nodes[a, CODE_AT] == NEG:
        a = np.int64(nodes[a, FIRST])
    same = identity(code, a, b, nodes)
    if same >= 0:
        return np.int64(same)
    if code < ROLLING and c < 0 and nodes[a, CODE_AT] == NUMBER and (b < 0 or nodes[b, CODE_AT] == NUMBER):
        return intern(NUMBER, -1, -1, -1, 0, fold(code, a, b, nodes, cell), nodes, used, table)
    if COMMUTATIVE[code] and b < a:
        a, b = b, a
    return intern(code, a, b, c, param, bits, nodes, used, table)


OPERATORS_END = len(OPERATORS)


@compiled
def build(order, offset, code, left, right, third, param, number, nodes, place, table, cell, root):
    """Build the graph of the formulas in `order`.

    Parameters
    ----------
    order : ndarray of int64, shape (n,)
        The formulas.
    offset, code, left, right, third, param, number : ndarray
        The arrays of a `Program`.
    nodes : ndarray of int32, shape (most, NODE_SIZE)
        Receives the nodes; `most` is an upper bound of their number.
    place : ndarray of int64, shape (longest formula,)
        Scratch space.
    table : ndarray of int32
        Scratch space, initially −1. Its size is a power of two of at least 2 · most.
    cell : ndarray of float32, shape (3,)
        Scratch space.
    root : ndarray of int64, shape (n,)
        Receives the node of each formula.

    Returns
    -------
    int
        Number of nodes.
    """
    used = 0
    for i in range(order.size):
        first = offset[order[i]]
        many = offset[order[i] + 1] - first
        for j in range(many):
            k = first + j
            a = place[left[k]] if left[k] >= 0 else -1
            b = place[right[k]] if right[k] >= 0 else -1
            c = place[third[k]] if third[k] >= 0 else -1
            at = add_node(code[k], a, b, c, param[k], bits_of(number[k]), nodes, used, table, cell)
            used = max(used, at + 1)
            place[j] = at
        root[i] = place[many - 1]
    return used
