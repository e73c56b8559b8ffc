"""Constants by least squares: Levenberg (1944) and Marquardt (1963), in float64, formula by formula.

A step solves (JᵀJ + λ · diag JᵀJ) δ = Jᵀr for the change δ of the constants, where r is what the formula
lacks to the target and J its slopes along the constants, a row of the table each. A step that gains is taken
and λ divided by ten; one that does not is undone and λ multiplied by ten (Marquardt 1963, Journal of the
Society for Industrial and Applied Mathematics 11). As every row stands by itself, one pass from the root
down gives J whatever the number of constants: reverse accumulation.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva._runtime.spin_pool import run_submitted, submit
from quarva.engine.kernel.run.slopes import (
    MOST,
    slopes_binary,
    slopes_ternary,
    slopes_unary,
    value_binary,
    value_ternary,
    value_unary,
)
from quarva.karva.alphabet import CONSTANT, NUMBER
from quarva.loop.tuning.linear import solve
from quarva.loop.tuning.skeletons import marks_of
from quarva.loop.tuning.steps import COLUMNS, OP, TO, A, B, C, write_chromosome

__all__ = ["Desk", "Fits", "Rows", "run_fits"]

_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-3, 1e-12, 1e8
_CHANGE = 10.0  # of the damping after a step
_WORTH = 0.99  # of the squared error that a step may leave if another is to follow


class Rows(NamedTuple):
    """Rows of a table, fields float64 (F, R) and target float64 (R,), all of them there."""

    fields: NDArray[np.float64]
    target: NDArray[np.float64]


class Fits(NamedTuple):
    """What fitting a chromosome gives, an entry for each of n.

    Attributes:
        dc: int8 (n, G, tail), and constants: float32 (n, G, C): before, the chromosomes' own; after, fitted.
        used: int64 (n,), steps taken. before, after: float64 (n,), squared errors; NaN where the formula has
            no value on some row, and then nothing was fitted.
    """

    dc: NDArray[np.int8]
    constants: NDArray[np.float32]
    used: NDArray[np.int64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


class Desk(NamedTuple):
    """What pieces of work write to, an entry of the first axis for each.

    Attributes:
        values, slopes: float64 (pieces, places, R), fields first, then a step's result each; slopes are those
            of the formula along what stands there.
        steps: int32 (pieces, steps, 5), see `steps`. numbers: float32 (pieces, steps), what a NUMBER writes.
        where, functions: int64 (pieces, positions of a gene), the place of what a position says, and a
            gene's functions.
        parameter: int64 (pieces, steps), which parameter a step writes, −1 for none.
        moves: bool (pieces, places), whether what stands there depends on a parameter.
        vectors: float64 (pieces, 4, K): parameters, the same on trial, δ, Jᵀr.
        squares: float64 (pieces, 2, K, K), JᵀJ, and room for the solver. jacobian: float64 (pieces, K, R).
        lack: float64 (pieces, R), r.
    """

    values: NDArray[np.float64]
    slopes: NDArray[np.float64]
    steps: NDArray[np.int32]
    numbers: NDArray[np.float32]
    where: NDArray[np.int64]
    functions: NDArray[np.int64]
    parameter: NDArray[np.int64]
    moves: NDArray[np.bool_]
    vectors: NDArray[np.float64]
    squares: NDArray[np.float64]
    jacobian: NDArray[np.float64]
    lack: NDArray[np.float64]

    @classmethod
    def of(cls, pieces: int, rows: Rows, genes: int, length: int, constants: int) -> "Desk":
        """For chromosomes of so many genes of so many positions and constants."""
        n_fields, many = rows.fields.shape
        steps, k = genes * (length + 1), genes * constants
        places = n_fields + steps
        return cls(
            np.empty((pieces, places, many)), np.empty((pieces, places, many)),
            np.empty((pieces, steps, COLUMNS), np.int32), np.empty((pieces, steps), np.float32),
            np.empty((pieces, length), np.int64), np.empty((pieces, length), np.int64),
            np.empty((pieces, steps), np.int64), np.empty((pieces, places), np.bool_),
            np.empty((pieces, 4, k)), np.empty((pieces, 2, k, k)), np.empty((pieces, k, many)),
            np.empty((pieces, many)),
        )  # fmt: skip


@compiled
def _copy(source, target):
    for i in range(source.size):
        target[i] = source[i]


@compiled
def open_constants(symbols, dc, constants, letters, parameter, vector):
    """Give each constant that is read a parameter, and find the steps that write it; returns how many.

    A gene's `?` get one each where it carries enough constants, and its Dc domain is written anew so; else
    those that share a constant share a parameter. letters: as `steps.write_chromosome` takes them.
    """
    arity, code = letters[0], letters[1]
    begin, count = 0, 0
    parameter[:] = -1
    for g in range(symbols.shape[0]):
        length, marks, numbers, fields = 1, 0, 0, 0
        i = 0
        while i < length:
            letter = symbols[g, i]
            length += arity[letter]
            if code[letter] == CONSTANT:  # in steps, a gene's numbers stand before its functions
                parameter[begin + numbers] = marks
                marks += 1
            is_number = code[letter] == CONSTANT or code[letter] == NUMBER
            numbers += is_number
            fields += arity[letter] == 0 and not is_number
            i += 1
        if marks <= constants.shape[1]:
            separate(dc[g], constants[g], marks, vector[count:])
        for k in range(begin, begin + numbers):
            if parameter[k] >= 0:
                parameter[k] = count + dc[g, parameter[k]]
        many = min(marks, constants.shape[1])
        for k in range(many):
            vector[count + k] = constants[g, k]
        count += many
        begin += length - fields + (g > 0)  # a gene but the first is followed by a link
    return count


@compiled
def separate(dc, constants, marks, room):
    """Let the k-th `?` of a gene read its k-th constant, and that be what it read before."""
    for k in range(marks):
        room[k] = constants[dc[k]]
    for k in range(marks):
        constants[k] = room[k]
        dc[k] = k


@compiled
def close_constants(symbols, letters, vector, constants):
    """Write the parameters back to the constants that they were taken from."""
    arity, code = letters[0], letters[1]
    count = 0
    for g in range(symbols.shape[0]):
        for k in range(min(marks_of(symbols[g], arity, code), constants.shape[1])):
            constants[g, k] = vector[count]
            count += 1


@compiled
def take_step(step, number, n_fields, values):
    """The values of one step; returns whether all are there. number: what a NUMBER writes."""
    op, out = step[OP], values[step[TO]]
    if op == NUMBER:
        out[:] = number
        return abs(number) <= MOST
    x = values[step[A]]
    if step[B] < 0:
        return value_unary(op, x, out)
    if step[C] < 0:
        return value_binary(op, x, values[step[B]], out)
    return value_ternary(op, x, values[step[B]], values[step[C]], out)


@compiled
def lay_formula(many, steps, numbers, parameter, n_fields, values, moves):
    """Compute what does not depend on a constant, once, and mark what does; returns whether all is there."""
    there = True
    moves[:n_fields] = False
    for k in range(many):
        to = steps[k, TO]
        moves[to] = parameter[k] >= 0
        if steps[k, OP] != NUMBER:
            for column in (A, B, C):
                moves[to] |= steps[k, column] >= 0 and moves[steps[k, column]]
        if there and not moves[to]:
            there = take_step(steps[k], np.float64(numbers[k]), n_fields, values)
    return there


@compiled
def squared_error(vector, many, steps, parameter, n_fields, root, rows, values, moves, lack):
    """Σ r² of the formula with these parameters, and r; infinite where it has no value on some row."""
    for k in range(many):
        if moves[steps[k, TO]]:
            number = vector[parameter[k]] if parameter[k] >= 0 else 0.0
            if not take_step(steps[k], number, n_fields, values):
                return np.inf
    total = 0.0
    for i in range(lack.size):
        lack[i] = rows.target[i] - values[root, i]
        total += lack[i] * lack[i]
    return total


@compiled
def slopes_down(many, steps, root, values, moves, slopes):
    """Slopes of the formula along every place that depends on a parameter, from the root down."""
    for k in range(many):
        if moves[steps[k, TO]]:
            slopes[steps[k, TO]] = 0.0
    slopes[root] = 1.0
    for k in range(many - 1, -1, -1):
        op, to = steps[k, OP], steps[k, TO]
        if op == NUMBER or not moves[to]:
            continue
        # What does not move takes slopes too, which nobody reads: a place is its own.
        a, b, c = steps[k, A], steps[k, B], steps[k, C]
        if b < 0:
            slopes_unary(op, values[a], values[to], slopes[to], slopes[a])
        elif c < 0:
            slopes_binary(op, values[a], values[b], values[to], slopes[to], slopes[a], slopes[b])
        else:
            slopes_ternary(op, values[a], slopes[to], slopes[b], slopes[c])


@compiled
def normal_equations(many, count, steps, parameter, slopes, lack, jacobian, square, right):
    """JᵀJ and Jᵀr; a constant that several `?` read has the sum of their slopes."""
    jacobian[:count] = 0.0
    for k in range(many):
        if parameter[k] >= 0:
            row, along = jacobian[parameter[k]], slopes[steps[k, TO]]
            for i in range(row.size):
                row[i] += along[i]
    for k in range(count):
        total = 0.0
        for i in range(lack.size):
            total += jacobian[k, i] * lack[i]
        right[k] = total
        for j in range(k + 1):
            total = 0.0
            for i in range(lack.size):
                total += jacobian[k, i] * jacobian[j, i]
            square[k, j] = total


@compiled
def fit(p, most, symbols, fits, letters, link, rows, piece, desk):
    """Fit chromosome p in at most `most` steps."""
    values, slopes, steps, numbers = (
        desk.values[piece],
        desk.slopes[piece],
        desk.steps[piece],
        desk.numbers[piece],
    )
    parameter, moves, lack = desk.parameter[piece], desk.moves[piece], desk.lack[piece]
    now, trial, change, right = desk.vectors[piece]
    square, factor = desk.squares[piece]
    n_fields = rows.fields.shape[0]
    many, root = write_chromosome(
        symbols[p], fits.dc[p], fits.constants[p], letters, link, n_fields, steps, numbers,
        desk.where[piece], desk.functions[piece],
    )  # fmt: skip
    count = open_constants(symbols[p], fits.dc[p], fits.constants[p], letters, parameter, now)
    error = np.inf
    if count > 0 and lay_formula(many, steps, numbers, parameter, n_fields, values, moves):
        error = squared_error(now, many, steps, parameter, n_fields, root, rows, values, moves, lack)
    fits.used[p], fits.before[p], fits.after[p] = 0, np.nan, np.nan
    if not error < np.inf:
        return
    fits.before[p] = error
    damping, moved, used = _FIRST_DAMPING, True, 0
    while used < most and error > 0.0 and damping <= _MOST_DAMPING:
        if moved:
            slopes_down(many, steps, root, values, moves, slopes)
            normal_equations(many, count, steps, parameter, slopes, lack, desk.jacobian[piece], square, right)
        solve(square, right, damping, count, factor, change)
        for k in range(count):
            trial[k] = now[k] + change[k]
        used += 1
        tried = squared_error(trial, many, steps, parameter, n_fields, root, rows, values, moves, lack)
        moved = tried < error
        if not moved:
            damping *= _CHANGE
            continue
        damping = max(damping / _CHANGE, _LEAST_DAMPING)
        _copy(trial, now)
        slow = tried > _WORTH * error
        error = tried
        if slow:
            break
    fits.used[p], fits.after[p] = used, error
    close_constants(symbols[p], letters, now, fits.constants[p])


@compiled
def fit_piece(piece, most, symbols, fits, letters, link, rows, desk):
    """Fit one piece of the chromosomes; the arguments are those of `run_fits`."""
    n, pieces = symbols.shape[0], desk.values.shape[0]
    for f in range(rows.fields.shape[0]):
        _copy(rows.fields[f], desk.values[piece, f])
    for p in range(piece * n // pieces, (piece + 1) * n // pieces):
        fit(p, most, symbols, fits, letters, link, rows, piece, desk)


@compiled
def run_fits(crew, most, symbols, fits, letters, link, rows, desk):
    """Fit the constants of chromosomes of elementwise operators.

    Args:
        crew: see `quarva._runtime.spin_pool`.
        most: steps for each at most.
        symbols: int16 (n, G, L); fits: their Dc domains and constants, and what comes of them.
        letters: arity, code, param and number of their `Alphabet`, fields numbered as those of `rows`.
        link: code of the linking operator.
        rows: what is fitted to. desk: as many pieces as the work shall be cut into.
    """
    submit(crew, fit_piece, desk.values.shape[0], (most, symbols, fits, letters, link, rows, desk))
    run_submitted(crew)
