"""Builds the data of a report page from a task and the result of a search."""

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from quarva import engine
from quarva.__version__ import __version__
from quarva.karva.expression import Expression
from quarva.report import diagnostics
from quarva.report.data import Question, ReportData, Row, SearchFacts, SearchProgress, Segment, SetFacts
from quarva.report.formula import best_formula
from quarva.tasks import Task
from quarva.tasks.split import PARTS

if TYPE_CHECKING:
    from quarva.loop.findings import Findings
    from quarva.strategies import Strategy

__all__ = ["SearchResult", "add_diagnostics", "assemble", "build", "describe_question", "search_progress"]


@dataclass(frozen=True)
class SearchResult:
    """Result of a search, in memory or read from a run folder.

    Attributes
    ----------
    best : Expression or None
        Best formula; None if no formula had a score.
    pool : tuple of Row
        Rows of the findings table, best first.
    search : SearchFacts
        Budget, seed, duration and counts.
    progress : SearchProgress, optional
        Scores against evaluations.
    test_readings : int
        How often the sealed test was read.
    """

    best: Expression | None
    pool: tuple[Row, ...]
    search: SearchFacts
    progress: SearchProgress | None = None
    test_readings: int = 0


def build(
    task: Task, findings: "Findings", strategy: "Strategy | None" = None, *, run: str = ""
) -> ReportData:
    """Build the report of a search on `task`.

    Parameters
    ----------
    task : Task
        Task that was searched.
    findings : Findings
        Result of the search.
    strategy : Strategy, optional
        Trading rule for the best formula. Defaults to the task's own rule.
    run : str
        Name of the run, shown on the page.

    Raises
    ------
    TaskError, FormulaError
        If the best formula cannot be evaluated on the task's panel.
    """
    pool = tuple(
        Row(
            f.formula.text,
            f.train,
            f.validation,
            f.turnover,
            f.size,
            coverage=f.coverage,
            raw_train=f.raw_train,
            raw_validation=f.raw_validation,
            expected=f.expected,
            expected_low=f.expected_low,
            expected_high=f.expected_high,
        )
        for f in findings.pool
    )
    facts = SearchFacts(
        findings.searcher,
        findings.seed,
        findings.evaluations,
        findings.seconds,
        budget=findings.budget,
        proposed=findings.proposed,
        invalid=findings.invalid,
        candidates=findings.candidates,
        stopped=findings.stopped,
        run=run,
        version=__version__,
        set=_about_set(findings.set),
    )
    best = findings.pool[0].formula.expression if findings.pool else None
    progress = search_progress(task, findings.incumbents, findings.history)
    return assemble(task, SearchResult(best, pool, facts, progress, task.test_readings), strategy)


def _about_set(own: engine.Set | None) -> SetFacts | None:
    """Facts about a set."""
    if own is None:
        return None
    figures = {each.name: getattr(own, each.name) for each in fields(SetFacts) if each.name != "members"}
    return SetFacts(len(own), **figures)


def assemble(task: Task, result: SearchResult, strategy: "Strategy | None" = None) -> ReportData:
    """Build the report of `result` on `task`, with `strategy` in place of the task's own rule if given.

    Raises
    ------
    TaskError, FormulaError
        If the best formula cannot be evaluated on the task's panel.
    """
    question = replace(describe_question(task, test_readings=result.test_readings), warnings=task.warnings)
    data = ReportData(question, result.search, result.pool, progress=result.progress)
    if result.best is None:
        return data
    sign = int(task.score([result.best]).sign[0])
    data = replace(data, best=best_formula(result.best, sign))
    return add_diagnostics(data, task, result.best, sign, strategy)


def add_diagnostics(
    data: ReportData, task: Task, best: Expression, sign: int, strategy: "Strategy | None" = None
) -> ReportData:
    """Add the diagnostics of `sign * best`: IC, quantiles, decay and trading, or the fit of a table."""
    program = engine.Program.from_expressions([best])
    signal = engine.signals(program, task.panel)[0] * np.float32(sign)
    if task.panel.universe is not None:
        signal = np.where(task.panel.universe, signal, np.float32(np.nan))
    if task.table is not None:
        return replace(data, fit=diagnostics.fit(task, signal))
    rule = task.strategy(signal) if strategy is None else replace(strategy, function=signal)
    traded = diagnostics.trading(task, rule) if task.trades else None
    lookback = int(program.lookback()[0]) + task.signal_lookback
    return replace(
        data,
        information=diagnostics.information(task, signal, lookback),
        quantiles=diagnostics.quantiles(task, signal),
        decay=diagnostics.decay(task, best, sign),
        trading=None if traded is None else traded[0],
        performance={} if traded is None else traded[1],
        strategy=diagnostics.describe_positions(rule) if task.trades else "",
    )


def describe_question(task: Task, *, test_readings: int = 0) -> Question:
    """Convert the task to plain data; `test_readings` counts readings of the sealed test."""
    panel, split = task.panel, task.split
    description = task.describe()
    notes = [note for note in task.notes if not note.startswith("delay 0")]
    if panel.reading is not None:
        notes.append(f"{panel.name} was read as {panel.reading}")
    return Question(
        kind=diagnostics.kind_of(task),
        panel=panel.name,
        assets=len(panel.assets),
        size=len(panel.dates) if task.table is None else task.table.rows,
        fields=task.fields,
        target=description["target"],
        objective=description["objective"],
        horizon=diagnostics.horizon_of(task),
        delay=task.delay,
        overlap=task.horizon,
        target_label=task.target_description,
        trades=task.trades,
        sign_free=task.objective.sign_free,
        segments=_segments(task, test_readings),
        purged=0 if split is None else split.purged,
        embargo=0 if split is None else split.embargo,
        cost_bps=task.cost_bps,
        periods_per_year=task.periods_per_year,
        delisting_return=task.delisting_return,
        exposures=task.exposures,
        parsimony=task.parsimony,
        meaning=task.objective.meaning,
        notes=tuple(notes),
    )


def _segments(task: Task, readings: int) -> tuple[Segment, ...]:
    if task.table is not None:
        sizes = [int(np.isfinite(target).sum()) for target in task.targets]
        whole = np.isfinite(task.table.target) & np.isfinite(task.panel.values).all(axis=0)
        sealed = int(whole.sum()) - sum(sizes)
        parts = [Segment(name, None, None, size) for name, size in zip(PARTS, sizes, strict=False)]
        return (*parts, Segment("test", None, None, sealed, readings)) if sealed else tuple(parts)
    assert task.split is not None  # only tables may have no split
    segments = []
    for code, (name, (first, last)) in enumerate(task.split.spans.items()):
        size = int((task.segments == code).sum())
        span = date.fromisoformat(first[:10]), date.fromisoformat(last[:10])
        segments.append(Segment(name, *span, size, readings if name == "test" else None))
    return tuple(segments)


def search_progress(task: Task, incumbents: Any, history: Any) -> SearchProgress | None:
    """Training scores of a search against evaluations; None if no formula had a score.

    Parameters
    ----------
    task : Task
        Task that was searched.
    incumbents, history : mapping of column name to array
        `Findings.incumbents` (columns evaluations, train) and `Findings.history` (columns evaluations, mean).
        Batch means are of fitness; their sign is flipped for objectives that are minimised.
    """
    sign = -1.0 if task.objective.minimised else 1.0
    if not len(incumbents["evaluations"]):
        return None
    return SearchProgress(
        np.asarray(incumbents["evaluations"], np.int64),
        np.asarray(incumbents["train"], np.float64),
        np.asarray(history["evaluations"], np.int64),
        sign * np.asarray(history["mean"], np.float64),
    )
