"""The rows of the embedding table that the network reads at a position."""

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.grammar.tree_context import NodeContext

__all__ = ["CONTEXT_ROWS", "ROWS_PER_POSITION", "embedding_rows", "embedding_rows_all", "fill_rows"]

_ARGUMENTS, _DEPTHS, _HORIZONTAL, _OPEN = 3, 16, 32, 16
CONTEXT_ROWS = _ARGUMENTS + _DEPTHS + _HORIZONTAL + _OPEN
"""Rows for argument indices, depths, horizontal positions and numbers of open nodes, in this order.

They follow the rows of symbols. Depths and numbers beyond the last row use the last row.
"""

ROWS_PER_POSITION = 7
"""Rows that the network reads and sums at each position."""


def embedding_rows(
    nodes: NodeContext, previous: NDArray[np.int16] | None, n_symbols: int
) -> NDArray[np.int64]:
    """Return the rows of one position of R genes.

    The table holds V + 1 rows each for the parent, the left sibling and the previous symbol, of which the
    last stands for none, and then `CONTEXT_ROWS`.

    Parameters
    ----------
    nodes : NodeContext
        With arrays of shape (R,).
    previous : int16 array, shape (R,), or None
        Symbols of the previous position; None at the root.
    n_symbols : int
        V.

    Returns
    -------
    int64 array, shape (R, 7)
    """
    previous = np.full(nodes.parent.shape, n_symbols, np.int16) if previous is None else previous
    rows = np.empty((*nodes.parent.shape, ROWS_PER_POSITION), np.int64)
    fill_all_rows(nodes, previous, n_symbols, rows)
    return rows


def embedding_rows_all(nodes: NodeContext, symbols: NDArray[np.int16], n_symbols: int) -> NDArray[np.int64]:
    """Return the rows of each position of complete genes; see `embedding_rows`.

    Parameters
    ----------
    nodes : NodeContext
        With arrays of shape (B, L).
    symbols : int16 array, shape (B, L)
        Symbols of the genes.
    n_symbols : int
        V.

    Returns
    -------
    int64 array, shape (B, L, 7)
    """
    previous = np.full_like(symbols, n_symbols)
    previous[:, 1:] = symbols[:, :-1]
    flat = NodeContext._make(part.reshape(-1) for part in nodes)
    return embedding_rows(flat, previous.reshape(-1), n_symbols).reshape(*symbols.shape, ROWS_PER_POSITION)


@compiled
def fill_all_rows(nodes, previous, n_symbols, rows):
    """Write the rows of R positions to `rows`, int64 of shape (R, 7)."""
    for r in range(rows.shape[0]):
        fill_rows(
            nodes.parent[r],
            nodes.sibling[r],
            previous[r],
            nodes.argument[r],
            nodes.depth[r],
            nodes.horizontal[r],
            nodes.open[r],
            n_symbols,
            rows[r],
        )


@compiled
def fill_rows(parent, sibling, previous, argument, depth, horizontal, n_open, n_symbols, rows):
    """Write the rows of one position to `rows`, int64 of shape (7,)."""
    each, context = n_symbols + 1, 3 * (n_symbols + 1)
    rows[0] = parent
    rows[1] = each + sibling
    rows[2] = 2 * each + previous
    rows[3] = context + argument
    rows[4] = context + _ARGUMENTS + min(depth, _DEPTHS - 1)
    across = min(np.int64(horizontal * _HORIZONTAL), _HORIZONTAL - 1)
    rows[5] = context + _ARGUMENTS + _DEPTHS + across
    rows[6] = context + _ARGUMENTS + _DEPTHS + _HORIZONTAL + min(n_open, _OPEN - 1)
