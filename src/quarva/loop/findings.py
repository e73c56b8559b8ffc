"""Result of a search."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from quarva.engine import Formula, Program, Set, signals
from quarva.karva.expression import Expression
from quarva.karva.genes import Population
from quarva.loop.archive import Archive
from quarva.loop.incumbents import Incumbents
from quarva.panel import Panel
from quarva.tasks import TRAIN, VALIDATION, Task
from quarva.tasks.coverage import coverage

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Finding", "Findings", "Stopped", "choose_pool", "is_eligible", "validation_scores"]

Stopped = Literal["budget", "seconds", "memory", "solved", "interrupted", "exhausted", "converged"]

_SHOWN = ("expected", "validation", "train", "raw_validation", "raw_train", "coverage", "turnover")
_POOL_SIZE = 10
_MAX_CORRELATION = 0.7  # largest mean daily rank correlation between two signals of the pool
_DAYS = 250  # days on which signals are compared


@dataclass(frozen=True)
class Finding:
    """A formula and its scores.

    Attributes
    ----------
    formula : Formula
        Oriented so that a larger signal means a larger target.
    train, validation : float
        Value of the objective on each part; NaN without a validation part.
    turnover : float
        Mean fraction of the capital that the task's strategy trades per day; NaN for tables and for targets
        that are not returns.
    fitness : float
        Training score minus the parsimony penalty.
    coverage : float
        Fraction of the training and validation cells with a target, after the warm-up, where the formula has
        a value.
    raw_train, raw_validation : float
        Value of the objective for the target without the risk model, oriented as the formula is; NaN without
        a risk model.
    expected, expected_low, expected_high : float
        Forecast of the objective on unseen days, from training alone, with its 80 % interval; see
        `sets.forecast`. NaN without a set.
    """

    formula: Formula
    train: float
    validation: float
    turnover: float
    fitness: float
    coverage: float = float("nan")
    raw_train: float = float("nan")
    raw_validation: float = float("nan")
    expected: float = float("nan")
    expected_low: float = float("nan")
    expected_high: float = float("nan")

    def signal(self, panel: Panel) -> "pd.DataFrame":
        """Compute the signal of the formula on a panel; see `Formula.signal`.

        Parameters
        ----------
        panel : Panel
            The panel of T days and N assets.

        Returns
        -------
        DataFrame, shape (T, N)
            By date and asset. NaN means no opinion.

        Raises
        ------
        FormulaError
            The formula reads a field, group or asset that the panel lacks.
        PanelError
            The argument is not a Panel.
        """
        return self.formula.signal(panel)

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.formula)

    @property
    def gene(self) -> str:
        """The formula in Karva notation (a K-expression)."""
        return self.formula.karva


@dataclass(frozen=True)
class Findings:
    """Result of a search, with its costs.

    Attributes
    ----------
    task : Task
        Task that was searched.
    searcher : str
        Name of the search algorithm.
    seed, budget : int
        Seed, and limit on the number of evaluations.
    pool : list of Finding
        The best formulas by fitness, with pairwise dissimilar signals (see `choose_pool`). Those with a
        forecast are in descending order of it, the others of fitness.
    evaluations : int
        Number of distinct formulas scored.
    proposed, invalid : int
        Number of proposed chromosomes, and of those that break a rule of the language (0 by construction).
    tuning_steps : int
        Number of evaluations that tuned the constants of a formula.
    seconds : float
        Wall time, including earlier sessions of a resumed search.
    seconds_proposing, seconds_scoring : float
        Time spent in the searcher (`ask` and `tell`) and in the engine.
    stopped : str
        Stopping reason.
    history : DataFrame
        One row per batch with the columns batch, evaluations, tuning_steps, proposed, candidates, seconds,
        best (training score of the incumbent), validation (its validation score), best_formula (infix), mean
        (mean fitness of the batch's valid formulas) and distinct_share (fraction of the proposals that were
        new).
    incumbent_log : Incumbents
        Record behind `incumbents`.
    candidates : int
        Number of formulas from which a surrogate selected those to score; 0 without a surrogate. Candidates
        do not count as evaluations.
    archive : tuple of Expression
        The best formulas whose signals differ (see `Archive.diverse`), best first and oriented.
    set : Set or None
        The archive as one function; see `sets.fit_set`. None for a table, with fewer than 3 assets, for an
        objective that trades, and if no set was asked for.
    """

    task: Task = field(repr=False)
    searcher: str
    seed: int
    budget: int
    pool: list[Finding] = field(repr=False)
    evaluations: int
    proposed: int
    invalid: int
    tuning_steps: int
    seconds: float
    seconds_proposing: float
    seconds_scoring: float
    stopped: Stopped
    history: "pd.DataFrame" = field(repr=False)
    incumbent_log: Incumbents = field(repr=False)
    candidates: int = 0
    archive: tuple[Expression, ...] = field(default=(), repr=False)
    set: Set | None = field(default=None, repr=False)

    @property
    def best(self) -> Finding:
        """The first formula of the pool.

        Raises
        ------
        IndexError
            If no valid formula was found.
        """
        return self.pool[0]

    @cached_property
    def incumbents(self) -> "pd.DataFrame":
        """Every formula that became the incumbent, one per row, in the order of evaluation.

        Columns
        -------
        batch : int
            Index of the batch.
        evaluations : int
            Evaluations up to and including the formula, or the last step of tuning its constants.
        candidates : int
            Candidates of the surrogate up to its batch.
        seconds : float
            Time, interpolated by evaluations within the chunk that was scored at once.
        train, validation : float
            Scores; NaN where missing.
        formula : str
            Infix notation.
        exact : bool
            Whether the formula reproduces the target of a table exactly; False on panels.

        Notes
        -----
        The rows are the same as if formulas were scored one at a time. Except for `seconds` they do not
        depend on the number of threads or on the division of batches into chunks.
        """
        return self.incumbent_log.frame()

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.pool)

    def __len__(self) -> int:
        return len(self.pool)

    def __str__(self) -> str:
        shown = [name for name in _SHOWN if any(np.isfinite(getattr(f, name)) for f in self.pool)]
        headings = [name.replace("_", " ") for name in shown]
        rows = [
            "  ".join(
                f"{getattr(f, name):{max(len(heading), 10)}.4g}"
                for name, heading in zip(shown, headings, strict=True)
            )
            + f"  {f.size:4d}  {f.formula.text}"
            for f in self.pool
        ]
        head = "  ".join(f"{heading:>10}" for heading in headings) + f"  {'size':>4}  formula"
        tuned = f", {self.tuning_steps:,} of them tuning steps," if self.tuning_steps else ""
        chosen = f" chosen from {self.candidates:,} candidates" if self.candidates else ""
        end = (
            f"{self.evaluations:,} distinct formulas{tuned}{chosen} in {self.seconds:.1f} s ({self.stopped})"
        )
        if self.set is not None:
            own = self.set
            rows.append(
                f"set of {len(own)} formula{'s' * (len(own) != 1)}: expected {own.expected:.4g} "
                f"({own.expected_low:.4g} to {own.expected_high:.4g}), validation {own.validation:.4g}, "
                f"train {own.train:.4g}"
            )
        return "\n".join([head, *rows, end, *(f"warning: {each}" for each in self.task.warnings)])


def choose_pool(task: Task, archive: Archive) -> list[Finding]:
    """Choose at most 10 of the best formulas with pairwise dissimilar signals.

    Parameters
    ----------
    task : Task
        Task that was searched.
    archive : Archive
        Best formulas by fitness.

    Returns
    -------
    list of Finding
        Best first.

    Notes
    -----
    Formulas are considered in the order of fitness. On panels a formula is skipped if the absolute mean daily
    rank correlation of its signal with that of a chosen formula exceeds 0.7, on at most 250 days of training
    and validation. On tables a formula is skipped if its training score equals that of a chosen one to nine
    digits. Formulas that are not eligible (see `is_eligible`) are skipped unless none is eligible.
    """
    return _choose(task, archive, eligible_only=True) or _choose(task, archive, eligible_only=False)


def _choose(task: Task, archive: Archive, eligible_only: bool) -> list[Finding]:
    chosen: list[Finding] = []
    ranks: list[NDArray[np.float64]] = []
    days = np.flatnonzero((task.segments == TRAIN) | (task.segments == VALIDATION))
    days = days[:: max(1, len(days) // _DAYS)]
    for i in range(len(archive)):
        expression = archive.expression(i)
        program = Program.from_expressions([expression])
        if task.table is None:
            signal = signals(program, task.panel, threads=1)[0]
            ranked = (
                _standard_ranks(signal[days])
                if len(task.panel.assets) > 2
                else _standard_ranks(signal[days].T)
            )
            if any(abs(_mean_product(ranked, other)) > _MAX_CORRELATION for other in ranks):
                continue
        elif any(np.isclose(archive.train[i], each.train, rtol=1e-9, atol=0) for each in chosen):
            continue
        validation = float(validation_scores(task, archive.population[i : i + 1])[0])
        if eligible_only and not is_eligible(task, validation):
            continue
        if task.table is None:
            ranks.append(ranked)
        else:
            signal = signals(program, task.panel, threads=1)[0]
        chosen.append(
            Finding(
                Formula(expression),
                float(archive.train[i]),
                validation,
                _turnover(task, Formula(expression)),
                float(archive.fitness[i]),
                coverage(task, signal, int(program.lookback()[0])),
                *(task.raw_scores(program, threads=1)[0].tolist() if task.exposures else ()),
            )
        )
        if len(chosen) == _POOL_SIZE:
            break
    return chosen


def validation_scores(task: Task, population: Population) -> NDArray[np.float64]:
    """Validation score of each formula, float64 [P]; NaN without a validation part."""
    if not task.has_validation:
        return np.full(len(population), np.nan)
    return task.score(population, threads=1).validation


def is_eligible(task: Task, validation: float) -> bool:
    """Whether a formula with this validation score may become the incumbent.

    Scores treat missing values as neutral. A formula with too few values in the validation part
    (`tasks.COVERAGE`; on a table, fewer than all rows) has no validation score. It could not be used there
    and is therefore not eligible. Without a validation part every formula is eligible.
    """
    return bool(np.isfinite(validation)) or not task.has_validation


def _standard_ranks(rows: NDArray) -> NDArray[np.float64]:
    """Ranks along each row, normalised to mean 0 and length 1; NaN cells become 0."""
    from scipy.stats import rankdata

    finite = np.isfinite(rows)
    ranked = np.where(finite, rankdata(np.where(finite, rows, np.inf), axis=1), 0.0)
    mean = ranked.sum(axis=1, keepdims=True) / np.maximum(finite.sum(axis=1, keepdims=True), 1)
    ranked = np.where(finite, ranked - mean, 0.0)
    length = np.sqrt((ranked**2).sum(axis=1, keepdims=True))
    return ranked / np.where(length > 0, length, 1.0)


def _mean_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    counted = ((a != 0).any(axis=1) & (b != 0).any(axis=1)).sum()
    return float((a * b).sum() / max(counted, 1))


def _turnover(task: Task, formula: Formula) -> float:
    if not task.trades or "close" not in task.panel.fields:
        return float("nan")
    days = (task.earned_segments == TRAIN) | (task.earned_segments == VALIDATION)
    return float(task.strategy(formula).run(task.panel).part(days).mean_turnover)
