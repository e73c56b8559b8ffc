"""Formulas of elementwise operators in float64, one after the other, a block of rows at a time.

The values are those of the reference (`engine/reference/elementwise.py`): NaN where an argument is NaN,
except for the argument that `if_else` does not choose, and where a value is not finite in float32.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.run.slopes import MOST, value_binary, value_ternary, value_unary
from quarva.karva.alphabet import FIELD, NUMBER

__all__ = ["add_errors", "write_signals"]


@compiled
def _settle(x, y, out):
    """Set a cell to NaN where x or y is NaN or the value is not finite in float32."""
    for i in range(out.size):
        defined = (abs(out[i]) <= MOST) & (x[i] == x[i]) & (y[i] == y[i])
        out[i] = out[i] if defined else np.nan


@compiled
def _load_block(fields, block, values):
    """Copy a block of each field to the first rows of `values`."""
    for f in range(fields.shape[0]):
        field, out = fields[f, block], values[f]
        for i in range(out.size):
            out[i] = field[i]
        _settle(out, out, out)


@compiled
def _compute(first, last, nodes, n_fields, values, row_of):
    """Compute nodes first … last − 1, those of one formula, on the block that was loaded.

    The operators and numbers take the rows of `values` after those of the fields; row_of[k] is set to the row
    of the k-th node. Returns the row of the root.
    """
    code, left, right, third, param, number = nodes
    free = n_fields
    for k in range(first, last):
        if code[k] == FIELD:
            row_of[k - first] = param[k]
            continue
        out = values[free]
        if code[k] == NUMBER:
            for i in range(out.size):
                out[i] = number[k]
        else:
            x = values[row_of[left[k]]]
            if right[k] < 0:
                value_unary(code[k], x, out)
                _settle(x, x, out)
            elif third[k] < 0:
                y = values[row_of[right[k]]]
                value_binary(code[k], x, y, out)
                _settle(x, y, out)
            else:
                value_ternary(code[k], x, values[row_of[right[k]]], values[row_of[third[k]]], out)
                _settle(x, x, out)
        row_of[k - first] = free
        free += 1
    return row_of[last - 1 - first]


@compiled
def add_errors(first, last, offset, nodes, fields, target, least, segments, values, row_of, acc):
    """Add the squared errors of formulas first … last − 1.

    Parameters
    ----------
    first, last : int
        Range of the formulas.
    offset : ndarray of int64, shape (P + 1,)
        As in `Program`.
    nodes : tuple of ndarray
        The arrays code, left, right, third, param and exact of the `Program`, with the panel's numbers of the
        fields.
    fields : ndarray of float64, shape (F, T, B)
        T blocks of B rows.
    target : ndarray of float64, shape (M, T, at least B)
        The targets. NaN marks a missing value.
    least : ndarray of float64, shape (M, T)
        Number of rows with a target in each block, −1 for none.
    segments : ndarray of int8, shape (T,)
        The segment of each block.
    values : ndarray of float64, shape (F + nodes of the longest formula, B)
        Scratch space.
    row_of : ndarray of int64, shape (nodes of the longest formula,)
        Scratch space.
    acc : ndarray of float64, shape (P, S, M, 4)
        As `engine.evaluate` returns it.
    """
    for t in range(fields.shape[1]):
        segment = segments[t]
        if segment < 0 or segment >= acc.shape[1]:
            continue
        _load_block(fields, t, values)
        for p in range(first, last):
            root = _compute(offset[p], offset[p + 1], nodes, fields.shape[0], values, row_of)
            for m in range(target.shape[0]):
                if least[m, t] >= 0:
                    _add_block(values[root], target[m, t], least[m, t], acc[p, segment, m])


@compiled
def _add_block(signal, target, least, acc):
    """Add the squared errors of a block to acc, shape (4,)."""
    many, squares = 0, 0.0
    for i in range(signal.size):
        error = signal[i] - target[i]
        if error == error:
            many += 1
            squares += error * error
    acc[0] += many
    acc[1] += squares
    acc[3] += least


@compiled
def write_signals(first, last, offset, nodes, fields, values, row_of, out):
    """Write the signals of formulas first … last − 1 to out, float64 of shape (P, T, B); see `add_errors`."""
    for t in range(fields.shape[1]):
        _load_block(fields, t, values)
        for p in range(first, last):
            signal = values[_compute(offset[p], offset[p + 1], nodes, fields.shape[0], values, row_of)]
            for i in range(signal.size):
                out[p, t, i] = signal[i]
