"""What the generator looks up at a place: rows of the table of its input vectors."""

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.grammar.tree_context import Inputs

__all__ = ["LOOKS", "PLACE_ROWS", "look_up", "look_up_all", "note_rows"]

_ARGUMENTS, _DEPTHS, _HORIZONTAL, _OPEN = 3, 16, 32, 16
PLACE_ROWS = _ARGUMENTS + _DEPTHS + _HORIZONTAL + _OPEN
"""Rows for arguments, depths, horizontal places and numbers of open places, in this order, after those of
letters; larger depths and numbers count as the largest."""

LOOKS = 7
"""Rows that a position looks up."""


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
    rows = np.empty((*inputs.parent.shape, LOOKS), np.int64)
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
    return look_up(flat, before.reshape(-1), letters).reshape(*symbols.shape, LOOKS)


@compiled
def fill(inputs, before, letters, rows):
    """Write `look_up` into rows."""
    for r in range(rows.shape[0]):
        note_rows(
            inputs.parent[r],
            inputs.sibling[r],
            before[r],
            inputs.argument[r],
            inputs.depth[r],
            inputs.horizontal[r],
            inputs.open[r],
            letters,
            rows[r],
        )


@compiled
def note_rows(parent, sibling, before, argument, depth, horizontal, still_open, letters, rows):
    """Write what one place looks up into rows, int64 of shape (7,)."""
    each, place = letters + 1, 3 * (letters + 1)
    rows[0] = parent
    rows[1] = each + sibling
    rows[2] = 2 * each + before
    rows[3] = place + argument
    rows[4] = place + _ARGUMENTS + min(depth, _DEPTHS - 1)
    across = min(np.int64(horizontal * _HORIZONTAL), _HORIZONTAL - 1)
    rows[5] = place + _ARGUMENTS + _DEPTHS + across
    rows[6] = place + _ARGUMENTS + _DEPTHS + _HORIZONTAL + min(still_open, _OPEN - 1)
