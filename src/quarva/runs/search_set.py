"""The set of a search: its known formulas, the reward, and the forecasts of the findings."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from quarva.errors import RecipeError, TaskError
from quarva.karva.expression import Expression
from quarva.loop.findings import Finding, Findings
from quarva.loop.searcher import SearchContext
from quarva.sets import DEFAULT_START, NO_START, can_have_set, fit_found, starting_formulas
from quarva.sets.marginal_gain import MarginalGain
from quarva.tasks import Task

__all__ = ["REWARDS", "USUAL_SIZE", "known_formulas", "reward_for", "with_set"]

USUAL_SIZE = 400
"""Number of the best formulas from which a set is fitted by default."""

_NO_SET = "only an objective that compares the assets of a panel, such as ic, has one"

REWARDS = ("gain", "own")
"""What searchers are told: what a formula adds to the set, or its own score."""


def known_formulas(task: Task, start: Sequence[str] | None) -> list[Expression]:
    """The formulas of `start`; by default those of the first collection, on a panel that can have a set."""
    if not can_have_set(task):
        if start is not None and list(start) != [NO_START]:
            for each in start if task.table is None else ():
                starting_formulas(each, task.panel)  # a wrong name is an error here too
            task.notes.append(f"start is not used, because there is no set: {_NO_SET}")
        return []
    if start is None:
        start = DEFAULT_START
    elif NO_START in start:
        if len(start) > 1:
            raise RecipeError(
                f"start = {','.join(start)}: '{NO_START}' stands alone; give it, or the others without it"
            )
        return []
    found = [tree for each in start for tree in starting_formulas(each, task.panel).values()]
    return list(dict.fromkeys(tree for tree in found if set(tree.fields()) <= set(task.fields)))


def reward_for(
    task: Task,
    reward: str | None,
    context: SearchContext,
    known: Sequence[Expression],
    size: int,
) -> MarginalGain | None:
    """The reward of a search. None if searchers are told a formula's own score.

    By default the reward is the gain, unless there is no set or constants are tuned, for which a gain is not
    defined.
    """
    if reward is not None and reward not in REWARDS:
        raise RecipeError(f"unknown reward '{reward}'; choose {' or '.join(REWARDS)}")
    obstacle = ""
    if not can_have_set(task):
        obstacle = f"there is no set: {_NO_SET}"
    elif not size:
        obstacle = "set_size = 0 means that there is no set"
    elif context.skeletons is not None:
        obstacle = "constants are tuned to a formula's own score"
    if obstacle and reward == "gain":
        raise RecipeError(f"the reward cannot be the gain, because {obstacle}; leave out reward")
    if obstacle or reward == "own":
        return None
    return MarginalGain(task, context, known, size)


def with_set(
    found: Findings,
    known: Sequence[Expression],
    reward: MarginalGain | None,
    size: int,
    seed: int,
    threads: int | None,
) -> Findings:
    """Add a set, fitted to what a search found and to known formulas, and forecasts.

    The pool is sorted by the forecasts. Without a set, because the task cannot have one, the findings remain
    as they are.
    """
    task = found.task
    if not size or not found.archive or not can_have_set(task):
        return found
    if size > USUAL_SIZE and len(found.archive) < size:
        task.notes.append(
            f"the set is fitted to all {len(found.archive)} formulas of the archive, fewer than {size}"
        )
    pool = [each.formula.expression for each in found.pool]
    gains = () if reward is None else reward.formulas
    candidates = list(dict.fromkeys([*pool, *gains, *found.archive[:size]]))
    try:
        own, forecasts = fit_found(task, known, candidates, found.evaluations, seed, threads)
    except TaskError as error:  # a short training part
        task.notes.append(f"there is no set: {error}")
        return found
    figures = np.stack(forecasts, axis=1)[len(known) :]
    told = []
    for each, tree in zip(found.pool, pool, strict=True):
        expected, low, high = figures[candidates.index(tree)].tolist()
        told.append(replace(each, expected=expected, expected_low=low, expected_high=high))
    return replace(found, set=own, pool=sorted(told, key=_by_forecast))


def _by_forecast(found: Finding) -> float:
    return -found.expected if np.isfinite(found.expected) else np.inf
