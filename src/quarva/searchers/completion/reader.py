"""Reads formulas: stores their parts in the library, and replaces parts to reproduce the target."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.functions.elementwise import binary, ternary, unary
from quarva.searchers.completion.desired_semantics import propagate
from quarva.searchers.completion.grafting import extract, graft
from quarva.searchers.completion.library import NOT_FOUND, add_expression, almost_equal, find, project

__all__ = ["ReadingBuffers", "SymbolSemantics", "read"]


class SymbolSemantics(NamedTuple):
    """Semantics of the symbols of an alphabet on R rows.

    Attributes
    ----------
    code, arity : int64 array, shape (V,)
        Operator code and arity of each symbol.
    values : float32 array, shape (V, R)
        Values of terminals.
    """

    code: NDArray[np.int64]
    arity: NDArray[np.int64]
    values: NDArray[np.float32]


class ReadingBuffers(NamedTuple):
    """Work space for one formula of at most L positions.

    Attributes
    ----------
    start : int64 array, shape (L,)
        Position of the first argument of each position.
    values : float32 array, shape (L, R)
        Values of each position.
    desired : float64 array, shape (L, R)
        Desired semantics of each position.
    queue : int64 array, shape (L + 3,)
        Work space of `extract` and `graft`.
    part : int16 array, shape (S,)
        A subexpression.
    """

    start: NDArray[np.int64]
    values: NDArray[np.float32]
    desired: NDArray[np.float64]
    queue: NDArray[np.int64]
    part: NDArray[np.int16]

    @classmethod
    def empty(cls, length: int, rows: int, max_nodes: int) -> "ReadingBuffers":
        """Return the work space for formulas of `length` positions and parts of at most `max_nodes` nodes."""
        return cls(
            np.zeros(length, np.int64), np.zeros((length, rows), np.float32), np.zeros((length, rows)),
            np.zeros(length + 3, np.int64), np.zeros(max_nodes, np.int16),
        )  # fmt: skip


@compiled
def compute(symbols, length, semantics, start, values):
    """Write the values and the first argument of each position of a formula."""
    begin = 1
    for i in range(length):
        start[i] = begin
        begin += semantics.arity[symbols[i]]
    for i in range(length - 1, -1, -1):
        symbol, s = symbols[i], start[i]
        code, n = semantics.code[symbol], semantics.arity[symbol]
        if n == 0:
            for j in range(values.shape[1]):
                values[i, j] = semantics.values[symbol, j]
        elif n == 1:
            unary(code, values[s], values[i])
        elif n == 2:
            binary(code, values[s], values[s + 1], values[i])
        else:
            ternary(code, values[s], values[s + 1], values[s + 2], values[i])


@compiled
def store_parts(symbols, length, semantics, buffers, library):
    """Add all parts of a formula to the library, bottom-up."""
    for i in range(length - 1, -1, -1):
        if semantics.arity[symbols[i]] > 0:
            size = extract(symbols, buffers.start, i, semantics.arity, buffers.part, buffers.queue)
            if size <= buffers.part.size:
                add_expression(library, buffers.values[i], buffers.part[:size])


@compiled
def complete(symbols, length, semantics, target, largest, head, library, buffers, trial, out):
    """Write the formula to `out` with one part replaced such that it reproduces the target.

    Returns the number of look-ups, and whether there is such a replacement.
    """
    for j in range(target.size):
        buffers.desired[0, j] = target[j]
    lookups = 0
    for i in range(length):
        symbol, desired = symbols[i], buffers.desired[i]
        n = semantics.arity[symbol]
        if not np.isfinite(desired[0]):
            for a in range(buffers.start[i], buffers.start[i] + n):
                buffers.desired[a, 0] = np.nan
            continue
        lookups += 1
        entry = find(library, desired)
        if entry != NOT_FOUND:
            replacement = library.symbols[entry, : library.length[entry]]
            size = graft(symbols, buffers.start, i, replacement, semantics.arity, head, out, buffers.queue)
            if size > 0:
                # The operators above may magnify rounding errors, so the whole formula is checked.
                compute(out, size, semantics, trial.start, trial.values)
                if almost_equal(trial.values[0], target, largest):
                    return lookups, True
        propagate(semantics.code[symbol], n, desired, buffers.start[i], buffers.values, buffers.desired)
    return lookups, False


@compiled
def read(genes, lengths, semantics, target, head, library, buffers, trial, out):
    """Add the parts of formulas to the library, and write completed formulas to `out`.

    Parameters
    ----------
    genes : int16 array, shape (P, L)
        The genes.
    lengths : int32 array, shape (P,)
        Positions of each expression.
    semantics : SymbolSemantics
        Semantics of the symbols.
    target : float64 array, shape (R,)
        The target.
    head : int
        Positions of the head.
    library : Library
        The library, which is extended.
    buffers, trial : ReadingBuffers
        Work space for the formula and for its completion.
    out : int16 array, shape (M, L)
        Receives the completed formulas. Reading stops when it is full.

    Returns
    -------
    n_completed, lookups : int
        Number of formulas written, and number of look-ups.
    """
    n_completed, lookups = 0, 0
    _, largest = project(target, library.weights)
    for p in range(genes.shape[0]):
        symbols, length = genes[p], lengths[p]
        compute(symbols, length, semantics, buffers.start, buffers.values)
        store_parts(symbols, length, semantics, buffers, library)
        n, found = complete(
            symbols, length, semantics, target, largest, head, library, buffers, trial, out[n_completed]
        )
        lookups += n
        n_completed += found
        if n_completed == out.shape[0]:
            break
    return n_completed, lookups
