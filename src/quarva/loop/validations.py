"""Validation figures of the few formulas that lead a search, each computed once."""

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import Population
from quarva.loop.memory import Memory
from quarva.tasks import Task

__all__ = ["Validations"]


class Validations:
    """Validation figures by formula key, computed on first request.

    While a search scores formulas it walks the training days alone, so the validation figure of a formula
    that takes the lead has to be computed separately. The incumbents and the leader ask for the same ones.

    Parameters
    ----------
    task : Task
        The question that is searched.
    threads : int
        Threads used where several formulas are validated at once; the figures do not depend on it.
    """

    def __init__(self, task: Task, threads: int) -> None:
        self._task, self._threads, self._known = task, threads, Memory()

    def of(self, population: Population) -> NDArray[np.float64]:
        """Return the validation figure of each formula.

        Parameters
        ----------
        population : Population of P chromosomes

        Returns
        -------
        float64 array of shape (P,)
            In the objective's unit, times the sign found in training. NaN where the task has no validation
            part or the formula has too few values there.
        """
        if not self._task.has_validation or not len(population):
            return np.full(len(population), np.nan)
        keys = population.keys()
        figures, new = self._known.look_up(keys)
        if new.any():
            some = population[np.flatnonzero(new)]
            self._known.put(
                keys[new], self._task.score(some, self._threads if len(some) > 1 else 1).validation
            )
            figures = self._known.look_up(keys)[0]
        return figures

    def can_judge(self, population: Population) -> NDArray[np.bool_]:
        """Return which formulas have a validation figure, bool array of shape (P,).

        All of them where the task has no validation part (see `findings.can_be_judged`).
        """
        if not self._task.has_validation:
            return np.ones(len(population), np.bool_)
        return np.isfinite(self.of(population))
