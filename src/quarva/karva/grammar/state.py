"""The kernels of `Grammar`: the state that a node passes on to its arguments, and the legal symbols.

The state of a node tells whether it is below a sine or cosine, how many days it may still look back, and
which units it can have (see `unit_sets`). It is written when the symbol of the parent is chosen, so checking
a symbol is a look-up by parent, state and position.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.grammar.unit_sets import FIRST_PURE_CODE, argument_units, result_units

__all__ = [
    "GeneState",
    "GrammarState",
    "fill_legal",
    "fill_legal_all",
    "gene_state",
    "mark_legal",
    "open_root",
    "pass_on",
]


class GrammarState(NamedTuple):
    """The grammar state of B genes of L positions.

    Attributes
    ----------
    n_read : int32 array, shape (B,)
        Positions whose symbols have been processed.
    n_nodes : int32 array, shape (B,)
        Nodes known to exist given these symbols.
    below_trigonometric : bool array, shape (B, L)
        Whether a node is below a sine or a cosine.
    days_left : int32 array, shape (B, L)
        Days that a node may look back.
    units : uint64 array, shape (B, L)
        Units that a node can have, given its own subtree.
    first : int16 array, shape (B, L)
        Position of the first argument of a node.
    path : int16 array, shape (L,)
        Work space for the path from a node to the root.
    """

    n_read: NDArray[np.int32]
    n_nodes: NDArray[np.int32]
    below_trigonometric: NDArray[np.bool_]
    days_left: NDArray[np.int32]
    units: NDArray[np.uint64]
    first: NDArray[np.int16]
    path: NDArray[np.int16]

    @classmethod
    def empty(cls, batch: int, length: int) -> "GrammarState":
        """Return the state of `batch` genes without any symbols."""
        size = (batch, length)
        return cls(
            np.zeros(batch, np.int32),
            np.zeros(batch, np.int32),
            np.empty(size, np.bool_),
            np.empty(size, np.int32),
            np.empty(size, np.uint64),
            np.empty(size, np.int16),
            np.empty(length, np.int16),
        )


class GeneState(NamedTuple):
    """The symbols, tree context and grammar state of one gene, each of shape (L,)."""

    gene: NDArray[np.int16]
    parent: NDArray[np.int16]
    argument: NDArray[np.int8]
    sibling: NDArray[np.int16]
    below_trigonometric: NDArray[np.bool_]
    days_left: NDArray[np.int32]
    units: NDArray[np.uint64]
    first: NDArray[np.int16]
    path: NDArray[np.int16]


@compiled(inline="always")
def gene_state(symbols, links, state, b):
    """Return the state of gene b of a batch; `links` are parent, argument and sibling."""
    return GeneState(
        symbols[b],
        links[0][b],
        links[1][b],
        links[2][b],
        state.below_trigonometric[b],
        state.days_left[b],
        state.units[b],
        state.first[b],
        state.path,
    )


@compiled
def open_root(tables, own):
    """Write the state of the root and return the number of nodes, 1."""
    own.below_trigonometric[0] = False
    own.days_left[0] = tables.limit
    own.units[0] = (
        tables.terminal_units[1] | tables.simple_units[0, np.int64(tables.limit >= tables.longest), -1]
    )
    return 1


@compiled
def pass_on(tables, own, i, n_nodes):
    """Write the state of the arguments of position i, and return the new number of nodes."""
    symbol = own.gene[i]
    arity = tables.arity[symbol]
    below = own.below_trigonometric[i] | tables.trigonometric[symbol]
    days_left = own.days_left[i] - tables.lookback[symbol]
    simple = tables.simple_units[np.int64(below), np.int64(days_left >= tables.longest), symbol]
    own.first[i] = n_nodes
    for k in range(min(arity, own.gene.size - n_nodes)):
        child = n_nodes + k
        own.below_trigonometric[child] = below
        own.days_left[child] = days_left
        own.units[child] = tables.terminal_units[np.int64(k + 1 == arity)]
        if child < tables.head:
            own.units[child] |= simple
    if tables.tracks_units:
        narrow_units(tables, own, i)
    return n_nodes + arity


@compiled
def narrow_units(tables, own, i):
    """Update the units of position i, whose symbol is known, and of its ancestors as far as they change."""
    while i >= 0:
        symbol, child = own.gene[i], own.first[i]
        arity, every = tables.arity[symbol], tables.unit_tables.every
        if arity == 0:
            units = tables.symbol_units[symbol]
        else:
            b = own.units[child + 1] if arity > 1 else every
            c = own.units[child + 2] if arity > 2 else every
            units = result_units(tables.unit_tables, tables.unit_rule[symbol], own.units[child], b, c)
        if units == own.units[i]:
            break
        own.units[i] = units
        i = own.parent[i]


@compiled
def outer_units(tables, own, i):
    """Return the units that position i can have, given the rest of the tree."""
    steps = 0
    while own.parent[i] >= 0:
        own.path[steps] = i
        steps += 1
        i = own.parent[i]
        if tables.unit_rule[own.gene[i]] >= FIRST_PURE_CODE:
            break
    units = tables.root_units if own.parent[i] < 0 else tables.unit_tables.every
    while steps:
        steps -= 1
        i = own.path[steps]
        up, k = own.parent[i], own.argument[i]
        first, arity = own.first[up], tables.arity[own.gene[up]]
        a = b = tables.unit_tables.every
        if arity > 1:
            a = own.units[first + (k == 0)]
        if arity > 2:
            b = own.units[first + 1 + (k < 2)]
        units = argument_units(tables.unit_tables, tables.unit_rule[own.gene[up]], k, units, a, b)
    return units


@compiled
def needs_field(tables, own, i):
    """Return whether a constant at position i would make a constant formula or a function of constants."""
    if own.parent[i] < 0:
        return True
    if own.argument[i] + 1 < tables.arity[own.gene[own.parent[i]]]:
        return False
    sibling = own.sibling[i]
    while sibling >= 0:
        if not tables.constant[own.gene[sibling]]:
            return False
        sibling = own.sibling[sibling]
    return True


@compiled
def mark_legal(tables, own, i, n_nodes, legal):
    """Set legal[v] for each symbol v at position i of one gene."""
    n_functions = tables.permitted.shape[2]
    if i >= n_nodes:  # after the end of the expression
        for v in range(legal.size):
            legal[v] = v >= n_functions
        return
    units = outer_units(tables, own, i) if tables.tracks_units else tables.unit_tables.every
    if i < tables.head:
        above = own.gene[own.parent[i]] if own.parent[i] >= 0 else np.int16(legal.size)
        below = np.int64(own.below_trigonometric[i])
        permitted, days_left = tables.permitted[below, above], own.days_left[i]
        for v in range(n_functions):
            legal[v] = permitted[v]
        if days_left < tables.longest:
            for v in range(n_functions):
                legal[v] &= tables.lookback[v] <= days_left
        if tables.tracks_units:
            in_head = min(tables.head - n_nodes, 3) if n_nodes < tables.head else 0
            limited = tables.function_units[below, 0, in_head]
            unlimited = tables.function_units[below, 1, in_head]
            for v in range(n_functions):
                result = unlimited[v] if days_left - tables.lookback[v] >= tables.longest else limited[v]
                legal[v] &= (result & units) != 0
    else:
        legal[:n_functions] = False
    constants = not (tables.requires_fields and needs_field(tables, own, i))
    for v in range(n_functions, legal.size):
        legal[v] = (constants | (not tables.constant[v])) & ((tables.symbol_units[v] & units) != 0)


@compiled
def fill_legal(tables, symbols, i, rows, links, state, legal):
    """Set legal[r] for position i of each gene rows[r]; `links` are parent, argument and sibling."""
    for r in range(rows.size):
        b = rows[r]
        own = gene_state(symbols, links, state, b)
        n_read, n_nodes = state.n_read[b], state.n_nodes[b]
        if n_nodes == 0:
            n_nodes = open_root(tables, own)
        while n_read < min(i, n_nodes):
            n_nodes = pass_on(tables, own, n_read, n_nodes)
            n_read += 1
        state.n_read[b], state.n_nodes[b] = n_read, n_nodes
        mark_legal(tables, own, i, n_nodes, legal[r])


@compiled
def fill_legal_all(tables, symbols, links, state, legal):
    """Set legal[b, i] for all positions of complete genes."""
    for b in range(symbols.shape[0]):
        own = gene_state(symbols, links, state, b)
        n_nodes = open_root(tables, own)
        for i in range(own.gene.size):
            mark_legal(tables, own, i, n_nodes, legal[b, i])
            if i < n_nodes:
                n_nodes = pass_on(tables, own, i, n_nodes)
