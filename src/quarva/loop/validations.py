"""Validation scores of the few best formulas of a search, each computed once."""

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import Population
from quarva.loop.memory import Memory
from quarva.tasks import Task

__all__ = ["Validations"]


class Validations:
    """Cache of validation scores by formula key.

    A search evaluates formulas on training days only, so the validation score of a new incumbent has to be
    computed separately. `Incumbent` and `Incumbents` request the same scores.

    Parameters
    ----------
    task : Task
        Task that is searched.
    threads : int
        Number of threads for several formulas at once. Scores do not depend on it.
    """

    def __init__(self, task: Task, threads: int) -> None:
        self._task, self._threads, self._known = task, threads, Memory()

    def of(self, population: Population) -> NDArray[np.float64]:
        """Validation score of each formula.

        Parameters
        ----------
        population : Population of P chromosomes
            The formulas.

        Returns
        -------
        float64 array of shape (P,)
            Value of the objective times the sign found in training. NaN if the task has no validation part or
            the formula has too few values there.
        """
        if not self._task.has_validation or not len(population):
            return np.full(len(population), np.nan)
        keys = population.keys()
        scores, is_new = self._known.look_up(keys)
        if is_new.any():
            new = population[np.flatnonzero(is_new)]
            self._known.put(
                keys[is_new], self._task.score(new, self._threads if len(new) > 1 else 1).validation
            )
            scores = self._known.look_up(keys)[0]
        return scores

    def is_eligible(self, population: Population) -> NDArray[np.bool_]:
        """Mask of the formulas that have a validation score, bool array of shape (P,).

        All True if the task has no validation part (see `findings.is_eligible`).
        """
        if not self._task.has_validation:
            return np.ones(len(population), np.bool_)
        return np.isfinite(self.of(population))
