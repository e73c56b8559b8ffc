"""Fitting a set: members and weights from candidate formulas, on the training part of a task."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.whole import whole
from quarva.engine import Formula, Program, Set
from quarva.errors import TaskError
from quarva.karva.expression import Expression
from quarva.karva.notation import expression_of
from quarva.loop.archive import oriented
from quarva.sets.forecast import DAYS, Forecasts, forecast
from quarva.sets.ridge import fit_ridge
from quarva.sets.spike_and_slab import DRAWS, draw_weights, sample_posterior
from quarva.sets.sufficient_statistics import SufficientStatistics, measure
from quarva.tasks import VALIDATION, Task, attach_signals, check_task

__all__ = ["WEIGHTS", "Fit", "Weights", "can_have_set", "fit", "fit_set"]

Weights = Literal["spike_and_slab", "ridge", "equal"]
WEIGHTS: tuple[Weights, ...] = ("spike_and_slab", "ridge", "equal")

_USUAL_MEMBERS = 10.0  # prior expectation of the number of members
_SAME = 0.98  # absolute correlation in training above which two signals count as one
_NEGLIGIBLE = 0.01  # omitted members have at most this share of the variance of the set's signal

Floats = NDArray[np.float64]


def fit_set(
    task: Task,
    formulas: Iterable[Any],
    weights: Weights = "spike_and_slab",
    *,
    prior: NDArray[np.floating] | None = None,
    most: int = 400,
    seed: int = 0,
    threads: int | None = None,
) -> Set:
    """Fit a set to the training part of a task.

    Parameters
    ----------
    task : Task
        A task on a panel with at least 3 assets.
    formulas : iterable of str, Formula, Expression or Finding
        The candidates.
    weights : {"spike_and_slab", "ridge", "equal"}, default "spike_and_slab"
        How members are weighted. "spike_and_slab": posterior means, see `sets.spike_and_slab`. "ridge": ridge
        regression, with a penalty chosen by cross-validation on contiguous folds of the training part.
        "equal": ±1, the sign of each formula's own correlation with the target.
    prior : ndarray of float, shape (number of formulas,), optional
        Prior probability that a formula is a member, from 0 to 1, for "spike_and_slab". Defaults to an
        expectation of ten members among the candidates.
    most : int, default 400
        Maximum number of candidates to fit. Those with the best training scores are used.
    seed : int, default 0
        Seed of the Gibbs sampler.
    threads : int, optional
        Maximum number of threads. Defaults to one per core. The result does not depend on it.

    Returns
    -------
    Set
        Members in descending order of weight, with their scores and a forecast. A formula with a negative
        weight is replaced by its negative. Members that hardly change the signal are left out. Of formulas
        whose signals are nearly the same up to their sign, only the one with the best training score can be a
        member.

    Raises
    ------
    TaskError
        The task cannot have a set (see `can_have_set`), no formula has a training score, the training part is
        too short, or `weights`, `prior` or `formulas` is not valid.
    RecipeError
        `most` or `seed` is not a whole number or is out of range.
    FormulaError
        A formula cannot be parsed, or reads something that the panel lacks.
    """
    return fit(task, formulas, weights, prior=prior, most=most, seed=seed, threads=threads).set


class Fit(NamedTuple):
    """A set, and forecasts of all candidates.

    Attributes
    ----------
    set : Set
        The set.
    forecasts : Forecasts
        For each candidate, oriented as it scores in training, in the order given. NaN for those that were not
        fitted.
    """

    set: Set
    forecasts: Forecasts


def fit(
    task: Task,
    formulas: Iterable[Any],
    weights: Weights = "spike_and_slab",
    *,
    prior: NDArray[np.floating] | None = None,
    most: int = 400,
    seed: int = 0,
    threads: int | None = None,
) -> Fit:
    """Fit a set and forecast the candidates; see `fit_set`."""
    check_task(task, "fit_set")
    most, seed = whole("most", most), whole("seed", seed, 0)
    if weights not in WEIGHTS:
        raise TaskError(f"unknown weights '{weights}'; choose one of {', '.join(WEIGHTS)}")
    if not can_have_set(task):
        raise TaskError(
            "a set needs a panel with at least 3 assets and an objective that compares assets, such as ic; "
            "use a single formula"
        )
    panel = task.panel
    if isinstance(formulas, str | Formula | Expression):
        formulas = [formulas]
    if not isinstance(formulas, Iterable):
        raise TaskError(f"formulas must be a sequence of formulas, not {formulas!r}")
    trees = [expression_of(each, panel.fields, panel.groups, panel.assets) for each in formulas]
    chances = _chances(prior, len(trees))
    chosen, train = _scored(task, trees, most, threads)
    if not len(chosen):
        raise TaskError("no formula has a training score; give others, or a panel with fewer missing values")
    measured = measure(task, [trees[k] for k in chosen], threads=threads)
    kept = _distinct(measured.whole[0])
    statistics, prior_of_kept = _part(measured, kept), chances[chosen[kept]]
    values = _weights(statistics, weights, prior_of_kept, seed)
    members = _members(values, statistics.whole[0])
    signs = np.where(values[members] >= 0, 1, -1)
    expressions = [
        oriented(trees[k], int(sign)) for k, sign in zip(chosen[kept[members]], signs, strict=True)
    ]
    own = Set([Formula(each) for each in expressions], np.abs(values[members]))
    draws = np.zeros((DRAWS, len(chosen)))
    draws[:, kept] = draw_weights(*statistics.whole, statistics.noise, prior_of_kept, seed)
    weights_of_set = np.zeros(len(chosen))
    weights_of_set[kept[members]] = values[members]
    figures = _forecasts(task, measured, weights_of_set, draws, seed) * _unit(measured, train)
    told = np.full((3, len(trees)), np.nan)
    told[:, chosen] = figures[:, 1:]
    return Fit(_with_scores(task, own, figures[:, 0], threads), Forecasts(*told))


def _forecasts(
    task: Task, statistics: SufficientStatistics, weights: Floats, draws: Floats, seed: int
) -> Floats:
    """Forecasts of the set and of each formula, oriented as it scores in training, float64 [3, 1 + K]."""
    signs = np.where(statistics.whole[1] < 0, -1.0, 1.0)
    loadings = np.concatenate([weights[None], np.diag(signs)])
    days = int(np.count_nonzero(task.segments == VALIDATION)) or DAYS
    return np.stack(forecast(statistics, loadings, draws, days, task.horizon, seed))


def _unit(statistics: SufficientStatistics, train: Floats) -> float:
    """Value of the task's objective per unit of the information coefficient of the standardised signals."""
    gram, product = statistics.whole
    length = np.sqrt(np.diag(gram) * statistics.cells)
    own = np.abs(product) / np.where(length > 0, length, np.inf)
    return float(np.median(train[own > 0] / own[own > 0])) if (own > 0).any() else 1.0


def _with_scores(task: Task, own: Set, forecast: Floats, threads: int | None) -> Set:
    """Return the same set with its scores on the task and its forecast."""
    signal = own.signal(task.panel).to_numpy()[None]
    extended, formulas = attach_signals(task, signal, min(own.lookback(), task.panel.shape[0]))
    scores = extended.score(formulas, threads)
    sign = int(scores.sign[0])
    raw = extended.raw_scores(formulas, threads)[0] if task.exposures else (np.nan, np.nan)
    return Set(
        own.members,
        own.weights,
        sign * float(scores.train[0]),
        sign * float(scores.validation[0]),
        *map(float, raw),
        *map(float, forecast),
    )


def can_have_set(task: Task) -> bool:
    """True if a set can be fitted: a panel of at least 3 assets, and ic, rank_ic, icir or rank_icir."""
    objective = task.objective
    compares = objective.positions is None and objective.statistic in ("ic", "rank_ic")
    return task.table is None and len(task.panel.assets) >= 3 and compares


def _chances(prior: NDArray[np.floating] | None, count: int) -> Floats:
    """Prior probability of each formula. Raises TaskError if the shape or a value is not valid."""
    if prior is None:
        return np.full(count, min(_USUAL_MEMBERS / max(count, 1), 1.0))
    chances = np.asarray(prior)
    if chances.shape != (count,):
        raise TaskError(f"prior has shape {chances.shape}, but there are {count} formulas; give one for each")
    if chances.dtype.kind not in "fiu" or not ((chances >= 0) & (chances <= 1)).all():
        raise TaskError("prior must be probabilities from 0 to 1")
    return chances.astype(np.float64)


def _scored(
    task: Task, trees: list[Expression], most: int, threads: int | None
) -> tuple[NDArray[np.int64], Floats]:
    """Indices and training scores of at most `most` formulas that have one, best first."""
    if not trees:
        return np.empty(0, np.int64), np.empty(0)
    scores = task.score(Program.from_expressions(trees), threads, validation=False)
    order = np.argsort(-scores.fitness, kind="stable")
    chosen = order[np.isfinite(scores.fitness[order])][:most]
    return chosen, scores.train[chosen]


def _distinct(gram: Floats) -> NDArray[np.int64]:
    """Indices of the signals that vary and are not nearly equal to an earlier one, up to the sign."""
    length = np.sqrt(np.diag(gram))
    kept: list[int] = []
    for k in np.flatnonzero(length > 0):
        alike = np.abs(gram[k, kept]) / (length[k] * length[kept])
        if not (alike > _SAME).any():
            kept.append(int(k))
    return np.array(kept, np.int64)


def _part(statistics: SufficientStatistics, kept: NDArray[np.int64]) -> SufficientStatistics:
    gram, product = statistics.gram[:, kept][:, :, kept], statistics.product[:, kept]
    return replace(statistics, gram=gram, product=product, daily=statistics.daily[kept])


def _weights(statistics: SufficientStatistics, kind: Weights, prior: Floats, seed: int) -> Floats:
    gram, product = statistics.whole
    if kind == "ridge":
        return fit_ridge(statistics).weights
    if kind == "equal":
        return np.sign(product)
    return sample_posterior(gram, product, statistics.noise, prior, seed).mean


def _members(weights: Floats, gram: Floats) -> NDArray[np.int64]:
    """Indices in descending order of |weight|, without those that hardly change the signal."""
    order = np.argsort(-np.abs(weights), kind="stable")
    total = weights @ gram @ weights
    rest = weights.copy()
    for count, k in enumerate(order, 1):
        rest[k] = 0.0
        if rest @ gram @ rest <= _NEGLIGIBLE * total:
            return order[:count]
    return order
