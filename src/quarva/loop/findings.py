"""What a search found."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from quarva.engine import Formula, Program, signals
from quarva.karva.genes import Population
from quarva.loop.archive import Archive
from quarva.loop.incumbents import Incumbents
from quarva.panel import Panel
from quarva.tasks import TRAIN, VALIDATION, Task
from quarva.tasks.coverage import coverage

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Finding", "Findings", "Stopped", "can_be_judged", "choose_pool", "validation_of"]

Stopped = Literal["budget", "seconds", "memory", "solved", "interrupted", "exhausted"]

_POOL = 10  # formulas that are reported
_ALIKE = 0.7  # mean daily rank correlation from which on two signals are one idea
_DAYS = 250  # days that the comparison of signals looks at


@dataclass(frozen=True)
class Finding:
    """One formula with its figures.

    Attributes:
        formula: turned so that a larger signal means a larger target.
        train, validation: the objective on either part; NaN where there is no validation part.
        turnover: mean share of the capital traded a day by the task's strategy; NaN for a table, and where
            the target is no return.
        fitness: the train figure as the search saw it, parsimony taken off.
        coverage: share of the cells with a target in train and validation, after the warm-up, in which the
            formula has a value.
    """

    formula: Formula
    train: float
    validation: float
    turnover: float
    fitness: float
    coverage: float = float("nan")

    def signal(self, panel: Panel) -> "pd.DataFrame":
        """The formula's signal on a panel, see `Formula.signal`: a finding is a function."""
        return self.formula.signal(panel)

    @property
    def size(self) -> int:
        """Nodes."""
        return len(self.formula)

    @property
    def gene(self) -> str:
        """The formula as a K-expression."""
        return self.formula.karva


@dataclass(frozen=True)
class Findings:
    """What a search found, and what it took.

    Attributes:
        task: the question.
        searcher: name of the way to search.
        seed, budget: as given.
        pool: the best formulas by fitness, best first, no two of them alike (`choose_pool`).
        evaluations: distinct formulas scored. proposed: all that the searcher proposed. invalid: proposed
            chromosomes that break a rule of the language (0 by construction, counted all the same).
        tuning_steps: evaluations that were steps of fitting the constants of a formula.
        seconds: wall time, over all sittings of a resumed search. seconds_proposing: of these, spent by the
            searcher (`ask` and `tell`). seconds_scoring: spent by the engine on fitness.
        stopped: why it ended.
        history: one row a batch: batch, evaluations, tuning_steps, proposed, candidates, seconds, best (train
            figure of the best so far), validation (of the same formula), best_formula (infix), mean (fitness
            of the batch's valid formulas), distinct_share (of what was proposed, the share that was new).
        course: every formula that became the best so far; `incumbents` as the search kept them.
        candidates: formulas that the searcher's surrogate looked at to choose those that were scored; 0 for a
            searcher without one. They are no evaluations.
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
    course: Incumbents = field(repr=False)
    candidates: int = 0

    @property
    def best(self) -> Finding:
        """The formula with the largest fitness in training, of those that say enough in validation.

        Raises:
            IndexError: no valid formula was found.
        """
        return self.pool[0]

    @cached_property
    def incumbents(self) -> "pd.DataFrame":
        """One row for each formula that became the best so far, at its place inside its batch.

        Columns: batch; evaluations up to and including the formula or, where its constants were tuned, its
        last step; candidates up to its batch; seconds, interpolated by evaluations between the ends of the
        piece of the batch that was scored at once; train, validation (the objective's figures, NaN where
        there is none); formula (infix); exact (whether it gives a table's target exactly, False on panels).

        The rows are those that scoring one formula after the other would give. Apart from the seconds they
        depend neither on the number of threads nor on how batches were cut into pieces.
        """
        return self.course.frame()

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.pool)

    def __len__(self) -> int:
        return len(self.pool)

    def __str__(self) -> str:
        traded = any(np.isfinite(f.turnover) for f in self.pool)
        head = f"{'train':>10}  {'validation':>10}  {'coverage':>8}  "
        head += f"{'turnover':>8}  {'size':>4}  formula" if traded else f"{'size':>4}  formula"
        rows = [
            f"{f.train:10.4g}  {f.validation:10.4g}  {f.coverage:8.3g}  "
            + (f"{f.turnover:8.3g}  " if traded else "")
            + f"{f.size:4d}  {f.formula.text}"
            for f in self.pool
        ]
        tuned = f", {self.tuning_steps:,} of them steps of tuning," if self.tuning_steps else ""
        chosen = f" chosen from {self.candidates:,} candidates" if self.candidates else ""
        end = (
            f"{self.evaluations:,} distinct formulas{tuned}{chosen} in {self.seconds:.1f} s ({self.stopped})"
        )
        return "\n".join([head, *rows, end, *(f"warning: {each}" for each in self.task.warnings)])


def choose_pool(task: Task, best: Archive) -> list[Finding]:
    """The best formulas that are not alike, at most 10.

    Going down by fitness, a formula is passed over when the mean daily rank correlation of its signal with
    one already chosen is above 0.7 in absolute value, on at most 250 days spread over train and validation;
    and when it can not be judged, unless none can (`can_be_judged`).
    Tables: one of those with the same figure (to nine digits), which are one function written differently.
    """
    return _choose(task, best, judged=True) or _choose(task, best, judged=False)


def _choose(task: Task, best: Archive, judged: bool) -> list[Finding]:
    chosen: list[Finding] = []
    ranks: list[NDArray[np.float64]] = []
    days = np.flatnonzero((task.segments == TRAIN) | (task.segments == VALIDATION))
    days = days[:: max(1, len(days) // _DAYS)]
    for i in range(len(best)):
        expression = best.expression(i)
        program = Program.from_expressions([expression])
        if task.table is None:
            signal = signals(program, task.panel, threads=1)[0]
            ranked = (
                _standard_ranks(signal[days])
                if len(task.panel.assets) > 2
                else _standard_ranks(signal[days].T)
            )
            if any(abs(_mean_product(ranked, other)) > _ALIKE for other in ranks):
                continue
        elif any(np.isclose(best.train[i], each.train, rtol=1e-9, atol=0) for each in chosen):
            continue
        validation = float(validation_of(task, best.population[i : i + 1])[0])
        if judged and not can_be_judged(task, validation):
            continue
        if task.table is None:
            ranks.append(ranked)
        else:
            signal = signals(program, task.panel, threads=1)[0]
        chosen.append(
            Finding(
                Formula(expression),
                float(best.train[i]),
                validation,
                _turnover(task, Formula(expression)),
                float(best.fitness[i]),
                coverage(task, signal, int(program.lookback()[0])),
            )
        )
        if len(chosen) == _POOL:
            break
    return chosen


def validation_of(task: Task, population: Population) -> NDArray[np.float64]:
    """Validation figures, float64 [P]: while a search scores it walks the days of training alone."""
    if not task.has_validation:
        return np.full(len(population), np.nan)
    return task.score(population, threads=1).validation


def can_be_judged(task: Task, validation: float) -> bool:
    """Whether a formula with this validation figure says enough there, where there is a validation part.

    A missing value counts as no opinion, so that a formula gains nothing by it. But one that has too few
    values in validation (`tasks.COVERAGE`; on a table: not in every row) can neither be judged nor used
    there, and does not lead.
    """
    return bool(np.isfinite(validation)) or not task.has_validation


def _standard_ranks(rows: NDArray) -> NDArray[np.float64]:
    """Ranks along each row with mean 0 and length 1, NaN cells 0."""
    from scipy.stats import rankdata

    there = np.isfinite(rows)
    ranked = np.where(there, rankdata(np.where(there, rows, np.inf), axis=1), 0.0)
    mean = ranked.sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    ranked = np.where(there, ranked - mean, 0.0)
    length = np.sqrt((ranked**2).sum(axis=1, keepdims=True))
    return ranked / np.where(length > 0, length, 1.0)


def _mean_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    counted = ((a != 0).any(axis=1) & (b != 0).any(axis=1)).sum()
    return float((a * b).sum() / max(counted, 1))


def _turnover(task: Task, formula: Formula) -> float:
    if not task.trades or "close" not in task.panel.fields:
        return float("nan")
    seen = (task.earned_segments == TRAIN) | (task.earned_segments == VALIDATION)
    return float(task.strategy(formula).run(task.panel).part(seen).mean_turnover)
