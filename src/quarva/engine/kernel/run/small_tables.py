"""Squared errors of formulas on tables of a few rows, one formula after the other.

On twenty rows an operator takes ten nanoseconds, which is about the time needed to find out whether another
formula shares it. Formulas of elementwise operators on small tables are therefore not merged into a graph or
scheduled. Each formula is computed while it is read, and each of its nodes has its own row in a buffer that
stays in the first-level cache. The results equal those of `batch` bit for bit.
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

_APART = 64  # minimal distance of two rows, in numbers: see `Workspace`
_BITS, _MASK = np.int64(16), np.int64(2**16 - 1)


class Workspace(NamedTuple):
    """Scratch space, with one entry of the first axis for each piece of work.

    Rows are at least 64 numbers apart. LLVM's vectorised loops check that argument and result do not overlap
    within a vector, and fall back to scalar code, which takes twice the time, if they are closer.

    Attributes
    ----------
    places : ndarray of float32, shape (pieces, fields + nodes, at least cells)
        The rows: first the fields, then the values of each node.
    where : ndarray of int64, shape (pieces, positions + 2)
        The row of each position of a gene. The last two entries are read for arguments that the last operator
        does not have.
    functions : ndarray of int64, shape (pieces, positions)
        The functions of a gene.
    sums : ndarray of float64, shape (pieces, SUMS)
        The sums of a day.
    """

    places: NDArray[np.float32]
    where: NDArray[np.int64]
    functions: NDArray[np.int64]
    sums: NDArray[np.float64]

    @classmethod
    def of(cls, pieces: int, n_fields: int, cells: int, nodes: int, positions: int) -> "Workspace":
        """Allocate space for formulas of at most `nodes` nodes and genes of `positions` positions."""
        return cls(
            np.empty((pieces, n_fields + nodes, max(cells, _APART)), np.float32),
            np.zeros((pieces, positions + 2), np.int64), np.empty((pieces, positions), np.int64),
            np.empty((pieces, SUMS)),
        )  # fmt: skip


@compiled
def is_elementwise(code):
    """True if all nodes are elementwise operators, fields or numbers."""
    windows = 0
    for k in range(code.size):
        windows += ROLLING <= code[k] < FIELD
    return windows == 0


# A single chain of comparisons becomes one jump. Two jumps in a row are predicted badly.
_unary, _binary, _ternary = (compiled(inline="always")(each.py_func) for each in (unary, binary, ternary))


@compiled
def operate(op, x, y, z, out):
    """Apply the elementwise operator `op` to as many of x, y, z as it takes."""
    _binary(op, x, y, out)
    _unary(op, x, out)
    _ternary(op, x, y, z, out)


@compiled(forceinline=True)
def fill(number, out):
    """Fill a row with a number."""
    for i in range(out.size):
        out[i] = number


@compiled
def compute_nodes(first, last, nodes, n_fields, cells, places, where):
    """Compute nodes first … last − 1 of a program, which are one formula; return the row of its root."""
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
def compute_gene(gene, dc, constants, symbol_table, many, cells, places, where, functions):
    """Compute a gene into the rows from `many` on; return the first free row and the row of the root.

    The gene is read forwards to find its functions, which are then computed backwards.
    """
    arity, code, param, number = symbol_table
    needed, calls, i, seen = np.int64(1), np.int64(0), np.int64(0), 0
    while needed > i:
        symbol = np.int64(gene[i])
        op = code[symbol]
        where[i] = param[symbol]
        if op == NUMBER or op == CONSTANT:
            value = number[symbol]
            if op == CONSTANT:  # the k-th '?' in reading order takes the k-th entry of the Dc domain
                value = constants[dc[seen]]
                seen += 1
            where[i] = many
            fill(value, row_of(places, many, cells))
            many += 1
        functions[calls] = (needed << (_BITS + _BITS)) | (symbol << _BITS) | i
        calls += arity[symbol] > 0
        needed += arity[symbol]
        i += 1
    for k in range(calls - 1, -1, -1):
        call = functions[k]
        at, symbol, start = call & _MASK, (call >> _BITS) & _MASK, call >> (_BITS + _BITS)
        x, y = row_of(places, where[start], cells), row_of(places, where[start + 1], cells)
        operate(code[symbol], x, y, row_of(places, where[start + 2], cells), row_of(places, many, cells))
        where[at] = many
        many += 1
    return many, where[0]


@compiled
def compute_chromosome(symbols, dc, constants, symbol_table, link, n_fields, cells, places, where, functions):
    """Compute all genes and join them by the operator `link`; return the row of the root."""
    many, root = compute_gene(
        symbols[0], dc[0], constants[0], symbol_table, n_fields, cells, places, where, functions
    )
    for g in range(1, symbols.shape[0]):
        many, other = compute_gene(
            symbols[g], dc[g], constants[g], symbol_table, many, cells, places, where, functions
        )
        x, y = row_of(places, root, cells), row_of(places, other, cells)
        operate(link, x, y, y, row_of(places, many, cells))
        root = many
        many += 1
    return root


@compiled
def lay_fields(fields, cells, places):
    """Copy the fields, float32 of shape (F · cells,), to their rows."""
    for f in range(fields.size // cells):
        for i in range(cells):
            places[f, i] = fields[f * cells + i]


@compiled
def close(row, days, scored, sums, acc):
    """Add the squared errors of a formula's values, float32 of shape (cells,), to its scores (S, M, 4)."""
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
def score_genes(piece, genes, symbol_table, link, fields, cells, days, scored, workspace, acc):
    """Score one piece of a population's chromosomes; the arguments are those of `run_genes`."""
    symbols, dc, constants = genes
    places, where, functions, sums = (
        workspace.places[piece], workspace.where[piece], workspace.functions[piece], workspace.sums[piece]
    )  # fmt: skip
    n_fields, n, pieces = fields.size // cells, symbols.shape[0], workspace.places.shape[0]
    lay_fields(fields, cells, places)
    for p in range(piece * n // pieces, (piece + 1) * n // pieces):
        root = compute_chromosome(
            symbols[p], dc[p], constants[p], symbol_table, link, n_fields, cells, places, where, functions
        )
        close(places[root][0:cells], days, scored, sums, acc[p])


@compiled
def score_nodes(piece, offset, nodes, fields, cells, days, scored, workspace, acc):
    """Score one piece of a program's formulas; the arguments are those of `run_nodes`."""
    places, where, sums = workspace.places[piece], workspace.where[piece], workspace.sums[piece]
    n_fields, n, pieces = fields.size // cells, offset.size - 1, workspace.places.shape[0]
    lay_fields(fields, cells, places)
    for p in range(piece * n // pieces, (piece + 1) * n // pieces):
        root = compute_nodes(offset[p], offset[p + 1], nodes, n_fields, cells, places, where)
        close(places[root][0:cells], days, scored, sums, acc[p])


@compiled
def run_genes(pool, genes, symbol_table, link, fields, cells, days, scored, workspace, acc):
    """Score chromosomes of elementwise operators on a panel of one tile.

    Parameters
    ----------
    pool
        The words of a spin pool; see `quarva._runtime.spin_pool`.
    genes : tuple of ndarray
        The arrays symbols, dc and constants of a `Population`.
    symbol_table : tuple of ndarray
        The arrays arity, code, param and number of its `Alphabet`; `param` refers to the fields of the panel.
    link : int
        Code of the linking operator.
    fields : ndarray of float32, shape (F · cells,)
        The fields.
    cells, days : int
        Number of cells of a field, and of days.
    scored : tuple of ndarray
        The arrays values, known, least and segments of a `Target`.
    workspace : Workspace
        Its number of pieces is the number of pieces of work.
    acc : ndarray of float64, shape (P, S, M, 4)
        Receives the scores; see `batch.run`.
    """
    submit(
        pool, score_genes, workspace.places.shape[0],
        (genes, symbol_table, link, fields, cells, days, scored, workspace, acc),
    )  # fmt: skip
    run_submitted(pool)


@compiled
def run_nodes(pool, offset, nodes, fields, cells, days, scored, workspace, acc):
    """Score the formulas of a `Program`, given by its array offset and the others, `nodes`.

    All other arguments are those of `run_genes`.
    """
    submit(
        pool, score_nodes, workspace.places.shape[0],
        (offset, nodes, fields, cells, days, scored, workspace, acc),
    )  # fmt: skip
    run_submitted(pool)
