"""The position of each node in the tree, known before its symbol is chosen.

A gene is read in level order: the arguments of a node follow the arguments of all nodes before it. So once a
symbol is chosen, the positions of its arguments are known, and with them the parent, the argument index, the
left sibling and the depth of each. The horizontal position is the second index of CADSR (Bastiani et al.
2024): the root is at 0.5, and an argument of a node at depth d is 2^-(d+2) to its left or right, or at the
same position if it is the only argument or the second of three.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import Alphabet

__all__ = ["NodeContext", "TreeContext", "add_arguments"]


class NodeContext(NamedTuple):
    """Context of nodes whose symbols have not been chosen yet, in arrays of shape (B,) or (B, L).

    Attributes
    ----------
    parent : int32 array
        Symbol of the parent; V, the number of symbols, at the root.
    argument : int32 array
        Argument index: 0, 1 or 2.
    sibling : int32 array
        Symbol of the left sibling; V if there is none.
    depth : int32 array
        Depth of the node; 0 at the root.
    open : int32 array
        Nodes without a symbol, this one included; 0 after the end of an expression.
    horizontal : float32 array
        Horizontal position, above 0 and below 1.

    Notes
    -----
    After the end of an expression all values but `open` are those of the root.
    """

    parent: NDArray[np.int32]
    argument: NDArray[np.int32]
    sibling: NDArray[np.int32]
    depth: NDArray[np.int32]
    open: NDArray[np.int32]
    horizontal: NDArray[np.float32]


class TreeContext:
    """The tree positions of B genes of L positions, updated as symbols are chosen.

    Parameters
    ----------
    alphabet : Alphabet
        The alphabet.
    length : int
        L.
    batch : int
        B.

    Attributes
    ----------
    parent : int16 array, shape (B, L)
        Position of the parent; -1 at the root.
    argument : int8 array, shape (B, L)
        Argument index.
    sibling : int16 array, shape (B, L)
        Position of the left sibling; -1 if there is none.
    depth : int16 array, shape (B, L)
        Depth of the node; 0 at the root.
    horizontal : float32 array, shape (B, L)
        Horizontal position; see the module.
    n_nodes : int32 array, shape (B,)
        Nodes known to exist. The other arrays are defined at positions i < n_nodes.
    grammar_state : GrammarState or None
        State of the `Grammar` that masks these genes.
    """

    def __init__(self, alphabet: Alphabet, length: int, batch: int) -> None:
        self.alphabet = alphabet
        self.parent = np.full((batch, length), -1, np.int16)
        self.argument = np.zeros((batch, length), np.int8)
        self.sibling = np.full((batch, length), -1, np.int16)
        self.depth = np.zeros((batch, length), np.int16)
        self.horizontal = np.full((batch, length), 0.5, np.float32)
        self.n_nodes = np.ones(batch, np.int32)
        self.grammar_state: Any = None

    @classmethod
    def of(cls, symbols: NDArray[np.int16], alphabet: Alphabet) -> "TreeContext":
        """Return the tree context of complete genes, int16 of shape (B, L)."""
        context = cls(alphabet, symbols.shape[1], len(symbols))
        put_all(symbols, alphabet.arity, *context._arrays)
        return context

    def put(self, symbols: NDArray[np.int16], i: int) -> None:
        """Add the arguments of `symbols[:, i]`; each position must be put once, in order."""
        put_position(symbols, i, self.alphabet.arity, *self._arrays)

    def in_expression(self, i: int) -> NDArray[np.bool_]:
        """Return whether position i belongs to the expression, bool of shape (B,)."""
        return self.n_nodes > i

    def nodes(self, symbols: NDArray[np.int16], i: int, rows: NDArray[np.int64] | None = None) -> NodeContext:
        """Return the context of position i; positions 0 … i−1 must have been put.

        Parameters
        ----------
        symbols : int16 array, shape (B, L)
            Chosen up to position i−1; later positions are ignored.
        i : int
            The position.
        rows : int64 array, shape (R,), optional
            Genes of interest. Defaults to all.

        Returns
        -------
        NodeContext
            With arrays of shape (R,).
        """
        rows = np.arange(len(self.n_nodes)) if rows is None else rows
        out, none = _empty(rows.shape), len(self.alphabet)
        fill_nodes(symbols, i, rows, self.n_nodes, *self._links, self.depth, self.horizontal, none, out)
        return out

    def nodes_all(self, symbols: NDArray[np.int16]) -> NodeContext:
        """Return the context of each position of complete genes, in arrays of shape (B, L).

        As in `nodes`, a position's context depends only on the symbols before it.
        """
        out = _empty(symbols.shape)
        arity, none = self.alphabet.arity, len(self.alphabet)
        fill_nodes_all(symbols, arity, *self._links, self.depth, self.horizontal, none, out)
        return out

    @property
    def _links(self) -> tuple[NDArray[Any], ...]:
        return self.parent, self.argument, self.sibling

    @property
    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return *self._links, self.depth, self.horizontal, self.n_nodes


def _empty(shape: tuple[int, ...]) -> NodeContext:
    parent, argument, sibling, depth, still_open = (np.empty(shape, np.int32) for _ in range(5))
    return NodeContext(parent, argument, sibling, depth, still_open, np.empty(shape, np.float32))


@compiled(inline="always")
def add_arguments(i, arity, n_nodes, parent, argument, sibling, depth, horizontal):
    """Add the arguments of position i of one gene and return the new number of nodes."""
    last = min(arity, parent.size - n_nodes)  # without the tail rule a gene may run out of positions
    reach = np.float32(0.5) ** (depth[i] + 2)
    step = np.float32(0.0) if arity < 2 else np.float32(2.0) * reach / np.float32(arity - 1)
    left = horizontal[i] - (reach if arity > 1 else np.float32(0.0))
    for k in range(last):
        child = n_nodes + k
        parent[child] = i
        argument[child] = k
        sibling[child] = child - 1 if k else -1
        depth[child] = depth[i] + 1
        horizontal[child] = left + np.float32(k) * step
    return n_nodes + arity


@compiled
def put_position(symbols, i, arity, parent, argument, sibling, depth, horizontal, n_nodes):
    for b in range(symbols.shape[0]):
        if i < n_nodes[b]:
            n = arity[symbols[b, i]]
            n_nodes[b] = add_arguments(
                i, n, n_nodes[b], parent[b], argument[b], sibling[b], depth[b], horizontal[b]
            )


@compiled
def put_all(symbols, arity, parent, argument, sibling, depth, horizontal, n_nodes):
    for b in range(symbols.shape[0]):
        for i in range(symbols.shape[1]):
            if i >= n_nodes[b]:
                break
            n = arity[symbols[b, i]]
            n_nodes[b] = add_arguments(
                i, n, n_nodes[b], parent[b], argument[b], sibling[b], depth[b], horizontal[b]
            )


@compiled
def fill_nodes(symbols, i, rows, n_nodes, parent, argument, sibling, depth, horizontal, none, out):
    for r in range(rows.size):
        b = rows[r]
        is_node, up, left = i < n_nodes[b], parent[b, i], sibling[b, i]
        out.parent[r] = symbols[b, up] if is_node and up >= 0 else none
        out.argument[r] = argument[b, i] if is_node else 0
        out.sibling[r] = symbols[b, left] if is_node and left >= 0 else none
        out.depth[r] = depth[b, i] if is_node else 0
        out.open[r] = n_nodes[b] - i if is_node else 0
        out.horizontal[r] = horizontal[b, i] if is_node else np.float32(0.5)


@compiled
def fill_nodes_all(symbols, arity, parent, argument, sibling, depth, horizontal, none, out):
    for b in range(symbols.shape[0]):
        n_nodes = 1
        for i in range(symbols.shape[1]):
            is_node, up, left = i < n_nodes, parent[b, i], sibling[b, i]
            out.parent[b, i] = symbols[b, up] if is_node and up >= 0 else none
            out.argument[b, i] = argument[b, i] if is_node else 0
            out.sibling[b, i] = symbols[b, left] if is_node and left >= 0 else none
            out.depth[b, i] = depth[b, i] if is_node else 0
            out.open[b, i] = n_nodes - i if is_node else 0
            out.horizontal[b, i] = horizontal[b, i] if is_node else np.float32(0.5)
            if is_node:
                n_nodes += arity[symbols[b, i]]
