"""Where each position of a gene stands in the tree, known before its symbol is chosen.

A gene is read in level order: the arguments of a position stand behind all arguments of the positions before
it. So once a symbol is chosen, the places of its arguments are known, and a place knows its parent, which
argument it is, its left sibling, its depth, and how many places are still open. The horizontal place is the
second of the two indices of CADSR (Bastiani et al. 2024): the root stands at 0.5, an argument of a node at
depth d by 2^-(d+2) to the left or the right of it, or right below it (an only argument, the second of three).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import Alphabet

__all__ = ["Inputs", "TreeContext", "open_places"]


class Inputs(NamedTuple):
    """What a network may know of a place before its symbol is chosen, arrays of shape (B,) or (B, L).

    Attributes:
        parent: int32, symbol above; V, the number of symbols, at the root.
        argument: int32, which argument of it: 0, 1 or 2.
        sibling: int32, symbol of the argument to the left; V if there is none.
        depth: int32, 0 at the root.
        open: int32, places that still lack a symbol, this one among them; 0 behind an expression's end.
        horizontal: float32, above 0 and below 1.

    Behind an expression's end the others have the root's values.
    """

    parent: NDArray[np.int32]
    argument: NDArray[np.int32]
    sibling: NDArray[np.int32]
    depth: NDArray[np.int32]
    open: NDArray[np.int32]
    horizontal: NDArray[np.float32]


class TreeContext:
    """The places of B genes of L positions, filled in as symbols are chosen.

    Attributes, all of shape (B, L) but `filled`, and defined for places that are there, i < filled:
        parent: int16, position of the node above; -1 at the root.
        argument: int8, which argument of it.
        sibling: int16, position of the argument to the left; -1 if there is none.
        depth: int16, 0 at the root.
        horizontal: float32; see above.
        filled: int32 of shape (B,), places that are there so far: i is open if i < filled.
        marks: what a `Grammar` notes down beside.
    """

    def __init__(self, alphabet: Alphabet, length: int, batch: int) -> None:
        self.alphabet = alphabet
        self.parent = np.full((batch, length), -1, np.int16)
        self.argument = np.zeros((batch, length), np.int8)
        self.sibling = np.full((batch, length), -1, np.int16)
        self.depth = np.zeros((batch, length), np.int16)
        self.horizontal = np.full((batch, length), 0.5, np.float32)
        self.filled = np.ones(batch, np.int32)
        self.marks: Any = None

    @classmethod
    def of(cls, symbols: NDArray[np.int16], alphabet: Alphabet) -> "TreeContext":
        """The places of whole genes, int16 of shape (B, L)."""
        places = cls(alphabet, symbols.shape[1], len(symbols))
        for_all(symbols, alphabet.arity, *places._arrays)
        return places

    def put(self, symbols: NDArray[np.int16], i: int) -> None:
        """Note what `symbols[:, i]`, just chosen, opens; positions are put in order, each once."""
        for_one(symbols, i, self.alphabet.arity, *self._arrays)

    def is_open(self, i: int) -> NDArray[np.bool_]:
        """Whether position i belongs to the expression, bool of shape (B,)."""
        return self.filled > i

    def inputs(self, symbols: NDArray[np.int16], i: int, rows: NDArray[np.int64] | None = None) -> Inputs:
        """What is known of position i; positions 0 … i-1 were put.

        Args:
            symbols: int16 of shape (B, L), chosen as far as i-1.
            i: the position.
            rows: genes that are asked about, int64 of shape (R,); all by default.

        Returns:
            Arrays of shape (R,).
        """
        rows = np.arange(len(self.filled)) if rows is None else rows
        found, known = _room(rows.shape), len(self.alphabet)
        look_one(symbols, i, rows, self.filled, *self._links, self.depth, self.horizontal, known, found)
        return found

    def inputs_all(self, symbols: NDArray[np.int16]) -> Inputs:
        """What is known of every position when its turn comes, arrays of shape (B, L), of whole genes."""
        found = _room(symbols.shape)
        arity, known = self.alphabet.arity, len(self.alphabet)
        look_all(symbols, arity, *self._links, self.depth, self.horizontal, known, found)
        return found

    @property
    def _links(self) -> tuple[NDArray[Any], ...]:
        return self.parent, self.argument, self.sibling

    @property
    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return *self._links, self.depth, self.horizontal, self.filled


def _room(shape: tuple[int, ...]) -> Inputs:
    parent, argument, sibling, depth, still_open = (np.empty(shape, np.int32) for _ in range(5))
    return Inputs(parent, argument, sibling, depth, still_open, np.empty(shape, np.float32))


@compiled(inline="always")
def open_places(i, arity, filled, parent, argument, sibling, depth, horizontal):
    """The arguments of position i of one gene get their places; returns how many places there are now."""
    last = min(arity, parent.size - filled)  # without the tail rule a gene may run out of positions
    reach = np.float32(0.5) ** (depth[i] + 2)
    step = np.float32(0.0) if arity < 2 else np.float32(2.0) * reach / np.float32(arity - 1)
    left = horizontal[i] - (reach if arity > 1 else np.float32(0.0))
    for k in range(last):
        child = filled + k
        parent[child] = i
        argument[child] = k
        sibling[child] = child - 1 if k else -1
        depth[child] = depth[i] + 1
        horizontal[child] = left + np.float32(k) * step
    return filled + arity


@compiled
def for_one(symbols, i, arity, parent, argument, sibling, depth, horizontal, filled):
    for b in range(symbols.shape[0]):
        if i < filled[b]:
            n = arity[symbols[b, i]]
            filled[b] = open_places(
                i, n, filled[b], parent[b], argument[b], sibling[b], depth[b], horizontal[b]
            )


@compiled
def for_all(symbols, arity, parent, argument, sibling, depth, horizontal, filled):
    for b in range(symbols.shape[0]):
        for i in range(symbols.shape[1]):
            if i >= filled[b]:
                break
            n = arity[symbols[b, i]]
            filled[b] = open_places(
                i, n, filled[b], parent[b], argument[b], sibling[b], depth[b], horizontal[b]
            )


@compiled
def look_one(symbols, i, rows, filled, parent, argument, sibling, depth, horizontal, none, found):
    for r in range(rows.size):
        b = rows[r]
        is_open, up, left = i < filled[b], parent[b, i], sibling[b, i]
        found.parent[r] = symbols[b, up] if is_open and up >= 0 else none
        found.argument[r] = argument[b, i] if is_open else 0
        found.sibling[r] = symbols[b, left] if is_open and left >= 0 else none
        found.depth[r] = depth[b, i] if is_open else 0
        found.open[r] = filled[b] - i if is_open else 0
        found.horizontal[r] = horizontal[b, i] if is_open else np.float32(0.5)


@compiled
def look_all(symbols, arity, parent, argument, sibling, depth, horizontal, none, found):
    for b in range(symbols.shape[0]):
        filled = 1
        for i in range(symbols.shape[1]):
            is_open, up, left = i < filled, parent[b, i], sibling[b, i]
            found.parent[b, i] = symbols[b, up] if is_open and up >= 0 else none
            found.argument[b, i] = argument[b, i] if is_open else 0
            found.sibling[b, i] = symbols[b, left] if is_open and left >= 0 else none
            found.depth[b, i] = depth[b, i] if is_open else 0
            found.open[b, i] = filled - i if is_open else 0
            found.horizontal[b, i] = horizontal[b, i] if is_open else np.float32(0.5)
            if is_open:
                filled += arity[symbols[b, i]]
