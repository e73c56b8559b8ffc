"""Formulas written anew at a few places: most letters are those of a model, the rest the network draws.

A place of the new gene may have a twin, a node of the model that stands where it stands in the tree. Its
letter is copied but for a chance at which the place is rewritten: the network draws another letter, above the
arguments that were there or above the node itself, or an argument moves up into the node's place. Masks and
network are asked at every place as ever, so that what is written is legal, and new parts are the network's.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled

__all__ = ["Models", "hand_down", "plan"]

_DRAW, _COPY, _WRAP = 0, 1, 2
_NONE = np.int16(-1)
_FOUR, _MANY = np.float32(4), np.float32(2**16)


class Models(NamedTuple):
    """What n genes of L positions are rewritten from.

    Attributes:
        symbols: int16 of shape (n, L); -1 at the root of a gene that is written freely.
        first: int16 of shape (n, L), position of each node's first argument.
        change: float32 of shape (n,), chance that a place is rewritten, above 0.
        twin: int16 of shape (n, L), room.
    """

    symbols: NDArray[np.int16]
    first: NDArray[np.int16]
    change: NDArray[np.float32]
    twin: NDArray[np.int16]

    @classmethod
    def of(
        cls, symbols: NDArray[np.int16], places: float, lengths: NDArray[np.int64], arity: NDArray[np.int8]
    ) -> "Models":
        """Models that are whole genes, int16 of shape (n, L), rewritten at so many places on average.

        Args:
            symbols: of the models.
            places: above 0.
            lengths: positions of their expressions, of shape (n,).
            arity: of the letters.
        """
        opened = 1 + np.cumsum(arity[symbols], axis=1) - arity[symbols]
        change = np.minimum(places / lengths, 1.0).astype(np.float32)
        return cls(symbols, opened.astype(np.int16), change, np.zeros_like(symbols))

    @classmethod
    def none(cls, n: int, length: int) -> "Models":
        """No model for any of n genes."""
        nothing = np.full((n, length), _NONE)
        return cls(nothing, nothing, np.ones(n, np.float32), nothing.copy())

    def behind(self, other: "Models") -> "Models":
        """Those of another, and then these."""
        symbols, first, change, twin = (
            np.concatenate([theirs, mine]) for theirs, mine in zip(list(other), list(self), strict=True)
        )
        return Models(symbols, first, change, twin)

    def cut(self, part: slice) -> "Models":
        """Those of some of the genes, not copied."""
        return Models(self.symbols[part], self.first[part], self.change[part], self.twin[part])


@compiled
def plan(models, b, i, arity, chance):
    """What is done at position i of gene b: the letter to copy or -1, the move, the chance that is left."""
    if i == 0:
        models.twin[b, 0] = 0 if models.symbols[b, 0] >= 0 else _NONE
    twin = models.twin[b, i]
    if twin < 0:
        return _NONE, _DRAW, chance
    letter = models.symbols[b, twin]
    if chance >= models.change[b]:
        return letter, _COPY, chance
    chance = _FOUR * (chance / models.change[b])
    move = np.int64(chance)
    chance -= np.float32(move)
    if move == 0 and arity[letter]:
        twin = models.first[b, twin] + np.int64(chance * np.float32(arity[letter]))
        models.twin[b, i] = twin
        return models.symbols[b, twin], _COPY, chance
    return _NONE, _WRAP if move == 1 else _DRAW, chance


@compiled
def hand_down(models, b, i, letter, move, nodes, arity, chance):
    """Twins of the arguments of position i, which begin at `nodes`, once its letter is known."""
    twin, length = models.twin[b, i], models.twin.shape[1]
    n = np.int64(arity[letter])
    known = np.int64(arity[models.symbols[b, twin]]) if twin >= 0 else 0
    kept = np.int64(chance * _MANY) % n if n else 0
    for k in range(min(n, length - nodes)):
        child = _NONE
        if twin >= 0 and move == _WRAP:
            child = twin if k == kept else _NONE
        elif k < known:
            child = models.first[b, twin] + np.int16(k)
        models.twin[b, nodes + k] = child
