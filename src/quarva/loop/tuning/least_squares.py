"""Nonlinear least squares for the constants of formulas: Levenberg–Marquardt in float64, formula by formula.

A step solves (JᵀJ + λ · diag JᵀJ) δ = Jᵀr for the change δ of the constants. r holds the residuals and J the
derivatives of the formula with respect to the constants, one row per row of the table. A step that reduces
the error is accepted and λ is divided by ten. Otherwise it is rejected and λ is multiplied by ten. Because
the rows are independent, one reverse pass from the root gives J for any number of constants.

References
----------
Levenberg, K. (1944). A method for the solution of certain non-linear problems in least squares. Quarterly of
Applied Mathematics 2.
Marquardt, D. (1963). An algorithm for least-squares estimation of nonlinear parameters. Journal of the
Society for Industrial and Applied Mathematics 11.
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
from quarva.loop.tuning.skeletons import placeholders_in
from quarva.loop.tuning.steps import COLUMNS, OP, TO, A, B, C, write_chromosome

__all__ = ["FitData", "Fits", "Workspace", "run_fits"]

_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-3, 1e-12, 1e8
_FACTOR = 10.0  # by which the damping changes after a step
_WORTHWHILE = 0.99  # another step follows only if the last one left at most this share of the squared error


class FitData(NamedTuple):
    """R complete rows of a table.

    Attributes
    ----------
    fields : ndarray of float64, shape (F, R)
        The columns.
    target : ndarray of float64, shape (R,)
        The target.
    """

    fields: NDArray[np.float64]
    target: NDArray[np.float64]


class Fits(NamedTuple):
    """Results of fitting n chromosomes.

    Attributes
    ----------
    dc : ndarray of int8, shape (n, G, tail)
        The Dc domains. The initial ones are replaced by those of the fitted chromosomes.
    constants : ndarray of float32, shape (n, G, C)
        The constants. The initial ones are replaced by the fitted ones.
    used : ndarray of int64, shape (n,)
        Number of steps.
    before, after : ndarray of float64, shape (n,)
        Squared errors before and after the fit. NaN if the formula has no value on some row; its constants
        are then unchanged.
    """

    dc: NDArray[np.int8]
    constants: NDArray[np.float32]
    used: NDArray[np.int64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


class Workspace(NamedTuple):
    """Scratch arrays. The first axis is the piece of work; a slot holds a field or the result of a step.

    Attributes
    ----------
    values : ndarray of float64, shape (pieces, slots, R)
        The values of each slot: the fields first, then the results of the steps.
    slopes : ndarray of float64, shape (pieces, slots, R)
        Derivatives of the formula with respect to each slot.
    steps : ndarray of int32, shape (pieces, steps, 5)
        See the module `steps`.
    numbers : ndarray of float64, shape (pieces, steps)
        The number that a NUMBER step writes.
    slot_of, functions : ndarray of int64, shape (pieces, positions of a gene)
        The slot of each position, and the functions of a gene.
    parameter : ndarray of int64, shape (pieces, steps)
        The parameter that a step writes, −1 for none.
    depends : ndarray of bool, shape (pieces, slots)
        True if a slot depends on a parameter.
    vectors : ndarray of float64, shape (pieces, 4, K)
        Parameters, trial parameters, δ and Jᵀr.
    squares : ndarray of float64, shape (pieces, 2, K, K)
        JᵀJ, and scratch space of the solver.
    jacobian : ndarray of float64, shape (pieces, K, R)
        J, transposed.
    residual : ndarray of float64, shape (pieces, R)
        r.
    """

    values: NDArray[np.float64]
    slopes: NDArray[np.float64]
    steps: NDArray[np.int32]
    numbers: NDArray[np.float64]
    slot_of: NDArray[np.int64]
    functions: NDArray[np.int64]
    parameter: NDArray[np.int64]
    depends: NDArray[np.bool_]
    vectors: NDArray[np.float64]
    squares: NDArray[np.float64]
    jacobian: NDArray[np.float64]
    residual: NDArray[np.float64]

    @classmethod
    def of(cls, pieces: int, data: FitData, genes: int, length: int, constants: int) -> "Workspace":
        """Allocate the arrays.

        Parameters
        ----------
        pieces : int
            Number of pieces of work.
        data : FitData
            The rows.
        genes, length, constants : int
            Genes of a chromosome, and positions and constants of a gene.

        Returns
        -------
        Workspace
        """
        n_fields, n_rows = data.fields.shape
        steps, k = genes * (length + 1), genes * constants
        slots = n_fields + steps
        return cls(
            np.empty((pieces, slots, n_rows)), np.empty((pieces, slots, n_rows)),
            np.empty((pieces, steps, COLUMNS), np.int32), np.empty((pieces, steps)),
            np.empty((pieces, length), np.int64), np.empty((pieces, length), np.int64),
            np.empty((pieces, steps), np.int64), np.empty((pieces, slots), np.bool_),
            np.empty((pieces, 4, k)), np.empty((pieces, 2, k, k)), np.empty((pieces, k, n_rows)),
            np.empty((pieces, n_rows)),
        )  # fmt: skip


@compiled
def _copy(source, target):
    for i in range(source.size):
        target[i] = source[i]


@compiled
def assign_parameters(symbols, dc, constants, alphabet, parameter, vector):
    """Assign a parameter to each constant in use and to the steps that write it; return their number.

    Each `?` of a gene gets its own constant if the gene has enough of them; the Dc domain is changed
    accordingly. Otherwise `?` that share a constant share a parameter. For `alphabet`, see
    `steps.write_chromosome`.
    """
    arity, code = alphabet[0], alphabet[1]
    begin, count = 0, 0
    parameter[:] = -1
    for g in range(symbols.shape[0]):
        length, placeholders, numbers, fields = 1, 0, 0, 0
        i = 0
        while i < length:
            symbol = symbols[g, i]
            length += arity[symbol]
            if code[symbol] == CONSTANT:  # the steps of a gene's numbers precede those of its functions
                parameter[begin + numbers] = placeholders
                placeholders += 1
            is_number = code[symbol] == CONSTANT or code[symbol] == NUMBER
            numbers += is_number
            fields += arity[symbol] == 0 and not is_number
            i += 1
        if placeholders <= constants.shape[1]:
            separate(dc[g], constants[g], placeholders, vector[count:])
        for k in range(begin, begin + numbers):
            if parameter[k] >= 0:
                parameter[k] = count + dc[g, parameter[k]]
        n_own = min(placeholders, constants.shape[1])
        for k in range(n_own):
            vector[count + k] = constants[g, k]
        count += n_own
        begin += length - fields + (g > 0)  # every gene but the first is followed by a linking step
    return count


@compiled
def separate(dc, constants, placeholders, scratch):
    """Let the k-th `?` of a gene read the k-th constant, without a change of its value."""
    for k in range(placeholders):
        scratch[k] = constants[dc[k]]
    for k in range(placeholders):
        constants[k] = scratch[k]
        dc[k] = k


@compiled
def write_parameters_back(symbols, alphabet, vector, constants):
    """Write the parameters to the constants of a chromosome, in the order of `assign_parameters`."""
    arity, code = alphabet[0], alphabet[1]
    count = 0
    for g in range(symbols.shape[0]):
        for k in range(min(placeholders_in(symbols[g], arity, code), constants.shape[1])):
            constants[g, k] = vector[count]
            count += 1


@compiled
def evaluate_step(step, number, n_fields, values):
    """Compute the values of a step; return True if all are valid. `number` is what a NUMBER step writes."""
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
def evaluate_fixed_steps(n_steps, steps, numbers, parameter, n_fields, values, depends):
    """Mark the slots that depend on a parameter and compute the others once; return True if all are valid."""
    valid = True
    depends[:n_fields] = False
    for k in range(n_steps):
        to = steps[k, TO]
        depends[to] = parameter[k] >= 0
        if steps[k, OP] != NUMBER:
            for column in (A, B, C):
                depends[to] |= steps[k, column] >= 0 and depends[steps[k, column]]
        if valid and not depends[to]:
            valid = evaluate_step(steps[k], np.float64(numbers[k]), n_fields, values)
    return valid


@compiled
def squared_error(vector, n_steps, steps, parameter, n_fields, root, data, values, depends, residual):
    """Compute r and return Σ r² for given parameters; infinite if the formula has no value on some row."""
    for k in range(n_steps):
        if depends[steps[k, TO]]:
            number = vector[parameter[k]] if parameter[k] >= 0 else 0.0
            if not evaluate_step(steps[k], number, n_fields, values):
                return np.inf
    total = 0.0
    for i in range(residual.size):
        residual[i] = data.target[i] - values[root, i]
        total += residual[i] * residual[i]
    return total


@compiled
def backpropagate(n_steps, steps, root, values, depends, slopes):
    """Compute the derivatives of the formula with respect to all slots that depend on a parameter."""
    for k in range(n_steps):
        if depends[steps[k, TO]]:
            slopes[steps[k, TO]] = 0.0
    slopes[root] = 1.0
    for k in range(n_steps - 1, -1, -1):
        op, to = steps[k, OP], steps[k, TO]
        if op == NUMBER or not depends[to]:
            continue
        # Slopes of slots that do not depend on a parameter are written too, but never read.
        a, b, c = steps[k, A], steps[k, B], steps[k, C]
        if b < 0:
            slopes_unary(op, values[a], values[to], slopes[to], slopes[a])
        elif c < 0:
            slopes_binary(op, values[a], values[b], values[to], slopes[to], slopes[a], slopes[b])
        else:
            slopes_ternary(op, values[a], slopes[to], slopes[b], slopes[c])


@compiled
def normal_equations(n_steps, count, steps, parameter, slopes, residual, jacobian, square, right):
    """Compute JᵀJ and Jᵀr. The slope of a constant is the sum over the `?` that read it."""
    jacobian[:count] = 0.0
    for k in range(n_steps):
        if parameter[k] >= 0:
            row, along = jacobian[parameter[k]], slopes[steps[k, TO]]
            for i in range(row.size):
                row[i] += along[i]
    for k in range(count):
        total = 0.0
        for i in range(residual.size):
            total += jacobian[k, i] * residual[i]
        right[k] = total
        for j in range(k + 1):
            total = 0.0
            for i in range(residual.size):
                total += jacobian[k, i] * jacobian[j, i]
            square[k, j] = total


@compiled
def fit(p, most, symbols, fits, alphabet, link, data, piece, workspace):
    """Fit chromosome p in at most `most` steps."""
    values, slopes, steps, numbers = (
        workspace.values[piece],
        workspace.slopes[piece],
        workspace.steps[piece],
        workspace.numbers[piece],
    )
    parameter, depends = workspace.parameter[piece], workspace.depends[piece]
    residual, jacobian = workspace.residual[piece], workspace.jacobian[piece]
    now, trial, change, right = workspace.vectors[piece]
    square, factor = workspace.squares[piece]
    n_fields = data.fields.shape[0]
    n_steps, root = write_chromosome(
        symbols[p], fits.dc[p], fits.constants[p], alphabet, link, n_fields, steps, numbers,
        workspace.slot_of[piece], workspace.functions[piece],
    )  # fmt: skip
    count = assign_parameters(symbols[p], fits.dc[p], fits.constants[p], alphabet, parameter, now)
    error = np.inf
    if count > 0 and evaluate_fixed_steps(n_steps, steps, numbers, parameter, n_fields, values, depends):
        error = squared_error(now, n_steps, steps, parameter, n_fields, root, data, values, depends, residual)
    fits.used[p], fits.before[p], fits.after[p] = 0, np.nan, np.nan
    if not error < np.inf:
        return
    fits.before[p] = error
    damping, accepted, used = _FIRST_DAMPING, True, 0
    while used < most and error > 0.0 and damping <= _MOST_DAMPING:
        if accepted:
            backpropagate(n_steps, steps, root, values, depends, slopes)
            normal_equations(n_steps, count, steps, parameter, slopes, residual, jacobian, square, right)
        solve(square, right, damping, count, factor, change)
        for k in range(count):
            trial[k] = now[k] + change[k]
        used += 1
        tried = squared_error(
            trial, n_steps, steps, parameter, n_fields, root, data, values, depends, residual
        )
        accepted = tried < error
        if not accepted:
            damping *= _FACTOR
            continue
        damping = max(damping / _FACTOR, _LEAST_DAMPING)
        _copy(trial, now)
        slow = tried > _WORTHWHILE * error
        error = tried
        if slow:
            break
    fits.used[p], fits.after[p] = used, error
    write_parameters_back(symbols[p], alphabet, now, fits.constants[p])


@compiled
def fit_piece(piece, most, symbols, fits, alphabet, link, data, workspace):
    """Fit a piece of the chromosomes. The arguments are those of `run_fits`."""
    n, pieces = symbols.shape[0], workspace.values.shape[0]
    for f in range(data.fields.shape[0]):
        _copy(data.fields[f], workspace.values[piece, f])
    for p in range(piece * n // pieces, (piece + 1) * n // pieces):
        fit(p, most, symbols, fits, alphabet, link, data, piece, workspace)


@compiled
def run_fits(pool, most, symbols, fits, alphabet, link, data, workspace):
    """Fit the constants of n chromosomes of elementwise operators.

    Parameters
    ----------
    pool : ndarray of int64
        See `quarva._runtime.spin_pool`.
    most : int
        Maximal number of steps per chromosome.
    symbols : ndarray of int16, shape (n, G, L)
        The symbols of the chromosomes.
    fits : Fits
        Their Dc domains and constants, which are replaced, and the other results.
    alphabet : tuple of ndarray
        The arrays arity, code, param and number of their `Alphabet`. Param numbers the fields as in `data`.
    link : int
        Code of the linking operator.
    data : FitData
        The rows.
    workspace : Workspace
        Its number of pieces is the number of pieces of work.
    """
    submit(pool, fit_piece, workspace.values.shape[0], (most, symbols, fits, alphabet, link, data, workspace))
    run_submitted(pool)
