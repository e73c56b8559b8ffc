"""Formulas on a table of a few rows, one after the other.

On twenty rows an operator takes ten nanoseconds, and to find out whether another formula has it as well takes
as long. So formulas of elementwise operators on little data are neither interned nor scheduled: each is
computed as it is read, and each of its nodes has a place of its own in a buffer that stays in the first
cache. The bits are those of `batch`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva._runtime.spin_pool import run_submitted, submit
from quarva.engine.kernel.functions.elementwise import binary, ternary, unary
from quarva.engine.kernel.plan.schedule import ROLLING
from quarva.engine.kernel.run.score import MANY, SUMS, XX, add_errors
from quarva.engine.kernel.vectors.row import row_of
from quarva.karva.alphabet import CONSTANT, FIELD, NUMBER

_APART = 64  # numbers from a place to the next at least: see `Desk`
_BITS, _MASK = np.int64(16), np.int64(2**16 - 1)


class Desk(NamedTuple):
    """What pieces of work write to on their way, an entry of the first axis for each.

    Places are 64 numbers or more apart: of results nearer to their argument than a vectorised loop takes at a
    time, LLVM's code can not know that they do not overlap, and computes them one by one (twice the time).

    Attributes:
        places: float32 (pieces, fields + nodes, cells or more), the fields first, then a node's values each.
        where: int64 (pieces, positions + 2), the place of what a position of a gene says; two more, which
            are read for the arguments that an operator at the end does not have.
        functions: int64 (pieces, positions), a gene's functions.
        sums: float64 (pieces, SUMS), of a day.
    """

    places: NDArray[np.float32]
    where: NDArray[np.int64]
    functions: NDArray[np.int64]
    sums: NDArray[np.float64]

    @classmethod
    def of(cls, pieces: int, n_fields: int, cells: int, nodes: int, positions: int) -> "Desk":
        """For formulas of at most so many nodes, and genes of so many positions."""
        return cls(
            np.empty((pieces, n_fields + nodes, max(cells, _APART)), np.float32),
            np.zeros((pieces, positions + 2), np.int64), np.empty((pieces, positions), np.int64),
            np.empty((pieces, SUMS)),
        )  # fmt: skip


@compiled
def is_elementwise(code):
    """Whether all nodes are elementwise operators, fields or numbers."""
    windows = 0
    for k in range(code.size):
        windows += ROLLING <= code[k] < FIELD
    return windows == 0


# One chain of comparisons for all operators becomes one jump; of two in a row a processor foresees neither.
_unary, _binary, _ternary = (compiled(inline="always")(each.py_func) for each in (unary, binary, ternary))


@compiled
def operate(op, x, y, z, out):
    """The elementwise operator `op` on as many of x, y, z as it takes."""
    _binary(op, x, y, out)
    _unary(op, x, out)
    _ternary(op, x, y, z, out)


@compiled(forceinline=True)
def fill(number, out):
    """The same number everywhere."""
    for i in range(out.size):
        out[i] = number


@compiled
def compute_nodes(first, last, nodes, n_fields, cells, places, where):
    """Compute nodes first … last − 1 of a program, one formula's; returns the place of its root."""
    code, left, right, third, param, number = nodes
    root, many = np.int64(0), n_fields
    for k in range(first, last):
        root = np.int64(param[k])
        if code[k] != FIELD:
            root, out = many, row_of(places, many, cells)
            many += 1
            if code[k] == NUMBER:
                fill(number[k], out)
            else:
                x = row_of(places, where[left[k]], cells)
                y = row_of(places, where[max(right[k], 0)], cells)
                operate(code[k], x, y, row_of(places, where[max(third[k], 0)], cells), out)
        where[k - first] = root
    return root


@compiled
def compute_gene(gene, dc, constants, letters, many, cells, places, where, functions):
    """Compute a gene on the places from `many` on; returns the first free one, and the root's place.

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
            where[i] = many
            fill(value, row_of(places, many, cells))
            many += 1
        functions[calls] = (needed << (_BITS + _BITS)) | (letter << _BITS) | i
        calls += arity[letter] > 0
        needed += arity[letter]
        i += 1
    for k in range(calls - 1, -1, -1):
        call = functions[k]
        at, letter, start = call & _MASK, (call >> _BITS) & _MASK, call >> (_BITS + _BITS)
        x, y = row_of(places, where[start], cells), row_of(places, where[start + 1], cells)
        operate(code[letter], x, y, row_of(places, where[start + 2], cells), row_of(places, many, cells))
        where[at] = many
        many += 1
    return many, where[0]


@compiled
def compute_chromosome(symbols, dc, constants, letters, link, n_fields, cells, places, where, functions):
    """Compute all genes, joined by the operator `link`; returns the root's place."""
    many, root = compute_gene(
        symbols[0], dc[0], constants[0], letters, n_fields, cells, places, where, functions
    )
    for g in range(1, symbols.shape[0]):
        many, other = compute_gene(
            symbols[g], dc[g], constants[g], letters, many, cells, places, where, functions
        )
        x, y = row_of(places, root, cells), row_of(places, other, cells)
        operate(link, x, y, y, row_of(places, many, cells))
        root = many
        many += 1
    return root


@compiled
def lay_fields(fields, cells, places):
    """Put the fields, float32 (F · cells), on their places."""
    for f in range(fields.size // cells):
        for i in range(cells):
            places[f, i] = fields[f * cells + i]


@compiled
def close(row, days, scored, sums, acc):
    """Add the squared errors of one formula's values, float32 (cells,), to its acc, (S, M, 4)."""
    values, known, least, segments = scored
    lanes = row.size // days
    for d in range(days):
        segment = segments[d]
        if segment < 0 or segment >= acc.shape[0]:
            continue
        for m in range(values.shape[0]):
            if least[m, d] >= 0:
                sums[MANY] = sums[XX] = 0.0
                add_errors(row[d * lanes : (d + 1) * lanes], values[m, d], known[m, d, 0], sums)
                acc[segment, m, 0] += sums[MANY]
                acc[segment, m, 1] += sums[XX]
                acc[segment, m, 3] += least[m, d]


@compiled
def score_genes(piece, genes, letters, link, fields, cells, days, scored, desk, acc):
    """Score one piece of a population's chromosomes; the arguments are those of `run_genes`."""
    symbols, dc, constants = genes
    places, where, functions, sums = (
        desk.places[piece], desk.where[piece], desk.functions[piece], desk.sums[piece]
    )  # fmt: skip
    n_fields, n, pieces = fields.size // cells, symbols.shape[0], desk.places.shape[0]
    lay_fields(fields, cells, places)
    for p in range(piece * n // pieces, (piece + 1) * n // pieces):
        root = compute_chromosome(
            symbols[p], dc[p], constants[p], letters, link, n_fields, cells, places, where, functions
        )
        close(places[root][0:cells], days, scored, sums, acc[p])


@compiled
def score_nodes(piece, offset, nodes, fields, cells, days, scored, desk, acc):
    """Score one piece of a program's formulas; the arguments are those of `run_nodes`."""
    places, where, sums = desk.places[piece], desk.where[piece], desk.sums[piece]
    n_fields, n, pieces = fields.size // cells, offset.size - 1, desk.places.shape[0]
    lay_fields(fields, cells, places)
    for p in range(piece * n // pieces, (piece + 1) * n // pieces):
        root = compute_nodes(offset[p], offset[p + 1], nodes, n_fields, cells, places, where)
        close(places[root][0:cells], days, scored, sums, acc[p])


@compiled
def run_genes(crew, genes, letters, link, fields, cells, days, scored, desk, acc):
    """Score chromosomes of elementwise operators on a panel of one tile.

    Args:
        crew: see `quarva._runtime.spin_pool`.
        genes: symbols, dc and constants of a `Population`.
        letters: arity, code, param and number of its `Alphabet`, with the panel's numbers of the fields.
        link: code of the linking operator.
        fields: float32 (F · cells,), cells: numbers of a field on all `days`.
        scored: a target's values, known, least and segments.
        desk: as many pieces as the work shall be cut into.
        acc: as `batch.run` takes it, for squared errors.
    """
    submit(
        crew, score_genes, desk.places.shape[0],
        (genes, letters, link, fields, cells, days, scored, desk, acc),
    )  # fmt: skip
    run_submitted(crew)


@compiled
def run_nodes(crew, offset, nodes, fields, cells, days, scored, desk, acc):
    """Score the formulas of a `Program`: its offset, and its other arrays as `nodes`; else as `run_genes`."""
    submit(
        crew, score_nodes, desk.places.shape[0],
        (offset, nodes, fields, cells, days, scored, desk, acc),
    )  # fmt: skip
    run_submitted(crew)
