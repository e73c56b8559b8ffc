"""Memory layout of the nodes on the device: the location of each node and the days that it keeps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import FIELD
from quarva.karva.operators import CODE, OPERATORS

__all__ = ["Places", "chunk_of"]

_CELLS = 4096  # cells of a chunk, so that the rows of its nodes fit in the first two caches
_CHUNK = 128  # maximal number of days of a chunk

EMA = CODE["ema"]
CARRIED_ROWS = 4
"""Rows behind those of an `ema` that is carried from day to day: mean and weight, each as two float32."""

_REACHES = np.array([operator.lookback(1) for operator in OPERATORS], np.int32)
_ROLLS = np.array([operator.windowed for operator in OPERATORS])


def chunk_of(n_days: int, width: int) -> int:
    """Number of days of a chunk.

    Parameters
    ----------
    n_days : int
        Number of days.
    width : int
        Row width.

    Returns
    -------
    int
        A power of two.
    """
    most = max(1, min(_CHUNK, _CELLS // width))
    chunk = 1
    while 2 * chunk <= most and chunk < n_days:
        chunk *= 2
    return chunk


@dataclass(frozen=True)
class Places:
    """Locations of the nodes of P formulas.

    Attributes
    ----------
    base : ndarray of int64, shape (nodes,)
        The first row of each node, in the fields or in the scratch of a block.
    mask : ndarray of int64, shape (nodes,)
        The number of days of each node, a power of two, minus 1; −1 for a field.
    rows : ndarray of int64, shape (P,)
        Number of rows of scratch of each formula.
    """

    base: NDArray[np.int64]
    mask: NDArray[np.int64]
    rows: NDArray[np.int64]

    @classmethod
    def of(
        cls, offset: NDArray, code: NDArray, operands: tuple[NDArray, NDArray, NDArray], param: NDArray,
        n_days: int, chunk: int, partial: bool,
    ) -> "Places":  # fmt: skip
        """Lay out the nodes of formulas.

        Parameters
        ----------
        offset, code, param : ndarray
            Arrays of a `Program`.
        operands : tuple of ndarray
            The arrays left, right and third of the program.
        n_days, chunk : int
            Number of days, in total and of a chunk.
        partial : bool
            True if Qlib's conventions apply.

        Returns
        -------
        Places
        """
        base, mask = np.zeros(code.size, np.int64), np.zeros(code.size, np.int64)
        rows = np.zeros(offset.size - 1, np.int64)
        longest = int(np.diff(offset).max(initial=1))
        _place(
            offset, code, *operands, param, n_days, chunk, partial, _REACHES, _ROLLS, base, mask, rows,
            np.empty((3, longest), np.int64),
        )  # fmt: skip
        return cls(base, mask, rows)


@compiled
def _days_back(code, window, n_days, partial, reaches, rolls):
    """Number of days before today that an operator reads of its operand."""
    if code >= rolls.size or not rolls[code] or (partial and code == EMA):
        return 0
    return min(window - 1 + reaches[code], n_days)


@compiled
def _place(
    offset, code, left, right, third, param, n_days, chunk, partial, reaches, rolls, base, mask, rows,
    work,
):  # fmt: skip
    """Fill base, mask and rows (see `Places`). `work` is scratch space, int64 of shape (3, longest formula).

    A node that is only read on the same day frees its rows after its last reader, and a reader never writes
    to the rows that it reads. A node that is read on later days keeps its rows. With Qlib's conventions, an
    `ema` has further rows that no other node uses; see `windows.carried_ema`.
    """
    back, last, free = work
    for p in range(offset.size - 1):
        head, many = offset[p], offset[p + 1] - offset[p]
        back[:many], last[:many] = 0, many
        for k in range(many):
            days = _days_back(code[head + k], param[head + k], n_days, partial, reaches, rolls)
            for operand in (left[head + k], right[head + k], third[head + k]):
                if operand >= 0:
                    back[operand], last[operand] = max(back[operand], days), k
        used, spare = 0, 0
        for k in range(many):
            if code[head + k] == FIELD:
                base[head + k], mask[head + k] = np.int64(param[head + k]) * n_days, -1
                continue
            size = chunk
            while size < chunk + back[k]:
                size *= 2
            mask[head + k] = size - 1
            if partial and code[head + k] == EMA:
                base[head + k] = used
                used += size + CARRIED_ROWS
            elif back[k] == 0 and spare > 0:
                spare -= 1
                base[head + k] = free[spare]
            else:
                base[head + k] = used
                used += size
            for operand in (left[head + k], right[head + k], third[head + k]):
                if operand >= 0 and last[operand] == k and back[operand] == 0 and mask[head + operand] >= 0:
                    last[operand] = many  # frees the rows only once if both arguments are the same node
                    free[spare] = base[head + operand]
                    spare += 1
        rows[p] = used
