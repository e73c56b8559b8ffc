"""Formulas on a table of a few rows, one after the other.

On twenty rows an operator takes ten nanoseconds, and to find out whether another formula has it as well takes
as long. So formulas of elementwise operators on little data are neither interned nor scheduled: each is
written as a list of steps, and each step has a place of its own in a buffer that stays in the first cache.
The bits are those of `batch`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva.compiled import compiled
from quarva.crew import carry_out, offer
from quarva.engine.kernel.elementwise import binary, ternary, unary
from quarva.engine.kernel.roots import add_tile, clear, close_days
from quarva.engine.kernel.schedule import ROLLING
from quarva.engine.kernel.score import SUMS
from quarva.karva.alphabet import CONSTANT, FIELD, NUMBER

_APART = 64  # numbers from a place to the next at least: see `Desk`
_OP, _A, _B, _C, _TO = 0, 1, 2, 3, 4  # columns of a step
_COLUMNS = 5
_BITS, _MASK = np.int64(16), np.int64(2**16 - 1)


class Desk(NamedTuple):
    """What pieces of work write to on their way, an entry of the first axis for each.

    Places are 64 numbers or more apart: of results nearer to their argument than a vectorised loop takes at a
    time, LLVM's code can not know that they do not overlap, and computes them one by one (twice the time).

    Attributes:
        places: float32 (pieces, fields + steps, cells or more), the fields first, then a step's result each.
        steps: int32 (pieces, steps, 5), operator, up to three arguments and the result by place; −1 for none.
        numbers: float32 (pieces, steps), what steps that are a NUMBER write.
        where: int64 (pieces, positions of a gene), the place of what a position says.
        functions: int64 (pieces, positions of a gene), a gene's functions.
        sums, moments: float64, as `close_days` takes them.
    """

    places: NDArray[np.float32]
    steps: NDArray[np.int32]
    numbers: NDArray[np.float32]
    where: NDArray[np.int64]
    functions: NDArray[np.int64]
    sums: NDArray[np.float64]
    moments: NDArray[np.float64]

    @classmethod
    def of(
        cls, pieces: int, n_fields: int, cells: int, days: int, steps: int, positions: int, acc: NDArray
    ) -> "Desk":
        """For formulas of so many steps, whose accumulators are acc (P, S, M, 4)."""
        _, segments, targets, _ = acc.shape
        return cls(
            np.empty((pieces, n_fields + steps, max(cells, _APART)), np.float32),
            np.empty((pieces, steps, _COLUMNS), np.int32), np.empty((pieces, steps), np.float32),
            np.empty((pieces, positions), np.int64), np.empty((pieces, positions), np.int64),
            np.empty((pieces, 1, targets, days, SUMS)), np.empty((pieces, segments, targets, 6)),
        )  # fmt: skip


@compiled
def is_elementwise(code):
    """Whether all nodes are elementwise operators, fields or numbers."""
    windows = 0
    for k in range(code.size):
        windows += ROLLING <= code[k] < FIELD
    return windows == 0


@compiled
def write_nodes(first, last, nodes, n_fields, steps, numbers, where):
    """Steps of the formula whose nodes are first … last − 1; returns how many, and the root's place."""
    code, left, right, third, param, number = nodes
    many, root = 0, np.int64(0)
    for k in range(first, last):
        root = np.int64(param[k])
        if code[k] != FIELD:
            root = np.int64(n_fields + many)
            numbers[many] = number[k]
            steps[many, _OP], steps[many, _TO] = code[k], root
            if code[k] != NUMBER:
                steps[many, _A] = where[left[k]]
                steps[many, _B] = where[right[k]] if right[k] >= 0 else -1
                steps[many, _C] = where[third[k]] if third[k] >= 0 else -1
            many += 1
        where[k - first] = root
    return many, root


@compiled(forceinline=True)
def write_gene(gene, dc, constants, letters, n_fields, many, steps, numbers, where, functions):
    """Steps of a gene behind the `many` that are there; returns how many there are now, and the root's place.

    Terminals are passed over when arguments are put under their functions, as in `search.reading`.
    """
    arity, code, param, number = letters
    needed, calls, i, seen = np.int64(1), np.int64(0), np.int64(0), 0
    while needed > i:
        letter = np.int64(gene[i])
        op = code[letter]
        where[i] = param[letter]
        if op == NUMBER or op == CONSTANT:
            value = number[letter]
            if op == CONSTANT:  # the k-th '?' in reading order takes the k-th entry of the Dc domain
                value = constants[dc[seen]]
                seen += 1
            where[i] = n_fields + many
            numbers[many] = value
            steps[many, _OP], steps[many, _TO] = NUMBER, where[i]
            many += 1
        functions[calls] = (needed << (_BITS + _BITS)) | (letter << _BITS) | i
        calls += arity[letter] > 0
        needed += arity[letter]
        i += 1
    for k in range(calls - 1, -1, -1):
        call = functions[k]
        at, letter, start = call & _MASK, (call >> _BITS) & _MASK, call >> (_BITS + _BITS)
        steps[many, _OP], steps[many, _TO] = code[letter], n_fields + many
        steps[many, _A] = where[start]
        steps[many, _B] = where[start + 1] if arity[letter] > 1 else -1
        steps[many, _C] = where[start + 2] if arity[letter] > 2 else -1
        where[at] = n_fields + many
        many += 1
    return many, where[0]


@compiled
def write_chromosome(symbols, dc, constants, letters, link, n_fields, steps, numbers, where, functions):
    """Steps of all genes, joined by the operator `link`; returns how many, and the root's place."""
    many, root = 0, np.int64(-1)
    for g in range(symbols.shape[0]):
        before = root
        many, root = write_gene(
            symbols[g], dc[g], constants[g], letters, n_fields, many, steps, numbers, where, functions
        )
        if g > 0:
            steps[many, _OP], steps[many, _TO] = link, n_fields + many
            steps[many, _A], steps[many, _B], steps[many, _C] = before, root, -1
            root = np.int64(n_fields + many)
            many += 1
    return many, root


@compiled
def take_steps(many, steps, numbers, n_fields, cells, places):
    """Compute every step."""
    for k in range(many):
        op, to = steps[k, _OP], places[np.uint64(steps[k, _TO])][0:cells]
        if op == NUMBER:
            to[:] = numbers[k]
            continue
        a, b, c = steps[k, _A], steps[k, _B], steps[k, _C]
        x = places[np.uint64(a)][0:cells]
        if b < 0:
            unary(op, x, to)
            continue
        y = places[np.uint64(b)][0:cells]
        if c < 0:
            binary(op, x, y, to)
        else:
            ternary(op, x, y, places[np.uint64(c)][0:cells], to)


@compiled
def lay_fields(fields, cells, places):
    """Put the fields, float32 (F · cells), on their places."""
    for f in range(fields.size // cells):
        for i in range(cells):
            places[f, i] = fields[f * cells + i]


@compiled
def close(row, days, statistic, scored, sums, moments, acc):
    """Score the values of one formula; row: float32 (cells,), acc: (S, M, 4)."""
    values, known, least, centre, segments = scored
    clear(sums)
    add_tile(statistic, row, 0, 0, days, 0, row.size // days, values, known, least, segments, sums[0])
    close_days(statistic, 0, days, least, centre, segments, sums[0], moments, acc)


@compiled
def score_genes(piece, genes, letters, link, fields, cells, days, statistic, scored, desk, acc):
    """Score one piece of a population's chromosomes; the arguments are those of `run_genes`."""
    symbols, dc, constants = genes
    places, steps, numbers = desk.places[piece], desk.steps[piece], desk.numbers[piece]
    where, functions = desk.where[piece], desk.functions[piece]
    n_fields, n, pieces = fields.size // cells, symbols.shape[0], desk.places.shape[0]
    lay_fields(fields, cells, places)
    for p in range(piece * n // pieces, (piece + 1) * n // pieces):
        many, root = write_chromosome(
            symbols[p], dc[p], constants[p], letters, link, n_fields, steps, numbers, where, functions
        )
        take_steps(many, steps, numbers, n_fields, cells, places)
        close(places[root][0:cells], days, statistic, scored, desk.sums[piece], desk.moments[piece], acc[p])


@compiled
def score_nodes(piece, offset, nodes, fields, cells, days, statistic, scored, desk, acc):
    """Score one piece of a program's formulas; the arguments are those of `run_nodes`."""
    places, steps, numbers, where = (
        desk.places[piece], desk.steps[piece], desk.numbers[piece], desk.where[piece]
    )  # fmt: skip
    n_fields, n, pieces = fields.size // cells, offset.size - 1, desk.places.shape[0]
    lay_fields(fields, cells, places)
    for p in range(piece * n // pieces, (piece + 1) * n // pieces):
        many, root = write_nodes(offset[p], offset[p + 1], nodes, n_fields, steps, numbers, where)
        take_steps(many, steps, numbers, n_fields, cells, places)
        close(places[root][0:cells], days, statistic, scored, desk.sums[piece], desk.moments[piece], acc[p])


@compiled
def run_genes(crew, genes, letters, link, fields, cells, days, statistic, scored, desk, acc):
    """Score chromosomes of elementwise operators on a panel of one tile.

    Args:
        crew: see `quarva.crew`.
        genes: symbols, dc and constants of a `Population`.
        letters: arity, code, param and number of its `Alphabet`, with the panel's numbers of the fields.
        link: code of the linking operator.
        fields: float32 (F · cells,), cells: numbers of a field on all `days`.
        statistic, acc: as `batch.run` takes them.
        scored: a target's values, known, least, centre and segments.
        desk: as many pieces as the work shall be cut into.
    """
    offer(
        crew, score_genes, desk.places.shape[0],
        (genes, letters, link, fields, cells, days, statistic, scored, desk, acc),
    )  # fmt: skip
    carry_out(crew)


@compiled
def run_nodes(crew, offset, nodes, fields, cells, days, statistic, scored, desk, acc):
    """Score the formulas of a `Program`: its offset, and its other arrays as `nodes`; else as `run_genes`."""
    offer(
        crew, score_nodes, desk.places.shape[0],
        (offset, nodes, fields, cells, days, statistic, scored, desk, acc),
    )  # fmt: skip
    carry_out(crew)
