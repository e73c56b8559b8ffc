"""What the generator looks up at a place: rows of the table of its input vectors."""

import numpy as np
from numpy.typing import NDArray

from quarva.compiled import compiled
from quarva.search.policy.places import Inputs

__all__ = ["PLACE_ROWS", "look_up", "look_up_all"]

_ARGUMENTS, _DEPTHS, _HORIZONTAL, _OPEN = 3, 16, 32, 16
PLACE_ROWS = _ARGUMENTS + _DEPTHS + _HORIZONTAL + _OPEN
"""Rows for arguments, depths, horizontal places and numbers of open places, in this order, after those of
letters; larger depths and numbers count as the largest."""

_LOOKS = 7


def look_up(inputs: Inputs, before: NDArray[np.int16] | None, letters: int) -> NDArray[np.int64]:
    """Rows looked up at one position of R genes, int64 of shape (R, 7).

    The table holds letters + 1 rows each for the parent, the left sibling and the letter before, the last of
    them for none, and then `PLACE_ROWS`.

    Args:
        inputs: arrays of shape (R,).
        before: letters of the position before, of shape (R,); None at the root.
        letters: V.
    """
    before = np.full(inputs.parent.shape, letters, np.int16) if before is None else before
    rows = np.empty((*inputs.parent.shape, _LOOKS), np.int64)
    fill(inputs, before, letters, rows)
    return rows


def look_up_all(inputs: Inputs, symbols: NDArray[np.int16], letters: int) -> NDArray[np.int64]:
    """Rows looked up at every position of whole genes, int64 of shape (B, L, 7); see `look_up`.

    Args:
        inputs: arrays of shape (B, L).
        symbols: int16 of shape (B, L).
        letters: V.
    """
    before = np.full_like(symbols, letters)
    before[:, 1:] = symbols[:, :-1]
    flat = Inputs._make(part.reshape(-1) for part in inputs)
    return look_up(flat, before.reshape(-1), letters).reshape(*symbols.shape, _LOOKS)


@compiled
def fill(inputs, before, letters, rows):
    """Write `look_up` into rows."""
    each, place = letters + 1, 3 * (letters + 1)
    for r in range(rows.shape[0]):
        rows[r, 0] = inputs.parent[r]
        rows[r, 1] = each + inputs.sibling[r]
        rows[r, 2] = 2 * each + before[r]
        rows[r, 3] = place + inputs.argument[r]
        rows[r, 4] = place + _ARGUMENTS + min(inputs.depth[r], _DEPTHS - 1)
        across = min(np.int64(inputs.horizontal[r] * _HORIZONTAL), _HORIZONTAL - 1)
        rows[r, 5] = place + _ARGUMENTS + _DEPTHS + across
        rows[r, 6] = place + _ARGUMENTS + _DEPTHS + _HORIZONTAL + min(inputs.open[r], _OPEN - 1)
