"""Formulas read for their parts: what each gives, and what each would have to give."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.functions.elementwise import binary, ternary, unary
from quarva.searchers.completion.desired_semantics import pass_down
from quarva.searchers.completion.grafting import cut, graft
from quarva.searchers.completion.library import NOTHING, alike, find, project, remember

__all__ = ["Meaning", "read"]


class Meaning(NamedTuple):
    """What the letters of an alphabet compute on R rows.

    code, arity: int64[V]. leaf: float32[V, R], the values of each terminal.
    """

    code: NDArray[np.int64]
    arity: NDArray[np.int64]
    leaf: NDArray[np.float32]


class Desk(NamedTuple):
    """Room to work on one formula of at most L places: what each place holds, see `desk_for`."""

    start: NDArray[np.int64]
    values: NDArray[np.float32]
    wishes: NDArray[np.float64]
    queue: NDArray[np.int64]
    piece: NDArray[np.int16]


def desk_for(length: int, rows: int, longest: int) -> Desk:
    """Room for formulas of `length` places and pieces of at most `longest` nodes."""
    return Desk(
        np.zeros(length, np.int64), np.zeros((length, rows), np.float32), np.zeros((length, rows)),
        np.zeros(length + 3, np.int64), np.zeros(longest, np.int16),
    )  # fmt: skip


@compiled
def compute(symbols, length, meaning, start, values):
    """Write the values of every place of a formula, and where its arguments begin."""
    begin = 1
    for i in range(length):
        start[i] = begin
        begin += meaning.arity[symbols[i]]
    for i in range(length - 1, -1, -1):
        symbol, s = symbols[i], start[i]
        code, n = meaning.code[symbol], meaning.arity[symbol]
        if n == 0:
            for j in range(values.shape[1]):
                values[i, j] = meaning.leaf[symbol, j]
        elif n == 1:
            unary(code, values[s], values[i])
        elif n == 2:
            binary(code, values[s], values[s + 1], values[i])
        else:
            ternary(code, values[s], values[s + 1], values[s + 2], values[i])


@compiled
def keep_parts(symbols, length, meaning, desk, library):
    """Take every part of a formula into the library, the small ones first."""
    for i in range(length - 1, -1, -1):
        if meaning.arity[symbols[i]] > 0:
            size = cut(symbols, desk.start, i, meaning.arity, desk.piece, desk.queue)
            if size <= desk.piece.size:
                remember(library, desk.values[i], desk.piece[:size])


@compiled
def complete(symbols, length, meaning, target, largest, head, library, desk, trial, out):
    """Write the formula with one part replaced that gives the target to `out`.

    Returns how many parts were looked for, and whether one was found.
    """
    for j in range(target.size):
        desk.wishes[0, j] = target[j]
    asked = 0
    for i in range(length):
        symbol, wish = symbols[i], desk.wishes[i]
        n = meaning.arity[symbol]
        if not np.isfinite(wish[0]):
            for a in range(desk.start[i], desk.start[i] + n):
                desk.wishes[a, 0] = np.nan
            continue
        asked += 1
        entry = find(library, wish)
        if entry != NOTHING:
            scion = library.symbols[entry, : library.length[entry]]
            size = graft(symbols, desk.start, i, scion, meaning.arity, head, out, desk.queue)
            if size > 0:
                # A wish that is met to rounding need not meet the target: what lies above may magnify it.
                compute(out, size, meaning, trial.start, trial.values)
                if alike(trial.values[0], target, largest):
                    return asked, True
        pass_down(meaning.code[symbol], n, wish, desk.start[i], desk.values, desk.wishes)
    return asked, False


@compiled
def read(genes, lengths, meaning, target, head, library, desk, trial, out):
    """Take the parts of formulas into the library; write to `out` those that one of its entries completes.

    Args:
        genes: int16[P, L]. lengths: int32[P], places of each that its expression takes.
        meaning: of the alphabet. target: float64[R]. head: places where a function may stand.
        desk, trial: to work on.
        out: int16[M, L]; reading ends when it is full.

    Returns:
        How many were written, and how many parts were looked for.
    """
    many, asked = 0, 0
    _, largest = project(target, library.weights)
    for p in range(genes.shape[0]):
        symbols, length = genes[p], lengths[p]
        compute(symbols, length, meaning, desk.start, desk.values)
        keep_parts(symbols, length, meaning, desk, library)
        looked, found = complete(
            symbols, length, meaning, target, largest, head, library, desk, trial, out[many]
        )
        asked += looked
        many += found
        if many == out.shape[0]:
            break
    return many, asked
