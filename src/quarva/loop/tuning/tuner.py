"""Which formulas have their constants tuned, how far, and what the loop is handed back."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.spin_pool import SpinPool
from quarva.engine.kernel.run.small_tables import is_elementwise
from quarva.engine.names import place_params
from quarva.errors import RecipeError
from quarva.karva.alphabet import Alphabet
from quarva.karva.gene_keys import language_of
from quarva.karva.genes import GeneShape, Population
from quarva.karva.operators import CODE
from quarva.loop.memory import Memory
from quarva.loop.probe_rows import probe_rows_of
from quarva.loop.tuning.least_squares import Desk, Fits, Rows, run_fits
from quarva.loop.tuning.skeletons import count_marks, read_skeletons
from quarva.tasks import Task

__all__ = ["STEPS", "Tuned", "Tuner", "promising", "tuner_for"]

STEPS = 10
"""Steps that a formula which promises is granted after the first, unless told otherwise."""

# Measured on Constant-2, 3, 7 and 8 with GEP, four seeds, 500,000 evaluations: recovered 5 of 16 with all
# steps for every formula, 7 with two for every formula and the rest for the best fifth, 5 for the best tenth.
_FIRST = 2
_PROMISING = 0.2
_ROWS = 1024  # of a table that constants are fitted to; the scores are always of all rows
_PIECES, _LEAST = 4, 8  # pieces of work for each thread, and formulas of a piece at least


@dataclass(frozen=True, eq=False)
class Tuned:
    """What tuning a batch gave.

    Attributes:
        places: int64 (n,), the chromosomes of the batch whose constants were fitted.
        population: the n of them, as they are now.
        steps: that were taken, each an evaluation.
    """

    places: NDArray[np.integer]
    population: Population
    steps: int


class Tuner:
    """Fits the `?` of formulas that are new to it: two steps each, more for the best of each length.

    A formula is new once whatever its constants are: what tuning makes of the others is much the same.

    Attributes:
        most: steps that a formula may take in all.
        skeletons: what was seen, by the key of a formula in which a `?` is any number; the fitness that this
            memory keeps says nothing.
    """

    def __init__(self, task: Task, alphabet: Alphabet, shape: GeneShape, steps: int, threads: int) -> None:
        a, panel = alphabet, task.panel
        param = place_params(a, panel.fields, tuple(panel.groups), panel.assets)
        self._letters, self._link = (a.arity, a.code, param, a.number), CODE[shape.link]
        self._language = language_of(alphabet, shape, is_open=True)
        self._steps, self._threads = steps, threads
        self._rows = _rows_of(task)
        self.most = _FIRST + steps
        self.skeletons = Memory()

    def tune(
        self, population: Population, fitness: NDArray[np.float64], new: NDArray[np.integer], left: int
    ) -> Tuned:
        """Fit constants of a batch; what was fitted is yet to be scored, and may be no better.

        Args:
            population: the batch. fitness: float64 (P,), NaN for what has no score, which is let alone.
            new: places of what was scored for the first time.
            left: steps that may be taken, 0 or more.
        """
        chosen = self._choose(population, fitness, new)
        some = population[chosen]
        dc, constants = some.dc.copy(), some.constants.copy()
        after, steps = self._fit(some, np.arange(len(some)), dc, constants, _FIRST, left)
        best = promising(some.lengths().sum(axis=1), after)
        steps += self._fit(some, best, dc, constants, self._steps, left - steps)[1]
        return Tuned(chosen, replace(some, dc=dc, constants=constants), steps)

    def _choose(
        self, population: Population, fitness: NDArray[np.float64], new: NDArray[np.integer]
    ) -> NDArray[np.integer]:
        """Places of the new skeletons that have a `?` and a score."""
        some = population[new]
        keys, marks = np.empty(len(new), np.uint64), np.empty(len(new), np.int64)
        length = some.symbols.shape[2]
        read_skeletons(
            some.symbols, some.dc, some.constants, self._language, np.empty(length, np.int64),
            np.empty(length + 3, np.uint64), keys,
        )  # fmt: skip
        fresh = self.skeletons.look_up(keys)[1]
        self.skeletons.put(keys[fresh], np.zeros(np.count_nonzero(fresh)))
        count_marks(some.symbols, *self._letters[:2], marks)
        return new[fresh & (marks > 0) & np.isfinite(fitness[new])]

    def _fit(
        self,
        some: Population,
        chosen: NDArray[np.integer],
        dc: NDArray[np.int8],
        constants: NDArray[np.float32],
        most: int,
        left: int,
    ) -> tuple[NDArray[np.float64], int]:
        """Fit the chosen in this order while steps are left; squared errors after it, and steps taken."""
        whole = self._run(some.symbols[chosen], dc[chosen], constants[chosen], most)
        total = np.cumsum(whole.used)
        many = int(np.searchsorted(total, left, side="right"))
        steps = int(total[many - 1]) if many else 0
        after = np.full(len(chosen), np.nan)
        done = chosen[:many]
        dc[done], constants[done], after[:many] = whole.dc[:many], whole.constants[:many], whole.after[:many]
        if many < len(chosen):  # the one in which the steps end goes as far as they reach
            last = chosen[many : many + 1]
            part = self._run(some.symbols[last], dc[last], constants[last], left - steps)
            dc[last], constants[last], after[many] = part.dc, part.constants, part.after[0]
            steps += int(part.used[0])
        return after, steps

    def _run(
        self, symbols: NDArray[np.int16], dc: NDArray[np.int8], constants: NDArray[np.float32], most: int
    ) -> Fits:
        """Fit these chromosomes in at most so many steps each."""
        n, genes, length = symbols.shape
        fits = Fits(dc, constants, np.zeros(n, np.int64), np.zeros(n), np.zeros(n))
        pieces = max(1, min(self._threads * _PIECES, n // _LEAST)) if self._threads > 1 else 1
        desk = Desk.of(pieces, self._rows, genes, length, constants.shape[2])
        with SpinPool(min(self._threads, pieces)) as words:
            run_fits(words, most, symbols, fits, self._letters, self._link, self._rows, desk)
        return fits

    def state(self) -> dict[str, Any]:
        """All that decides what will be tuned next."""
        return self.skeletons.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""
        self.skeletons.restore(state)


def promising(lengths: NDArray[np.int64], errors: NDArray[np.float64]) -> NDArray[np.integer]:
    """Places of the best fifth of the formulas of each length, best first; NaN is no error.

    Among formulas of all lengths the long ones, which a search has bred for their errors, would leave a short
    one no chance, however right it is once its constants are.
    """
    there = np.flatnonzero(np.isfinite(errors))
    order = there[np.lexsort((errors[there], lengths[there]))]
    _, first, many = np.unique(lengths[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, many)
    best = order[rank < np.repeat(_PROMISING * many, many)]
    return best[np.argsort(errors[best], kind="stable")]


def tuner_for(
    task: Task, alphabet: Alphabet, shape: GeneShape, steps: int | None, threads: int
) -> Tuner | None:
    """What tunes the constants of formulas for a task, or None.

    Args:
        steps: that a formula which promises is granted; 0 for no tuning; None for `STEPS` where there is
            something to tune and for none elsewhere.

    Raises:
        RecipeError: steps below 0; steps asked for where constants can not be tuned.
    """
    if steps is not None and steps < 0:
        raise RecipeError(f"tuning_steps must be 0 or more, not {steps}")
    why = ""
    if task.table is None or task.objective.statistic != "sse":
        why = f"only squared errors of a table can be, and '{task.objective.name}' is none"
    elif not alphabet.has_constants:
        why = "formulas hold none; let them with constants = true"
    elif not is_elementwise(alphabet.code):
        why = "only those of elementwise functions can be; leave the others out of functions"
    if steps and why:
        raise RecipeError(f"tuning_steps = {steps}, but no constants can be tuned: {why}")
    steps = STEPS if steps is None else steps
    return None if why or steps == 0 else Tuner(task, alphabet, shape, steps, threads)


def _rows_of(task: Task) -> Rows:
    """The rows of a table that constants are fitted to, in float64."""
    points = probe_rows_of(task, _ROWS)
    assert points is not None
    return Rows(points.columns.astype(np.float64), points.target)
