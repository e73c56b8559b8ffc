"""What a place inherits from the nodes above it, and which symbols may stand there: the kernels of `Grammar`.

A place carries whether it stands below a sine, how many days it may still look back, and the set of units
that what stands there can have (see `balance`). They are written when its parent is chosen, so whether a
symbol is legal is a look-up by parent, marks and position.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.grammar.unit_sets import BARRIERS, required, resulting

__all__ = ["GrammarState", "fill_legal", "fill_legal_all", "mark_legal", "row_of", "start", "take_note"]


class GrammarState(NamedTuple):
    """What is noted of B genes of L positions.

    Attributes:
        read: int32 of shape (B,), positions whose symbol was taken note of.
        opened: int32 of shape (B,), places that these have opened.
        below: bool of shape (B, L), whether a place stands below a sine or a cosine.
        left: int32 of shape (B, L), days that what stands there may look back.
        units: uint64 of shape (B, L), units that it can have as far as its own subtree is concerned.
        first: int16 of shape (B, L), position of its first argument.
        path: int16 of shape (L,), room for the way from a place to the root.
    """

    read: NDArray[np.int32]
    opened: NDArray[np.int32]
    below: NDArray[np.bool_]
    left: NDArray[np.int32]
    units: NDArray[np.uint64]
    first: NDArray[np.int16]
    path: NDArray[np.int16]

    @classmethod
    def blank(cls, batch: int, length: int) -> "GrammarState":
        """Room for the marks of genes of which nothing is known."""
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


class Row(NamedTuple):
    """One gene: its symbols, its places, its marks, all of shape (L,)."""

    gene: NDArray[np.int16]
    parent: NDArray[np.int16]
    argument: NDArray[np.int8]
    sibling: NDArray[np.int16]
    below: NDArray[np.bool_]
    left: NDArray[np.int32]
    units: NDArray[np.uint64]
    first: NDArray[np.int16]
    path: NDArray[np.int16]


@compiled(inline="always")
def row_of(symbols, places, marks, b):
    """Gene b of a batch; `places` are parent, argument and sibling."""
    return Row(
        symbols[b],
        places[0][b],
        places[1][b],
        places[2][b],
        marks.below[b],
        marks.left[b],
        marks.units[b],
        marks.first[b],
        marks.path,
    )


@compiled
def start(tables, row):
    """Mark the root; returns the places that are open, one."""
    row.below[0] = False
    row.left[0] = tables.limit
    row.units[0] = tables.given[1] | tables.simple[0, np.int64(tables.limit >= tables.longest), -1]
    return 1


@compiled
def take_note(tables, row, i, opened):
    """Hand down what the symbol of position i leaves to its arguments; returns the places opened by now."""
    symbol = row.gene[i]
    arity = tables.arity[symbol]
    below = row.below[i] | tables.waves[symbol]
    left = row.left[i] - tables.lookback[symbol]
    simple = tables.simple[np.int64(below), np.int64(left >= tables.longest), symbol]
    row.first[i] = opened
    for k in range(min(arity, row.gene.size - opened)):
        child = opened + k
        row.below[child] = below
        row.left[child] = left
        row.units[child] = tables.given[np.int64(k + 1 == arity)]
        if child < tables.head:
            row.units[child] |= simple
    if tables.units:
        narrow(tables, row, i)
    return opened + arity


@compiled
def narrow(tables, row, i):
    """The units of position i, whose symbol is known, and of the nodes above as far as they change."""
    while i >= 0:
        symbol, child = row.gene[i], row.first[i]
        arity, every = tables.arity[symbol], tables.measure.every
        if arity == 0:
            units = tables.unit[symbol]
        else:
            b = row.units[child + 1] if arity > 1 else every
            c = row.units[child + 2] if arity > 2 else every
            units = resulting(tables.measure, tables.rule[symbol], row.units[child], b, c)
        if units == row.units[i]:
            break
        row.units[i] = units
        i = row.parent[i]


@compiled
def wanted(tables, row, i):
    """Units that position i can have as far as the rest of the tree is concerned."""
    steps = 0
    while row.parent[i] >= 0:
        row.path[steps] = i
        steps += 1
        i = row.parent[i]
        if tables.rule[row.gene[i]] >= BARRIERS:
            break
    units = tables.measure.every
    while steps:
        steps -= 1
        i = row.path[steps]
        up, k = row.parent[i], row.argument[i]
        first, arity = row.first[up], tables.arity[row.gene[up]]
        a = b = tables.measure.every
        if arity > 1:
            a = row.units[first + (k == 0)]
        if arity > 2:
            b = row.units[first + 1 + (k < 2)]
        units = required(tables.measure, tables.rule[row.gene[up]], k, units, a, b)
    return units


@compiled
def needs_field(tables, row, i):
    """Whether a constant at position i would make a function of constants alone, or a formula of one."""
    if row.parent[i] < 0:
        return True
    if row.argument[i] + 1 < tables.arity[row.gene[row.parent[i]]]:
        return False
    elder = row.sibling[i]
    while elder >= 0:
        if not tables.constant[row.gene[elder]]:
            return False
        elder = row.sibling[elder]
    return True


@compiled
def mark_legal(tables, row, i, opened, legal):
    """Set legal[v] for each symbol v at position i of one gene."""
    n_functions = tables.permitted.shape[2]
    if i >= opened:  # behind the expression's end
        for v in range(legal.size):
            legal[v] = v >= n_functions
        return
    units = wanted(tables, row, i) if tables.units else tables.measure.every
    if i < tables.head:
        above = row.gene[row.parent[i]] if row.parent[i] >= 0 else np.int16(legal.size)
        below = np.int64(row.below[i])
        permitted, days = tables.permitted[below, above], row.left[i]
        for v in range(n_functions):
            legal[v] = permitted[v]
        if days < tables.longest:
            for v in range(n_functions):
                legal[v] &= tables.lookback[v] <= days
        if tables.units:
            inside = min(tables.head - opened, 3) if opened < tables.head else 0
            near, far = tables.result[below, 0, inside], tables.result[below, 1, inside]
            for v in range(n_functions):
                result = far[v] if days - tables.lookback[v] >= tables.longest else near[v]
                legal[v] &= (result & units) != 0
    else:
        legal[:n_functions] = False
    constants = not (tables.fields and needs_field(tables, row, i))
    for v in range(n_functions, legal.size):
        legal[v] = (constants | (not tables.constant[v])) & ((tables.unit[v] & units) != 0)


@compiled
def fill_legal(tables, symbols, i, rows, places, marks, legal):
    """Set legal[r] for position i of each gene rows[r]; `places` are parent, argument and sibling."""
    for r in range(rows.size):
        b = rows[r]
        row = row_of(symbols, places, marks, b)
        read, opened = marks.read[b], marks.opened[b]
        if opened == 0:
            opened = start(tables, row)
        while read < min(i, opened):
            opened = take_note(tables, row, read, opened)
            read += 1
        marks.read[b], marks.opened[b] = read, opened
        mark_legal(tables, row, i, opened, legal[r])


@compiled
def fill_legal_all(tables, symbols, places, marks, legal):
    """Set legal[b, i] for all positions of whole genes."""
    for b in range(symbols.shape[0]):
        row = row_of(symbols, places, marks, b)
        opened = start(tables, row)
        for i in range(row.gene.size):
            mark_legal(tables, row, i, opened, legal[b, i])
            if i < opened:
                opened = take_note(tables, row, i, opened)
