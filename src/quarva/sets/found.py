"""The set of a search: fitted to known formulas and to those that a search has found."""

from collections.abc import Sequence

import numpy as np

from quarva.karva.expression import Expression
from quarva.sets.fitting import Fit, fit
from quarva.tasks import Task

__all__ = ["FOUND_MEMBERS", "KNOWN_MEMBERS", "fit_found"]

KNOWN_MEMBERS = 10.0
"""Prior expectation of the number of members among a collection of known formulas."""

FOUND_MEMBERS = 3.0
"""Prior expectation of the number of members among all formulas that a search evaluates."""


def fit_found(
    task: Task,
    known: Sequence[Expression],
    found: Sequence[Expression],
    evaluations: int,
    seed: int = 0,
    threads: int | None = None,
) -> Fit:
    """Fit a set to known formulas and to the best ones of a search.

    Parameters
    ----------
    task : Task
        The task.
    known : sequence of Expression
        Formulas that were not chosen by their scores.
    found : sequence of Expression
        The best formulas of the search.
    evaluations : int
        Number of formulas from which these were chosen. Each is a member with the same prior probability.
    seed : int, default 0
        Seed of the Gibbs sampler.
    threads : int, optional
        Maximum number of threads. Defaults to one per core.

    Returns
    -------
    Fit
        The set, and forecasts of the known formulas, followed by those found.

    Raises
    ------
    TaskError
        As in `fit_set`.
    """
    prior = np.concatenate([
        np.full(len(known), min(KNOWN_MEMBERS / max(len(known), 1), 1.0)),
        np.full(len(found), min(FOUND_MEMBERS / max(evaluations, 1), 1.0)),
    ])  # fmt: skip
    return fit(task, [*known, *found], prior=prior, most=max(len(prior), 1), seed=seed, threads=threads)
