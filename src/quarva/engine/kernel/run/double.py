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
        if not abs(out[i]) <= MOST or x[i] != x[i] or y[i] != y[i]:
            out[i] = np.nan


@compiled
def _operate(code, x, y, z, n_arguments, out):
    """Apply an operator to the rows x, y and z, of which it takes the first `n_arguments`."""
    if n_arguments == 1:
        value_unary(code, x, out)
        _settle(x, x, out)
    elif n_arguments == 2:
        value_binary(code, x, y, out)
        _settle(x, y, out)
    else:
        value_ternary(code, x, y, z, out)
        _settle(x, x, out)


@compiled
def _compute(first, last, nodes, fields, block, values):
    """Compute nodes first … last − 1, those of one formula, on a block of rows; the root is the last row."""
    code, left, right, third, param, number = nodes
    for k in range(first, last):
        out = values[k - first]
        if code[k] == FIELD:
            field = fields[param[k], block]
            for i in range(out.size):
                out[i] = field[i]
            _settle(out, out, out)
        elif code[k] == NUMBER:
            for i in range(out.size):
                out[i] = number[k]
            _settle(out, out, out)
        else:
            n_arguments = 1 + (right[k] >= 0) + (third[k] >= 0)
            x, y = values[left[k]], values[max(right[k], 0)]
            _operate(code[k], x, y, values[max(third[k], 0)], n_arguments, out)


@compiled
def add_errors(first, last, offset, nodes, fields, target, least, segments, values, acc):
    """Add the squared errors of formulas first … last − 1.

    Parameters
    ----------
    first, last : int
    offset : ndarray of int64, shape (P + 1,)
        As in `Program`.
    nodes : tuple of ndarray
        The arrays code, left, right, third, param and exact of the `Program`, with the panel's numbers of the
        fields.
    fields : ndarray of float64, shape (F, T, B)
        T blocks of B rows.
    target : ndarray of float64, shape (M, T, at least B)
    least : ndarray of float64, shape (M, T)
        Number of rows with a target in each block, −1 for none.
    segments : ndarray of int8, shape (T,)
        The segment of each block.
    values : ndarray of float64, shape (nodes of the longest formula, B)
        Scratch space.
    acc : ndarray of float64, shape (P, S, M, 4)
        As `engine.evaluate` returns it.
    """
    for p in range(first, last):
        for t in range(fields.shape[1]):
            segment = segments[t]
            if segment < 0 or segment >= acc.shape[1]:
                continue
            _compute(offset[p], offset[p + 1], nodes, fields, t, values)
            signal = values[offset[p + 1] - offset[p] - 1]
            for m in range(target.shape[0]):
                if least[m, t] >= 0:
                    _add_block(signal, target[m, t], least[m, t], acc[p, segment, m])


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
def write_signals(first, last, offset, nodes, fields, values, out):
    """Write the signals of formulas first … last − 1 to out, float64 of shape (P, T, B); see `add_errors`."""
    for p in range(first, last):
        for t in range(fields.shape[1]):
            _compute(offset[p], offset[p + 1], nodes, fields, t, values)
            signal = values[offset[p + 1] - offset[p] - 1]
            for i in range(signal.size):
                out[p, t, i] = signal[i]
