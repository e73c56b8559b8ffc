"""Rewriting of formulas: most symbols are copied from a template formula, and the network samples the others.

A position of the new gene may correspond to a node of the template, at the same place in the tree. Its symbol
is copied unless the position is rewritten, which happens with a given probability. A rewrite is one of three:
the network samples another symbol above the same arguments, the network samples a symbol above the node
itself, or an argument of the node takes its place. Masks and network are applied at every position, so the
new genes are legal, and new parts follow the network.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled

__all__ = ["Templates", "assign_nodes", "plan_rewrite"]

_SAMPLE, _COPY, _WRAP = 0, 1, 2
_NONE = np.int16(-1)
_FOUR, _MANY = np.float32(4), np.float32(2**16)


class Templates(NamedTuple):
    """The templates of n genes of L positions.

    Attributes
    ----------
    symbols : int16 array, shape (n, L)
        -1 at the root means that the gene has no template and is sampled freely.
    first : int16 array, shape (n, L)
        Position of the first argument of each node.
    probability : float32 array, shape (n,)
        Probability that a position is rewritten, above 0.
    node : int16 array, shape (n, L)
        Work space: the node of the template to which each position corresponds; -1 for none.
    """

    symbols: NDArray[np.int16]
    first: NDArray[np.int16]
    probability: NDArray[np.float32]
    node: NDArray[np.int16]

    @classmethod
    def of(
        cls, symbols: NDArray[np.int16], rewrites: float, lengths: NDArray[np.int64], arity: NDArray[np.int8]
    ) -> "Templates":
        """Return templates from complete genes.

        Parameters
        ----------
        symbols : int16 array, shape (n, L)
            Genes of the templates.
        rewrites : float
            Expected number of rewritten positions, above 0.
        lengths : int64 array, shape (n,)
            Positions of the expressions among which these are distributed.
        arity : int8 array, shape (V,)
            Arity of each symbol.
        """
        first = 1 + np.cumsum(arity[symbols], axis=1) - arity[symbols]
        probability = np.minimum(rewrites / lengths, 1.0).astype(np.float32)
        return cls(symbols, first.astype(np.int16), probability, np.zeros_like(symbols))

    @classmethod
    def none(cls, n: int, length: int) -> "Templates":
        """Return n genes without templates."""
        nothing = np.full((n, length), _NONE)
        return cls(nothing, nothing, np.ones(n, np.float32), nothing.copy())

    def after(self, other: "Templates") -> "Templates":
        """Return the templates of `other`, followed by these."""
        symbols, first, probability, node = (
            np.concatenate([theirs, own]) for theirs, own in zip(list(other), list(self), strict=True)
        )
        return Templates(symbols, first, probability, node)

    def view(self, part: slice) -> "Templates":
        """Return a slice of the templates, without copying."""
        return Templates(self.symbols[part], self.first[part], self.probability[part], self.node[part])


@compiled
def plan_rewrite(templates, b, i, arity, random):
    """Return the symbol to copy at position i of gene b (or -1), the move, and a new random number.

    `random` is uniform in [0, 1), and so is the number returned.
    """
    if i == 0:
        templates.node[b, 0] = 0 if templates.symbols[b, 0] >= 0 else _NONE
    node = templates.node[b, i]
    if node < 0:
        return _NONE, _SAMPLE, random
    symbol = templates.symbols[b, node]
    if random >= templates.probability[b]:
        return symbol, _COPY, random
    random = _FOUR * (random / templates.probability[b])
    move = np.int64(random)
    random -= np.float32(move)
    if move == 0 and arity[symbol]:
        node = templates.first[b, node] + np.int64(random * np.float32(arity[symbol]))
        templates.node[b, i] = node
        return templates.symbols[b, node], _COPY, random
    return _NONE, _WRAP if move == 1 else _SAMPLE, random


@compiled
def assign_nodes(templates, b, i, symbol, move, n_nodes, arity, random):
    """Assign template nodes to the arguments of position i, which start at `n_nodes`."""
    node, length = templates.node[b, i], templates.node.shape[1]
    n = np.int64(arity[symbol])
    n_template = np.int64(arity[templates.symbols[b, node]]) if node >= 0 else 0
    kept = np.int64(random * _MANY) % n if n else 0
    for k in range(min(n, length - n_nodes)):
        child = _NONE
        if node >= 0 and move == _WRAP:
            child = node if k == kept else _NONE
        elif k < n_template:
            child = templates.first[b, node] + np.int16(k)
        templates.node[b, n_nodes + k] = child
