"""What a recipe can find on a panel: searches for planted effects of several strengths."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quarva.engine import Formula, Set
from quarva.errors import RecipeError, TaskError
from quarva.karva.expression import Expression
from quarva.loop.findings import Finding, Findings
from quarva.loop.progress import Progress
from quarva.panel import Panel
from quarva.runs.from_recipe import task_of
from quarva.runs.recipe import SearchRecipe
from quarva.runs.run_search import search
from quarva.scenarios import Planted, plant, share
from quarva.sets import can_have_set
from quarva.tasks import TRAIN, Task

__all__ = ["PLANTS", "STRENGTHS", "Power", "default_plants", "power"]

PLANTS = (
    "-pct_change(close, 5)", "volume / mean(volume, 20)", "(close - open) / (high - low)",
    "-ts_zscore(close, 20)", "pct_change(close, 60)",
)  # fmt: skip
"""Formulas that may be planted: of these, the first three that a panel has the fields for."""

STRENGTHS = (0.005, 0.01, 0.02, 0.03)
"""Default information coefficients of each planted formula."""

_TARGET = "forward_return_1"  # what a plant affects


@dataclass(frozen=True)
class Power:
    """Result of one search for planted formulas.

    Attributes
    ----------
    ic : float
        Information coefficient that each planted formula adds.
    planted : tuple of str
        The planted formulas.
    share : float
        Share of the effect that the set found: the mean daily correlation of its signal with the drive, over
        the days after the training part. NaN without a set.
    share_of_best : float
        The same for the best formula. NaN if none was found.
    expected, expected_low, expected_high, validation : float
        Forecast of the set and its score in validation.
    evaluations : int
        Number of formulas scored.
    seconds : float
        Time of the search.
    """

    ic: float
    planted: tuple[str, ...]
    share: float
    share_of_best: float
    expected: float
    expected_low: float
    expected_high: float
    validation: float
    evaluations: int
    seconds: float


def default_plants(panel: Panel) -> tuple[str, ...]:
    """Return the first three formulas of `PLANTS` for which a panel has the fields.

    Raises
    ------
    RecipeError
        The panel has the fields for none of them.
    """
    usable = [text for text in PLANTS if set(Formula(text).expression.fields()) <= set(panel.fields)]
    if not usable:
        raise RecipeError(f"{panel.name} lacks the field close, so nothing can be planted; rename a column")
    return tuple(usable[:3])


def power(
    panel: Panel,
    recipe: SearchRecipe | None = None,
    formulas: Sequence[str | Formula | Expression] | None = None,
    strengths: Sequence[float] = STRENGTHS,
    *,
    progress: bool | Callable[[Progress], None] = True,
    told: Callable[[Power], None] | None = None,
) -> list[Power]:
    """Plant formulas at several strengths and measure how much of the effect a search carries to unseen days.

    Parameters
    ----------
    panel : Panel
        The panel.
    recipe : SearchRecipe, optional
        Settings of the task and the search; its data are ignored. Defaults to those of `quarva search`, with
        the target forward_return_1.
    formulas : sequence of str, Formula or Expression, optional
        The formulas to plant, all at once. Defaults to `default_plants`.
    strengths : sequence of float
        Information coefficients of each formula; see `scenarios.plant`.
    progress : bool or callable
        As in `search`.
    told : callable, optional
        Called with each result when its search ends.

    Returns
    -------
    list of Power
        One for each strength, in ascending order.

    Raises
    ------
    QuarvaError
        As in `scenarios.plant`, `Task` and `search`; RecipeError also if no strength is given, and TaskError
        if the task cannot have a set.
    """
    recipe = SearchRecipe() if recipe is None else recipe
    recipe = replace(recipe, target=recipe.target or _TARGET)
    chosen = default_plants(panel) if formulas is None else tuple(formulas)
    if not recipe.set_size:
        raise RecipeError("set_size = 0: the power of a recipe is that of its set; leave set_size out")
    strengths = sorted(dict.fromkeys(strengths))
    if not len(strengths):
        raise RecipeError("no strength is given; name one, such as 0.01")
    found = []
    for ic in strengths:
        planted = plant(panel, chosen, ic, delay=recipe.delay)
        task = task_of(recipe, planted.panel)
        if not can_have_set(task):
            raise TaskError(
                "the power of a recipe is that of its set, and this task cannot have one; use at least 3 "
                "assets and an objective that compares them, such as ic"
            )
        if not task.trades:
            raise TaskError(
                f"a plant changes returns, and {task.target_names[0]} is not one; give a target such as "
                f"{_TARGET}"
            )
        answer = search(task, **recipe.settings_of_search(), progress=progress)
        if answer.set is None and answer.stopped != "interrupted":
            reason = next(
                (note for note in task.notes if note.startswith("there is no set")), "there is no set"
            )
            raise TaskError(f"the power of a recipe is that of its set, and {reason}")
        found.append(_measured(planted, task, answer, float(ic)))
        if told is not None:
            told(found[-1])
        if answer.stopped == "interrupted":
            break
    return found


def _measured(planted: Planted, task: Task, found: Findings, ic: float) -> Power:
    """Result of a search for a plant."""
    nan, own = float("nan"), found.set

    def share_of(function: Set | Finding | None) -> float:
        if function is None:
            return nan
        return share(function.signal(task.panel).to_numpy(), planted.drive, _unseen(task))

    return Power(
        ic, planted.formulas, share_of(own), share_of(found.pool[0] if found.pool else None),
        nan if own is None else own.expected, nan if own is None else own.expected_low,
        nan if own is None else own.expected_high, nan if own is None else own.validation,
        found.evaluations, found.seconds,
    )  # fmt: skip


def _unseen(task: Task) -> np.ndarray:
    """Days after the training part whose returns no training target contains, bool (T,)."""
    assert task.split is not None
    last = int(np.flatnonzero(task.segments == TRAIN)[-1]) + task.split.purged
    return np.arange(len(task.segments)) > last
