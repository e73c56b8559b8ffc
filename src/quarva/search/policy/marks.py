"""What a place inherits from the nodes above it, and which symbols may stand there: the kernels of `Grammar`.

A place carries whether it stands below a sine, how many days it may still look back, and the set of units
that what stands there can have (see `balance`). All three are written when its parent is chosen, so whether
a symbol is legal is a look-up by parent, inherited marks and position.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva.compiled import compiled

__all__ = ["Marks", "Tables", "fill_legal", "fill_legal_all"]


class Tables(NamedTuple):
    """The rules of one grammar as arrays: V symbols, the first F of them functions.

    Attributes:
        head: positions where a function may stand; all of them without the rule of the tail.
        limit: days that a formula may look back.
        fields: whether a function needs an argument that is no constant.
        arity: int8 of shape (V,).
        permitted: bool of shape (V + 1, F), which function may stand right below what; row V: the root.
        waves: bool of shape (V,), what may not stand anywhere below itself.
        lookback: int32 of shape (V,), days that a symbol looks back.
        constant: bool of shape (V,), numbers and `?`.
    """

    head: int
    limit: int
    fields: bool
    arity: NDArray[np.int8]
    permitted: NDArray[np.bool_]
    waves: NDArray[np.bool_]
    lookback: NDArray[np.int32]
    constant: NDArray[np.bool_]


class Marks(NamedTuple):
    """What is noted of B genes of L positions.

    Attributes:
        read: int32 of shape (B,), positions whose symbol was taken note of.
        opened: int32 of shape (B,), places that these have opened.
        below: bool of shape (B, L), whether a place stands below a sine or a cosine.
        left: int32 of shape (B, L), days that what stands there may look back.
    """

    read: NDArray[np.int32]
    opened: NDArray[np.int32]
    below: NDArray[np.bool_]
    left: NDArray[np.int32]

    @classmethod
    def blank(cls, tables: Tables, batch: int, length: int) -> "Marks":
        """Marks of genes of which only the root is known."""
        return cls(
            np.zeros(batch, np.int32),
            np.ones(batch, np.int32),
            np.zeros((batch, length), np.bool_),
            np.full((batch, length), tables.limit, np.int32),
        )


@compiled
def take_note(tables, gene, i, opened, below, left):
    """Hand down what the symbol of position i leaves to its arguments; returns the places opened by now."""
    symbol = gene[i]
    last = min(opened + tables.arity[symbol], gene.size)
    for child in range(opened, last):
        below[child] = below[i] | tables.waves[symbol]
        left[child] = left[i] - tables.lookback[symbol]
    return opened + tables.arity[symbol]


@compiled
def needs_field(tables, gene, i, parent, argument, sibling):
    """Whether a constant at position i would make a function of constants alone, or a formula of one."""
    if parent[i] < 0:
        return True
    if argument[i] + 1 < tables.arity[gene[parent[i]]]:
        return False
    elder = sibling[i]
    while elder >= 0:
        if not tables.constant[gene[elder]]:
            return False
        elder = sibling[elder]
    return True


@compiled
def mark_legal(tables, gene, i, opened, parent, argument, sibling, below, left, legal):
    """Set legal[v] for each symbol v at position i of one gene."""
    n_functions = tables.permitted.shape[1]
    if i >= opened:  # behind the expression's end
        for v in range(legal.size):
            legal[v] = v >= n_functions
        return
    if i < tables.head:
        above = gene[parent[i]] if parent[i] >= 0 else np.int16(legal.size)
        permitted, days, free = tables.permitted[above], left[i], not below[i]
        for v in range(n_functions):
            legal[v] = permitted[v] & (tables.lookback[v] <= days) & (free | (not tables.waves[v]))
    else:
        legal[:n_functions] = False
    constants = not (tables.fields and needs_field(tables, gene, i, parent, argument, sibling))
    for v in range(n_functions, legal.size):
        legal[v] = constants | (not tables.constant[v])


@compiled
def fill_legal(tables, symbols, i, rows, places, marks, legal):
    """Set legal[r] for position i of each gene rows[r]; `places` are parent, argument and sibling."""
    parent, argument, sibling = places
    for r in range(rows.size):
        b = rows[r]
        gene, below, left = symbols[b], marks.below[b], marks.left[b]
        read, opened = marks.read[b], marks.opened[b]
        while read < min(i, opened):
            opened = take_note(tables, gene, read, opened, below, left)
            read += 1
        marks.read[b], marks.opened[b] = read, opened
        mark_legal(tables, gene, i, opened, parent[b], argument[b], sibling[b], below, left, legal[r])


@compiled
def fill_legal_all(tables, symbols, places, marks, legal):
    """Set legal[b, i] for all positions of whole genes."""
    parent, argument, sibling = places
    for b in range(symbols.shape[0]):
        gene, below, left, opened = symbols[b], marks.below[b], marks.left[b], np.int32(1)
        up, which, elder = parent[b], argument[b], sibling[b]
        for i in range(gene.size):
            mark_legal(tables, gene, i, opened, up, which, elder, below, left, legal[b, i])
            if i < opened:
                opened = take_note(tables, gene, i, opened, below, left)
