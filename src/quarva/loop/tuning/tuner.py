"""The tuner decides which formulas have their constants fitted, and in how many steps."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.spin_pool import SpinPool
from quarva.engine.kernel.run.small_tables import is_elementwise
from quarva.engine.names import place_params
from quarva.errors import RecipeError
from quarva.karva.alphabet import Alphabet
from quarva.karva.gene_keys import key_tables
from quarva.karva.genes import GeneShape, Population
from quarva.karva.operators import CODE
from quarva.loop.memory import Memory
from quarva.loop.probe_rows import probe_rows_of
from quarva.loop.tuning.least_squares import FitData, Fits, Workspace, run_fits
from quarva.loop.tuning.skeletons import count_placeholders, read_skeletons
from quarva.tasks import Task

__all__ = ["STEPS", "Tuned", "Tuner", "promising", "tuner_for"]

STEPS = 10
"""Default number of further steps for a promising formula."""

# Measured on Constant-2, 3, 7 and 8 with GEP, four seeds, 500,000 evaluations. Recovered: 5 of 16 with all
# steps for every formula; 7 with two for every formula and the rest for the best fifth; 5 with the rest for
# the best tenth.
_FIRST = 2  # steps for every new formula
_PROMISING = 0.2  # share of the formulas that get further steps
_ROWS = 1024  # maximal number of rows that constants are fitted to; scores always use all rows
_PIECES, _LEAST = 4, 8  # pieces of work per thread, and smallest number of formulas in a piece


@dataclass(frozen=True, eq=False)
class Tuned:
    """Result of tuning a batch.

    Attributes
    ----------
    places : ndarray of int64, shape (n,)
        Indices in the batch of the chromosomes whose constants were fitted.
    population : Population
        These chromosomes with fitted constants.
    steps : int
        Number of steps. Each counts as an evaluation.
    taken : ndarray of int64, shape (n,)
        Number of these steps that had been taken when the constants of each formula were final.
    """

    places: NDArray[np.integer]
    population: Population
    steps: int
    taken: NDArray[np.int64]


class Tuner:
    """Fits the constants of new formulas: two steps for each, and more for the best formulas of each length.

    Formulas that differ only in their constants count as one, because tuning gives nearly the same result
    for them.

    Parameters
    ----------
    task : Task
        A task on a table with a squared error as its objective.
    alphabet : Alphabet
        The alphabet of the formulas.
    shape : GeneShape
        The shape of their chromosomes.
    steps : int
        Number of further steps for a promising formula.
    threads : int
        Number of threads.

    Attributes
    ----------
    most : int
        Maximal number of steps per formula.
    skeletons : Memory
        The formulas seen so far, by keys in which a `?` stands for any number. Their fitness in this memory
        has no meaning.
    """

    def __init__(self, task: Task, alphabet: Alphabet, shape: GeneShape, steps: int, threads: int) -> None:
        a, panel = alphabet, task.panel
        param = place_params(a, panel.fields, tuple(panel.groups), panel.assets)
        numbers = a.exact if panel.precision == "float64" else a.number.astype(np.float64)
        self._alphabet, self._link = (a.arity, a.code, param, numbers), CODE[shape.link]
        self._key_tables = key_tables(alphabet, shape, skeletons=True)
        self._steps, self._threads = steps, threads
        self._data = _fit_data_of(task)
        self.most = _FIRST + steps
        self.skeletons = Memory()

    def tune(
        self, population: Population, fitness: NDArray[np.float64], new: NDArray[np.integer], left: int
    ) -> Tuned:
        """Fit the constants of a batch. The fitted formulas still have to be scored and may not be better.

        Parameters
        ----------
        population : Population
            The batch of P formulas.
        fitness : ndarray of float64, shape (P,)
            Their fitness. Formulas with NaN are not fitted.
        new : ndarray of int
            Indices of the formulas that were scored for the first time.
        left : int
            Number of steps that are left.

        Returns
        -------
        Tuned
        """
        chosen = self._choose(population, fitness, new)
        some = population[chosen]
        dc, constants = some.dc.copy(), some.constants.copy()
        taken = np.zeros(len(some), np.int64)
        after, first = self._fit(some, np.arange(len(some)), dc, constants, _FIRST, left)
        best = promising(some.lengths().sum(axis=1), after)
        taken[: len(first)] = first
        steps = int(first[-1]) if len(first) else 0
        _, more = self._fit(some, best, dc, constants, self._steps, left - steps)
        taken[best[: len(more)]] = steps + more
        steps += int(more[-1]) if len(more) else 0
        return Tuned(chosen, replace(some, dc=dc, constants=constants), steps, taken)

    def _choose(
        self, population: Population, fitness: NDArray[np.float64], new: NDArray[np.integer]
    ) -> NDArray[np.integer]:
        """Indices of the formulas with a new skeleton, a `?` and a score."""
        some = population[new]
        keys, placeholders = np.empty(len(new), np.uint64), np.empty(len(new), np.int64)
        length = some.symbols.shape[2]
        read_skeletons(
            some.symbols, some.dc, some.constants, self._key_tables, np.empty(length, np.int64),
            np.empty(length + 3, np.uint64), keys,
        )  # fmt: skip
        fresh = self.skeletons.look_up(keys)[1]
        self.skeletons.put(keys[fresh], np.zeros(np.count_nonzero(fresh)))
        count_placeholders(some.symbols, *self._alphabet[:2], placeholders)
        return new[fresh & (placeholders > 0) & np.isfinite(fitness[new])]

    def _fit(
        self,
        some: Population,
        chosen: NDArray[np.integer],
        dc: NDArray[np.int8],
        constants: NDArray[np.float32],
        most: int,
        left: int,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Fit formulas in order while steps are left.

        Returns their squared errors, NaN where no step was left, and for the fitted ones the number of steps
        of this pass that had been taken when each was done.
        """
        whole = self._run(some.symbols[chosen], dc[chosen], constants[chosen], most)
        total = np.cumsum(whole.used)
        many = int(np.searchsorted(total, left, side="right"))
        steps = int(total[many - 1]) if many else 0
        after = np.full(len(chosen), np.nan)
        done = chosen[:many]
        dc[done], constants[done], after[:many] = whole.dc[:many], whole.constants[:many], whole.after[:many]
        if many < len(chosen):  # the formula at which the budget ends gets the remaining steps
            last = chosen[many : many + 1]
            part = self._run(some.symbols[last], dc[last], constants[last], left - steps)
            dc[last], constants[last], after[many] = part.dc, part.constants, part.after[0]
            if part.used[0]:
                total[many], many = steps + int(part.used[0]), many + 1
        return after, total[:many]

    def _run(
        self, symbols: NDArray[np.int16], dc: NDArray[np.int8], constants: NDArray[np.float32], most: int
    ) -> Fits:
        """Fit chromosomes in at most `most` steps each."""
        n, genes, length = symbols.shape
        fits = Fits(dc, constants, np.zeros(n, np.int64), np.zeros(n), np.zeros(n))
        pieces = max(1, min(self._threads * _PIECES, n // _LEAST)) if self._threads > 1 else 1
        workspace = Workspace.of(pieces, self._data, genes, length, constants.shape[2])
        with SpinPool(min(self._threads, pieces)) as pool:
            run_fits(pool, most, symbols, fits, self._alphabet, self._link, self._data, workspace)
        return fits

    def state(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return self.skeletons.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` returned."""
        self.skeletons.restore(state)


def promising(lengths: NDArray[np.int64], errors: NDArray[np.float64]) -> NDArray[np.integer]:
    """Choose the best fifth of the formulas of each length.

    Formulas only compete with formulas of the same length. Otherwise a short formula that is correct except
    for its constants would lose against long formulas, which the search has selected for their errors.

    Parameters
    ----------
    lengths : ndarray of int64, shape (n,)
        Lengths of the formulas.
    errors : ndarray of float64, shape (n,)
        Their squared errors. NaN and infinity are never chosen.

    Returns
    -------
    ndarray of int
        Indices of the chosen formulas, best first.
    """
    finite = np.flatnonzero(np.isfinite(errors))
    order = finite[np.lexsort((errors[finite], lengths[finite]))]
    _, first, many = np.unique(lengths[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, many)
    best = order[rank < np.repeat(_PROMISING * many, many)]
    return best[np.argsort(errors[best], kind="stable")]


def tuner_for(
    task: Task, alphabet: Alphabet, shape: GeneShape, steps: int | None, threads: int
) -> Tuner | None:
    """Create the tuner for a search.

    Parameters
    ----------
    task : Task
        The task.
    alphabet : Alphabet
        The alphabet of the formulas.
    shape : GeneShape
        The shape of their chromosomes.
    steps : int or None
        Number of further steps for a promising formula; 0 for no tuning. None means `STEPS` if constants can
        be tuned, and no tuning otherwise.
    threads : int
        Number of threads.

    Returns
    -------
    Tuner or None
        None for no tuning.

    Raises
    ------
    RecipeError
        `steps` is negative, or it is positive and constants cannot be tuned.
    """
    if steps is not None and steps < 0:
        raise RecipeError(f"tuning_steps must be 0 or more, not {steps}")
    obstacle = ""
    if task.table is None or task.objective.statistic != "sse":
        obstacle = f"the objective must be a squared error of a table, and '{task.objective.name}' is not"
    elif not alphabet.has_constants:
        obstacle = "formulas have none; allow them with constants = true"
    elif not is_elementwise(alphabet.code):
        obstacle = "all functions must be elementwise; leave the others out of functions"
    if steps and obstacle:
        raise RecipeError(f"tuning_steps = {steps}, but no constants can be tuned: {obstacle}")
    steps = STEPS if steps is None else steps
    return None if obstacle or steps == 0 else Tuner(task, alphabet, shape, steps, threads)


def _fit_data_of(task: Task) -> FitData:
    """The rows of a table that constants are fitted to, in float64."""
    rows = probe_rows_of(task, _ROWS)
    assert rows is not None
    return FitData(rows.columns.astype(np.float64), rows.target)
