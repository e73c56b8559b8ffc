"""Gathers what a page shows from a task and what a search found on it."""

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from quarva import engine
from quarva.__version__ import __version__
from quarva.karva.expression import Expression
from quarva.report import diagnostics, picture
from quarva.report.data import Progress, Question, ReportData, Row, SearchFacts, Segment
from quarva.tasks import Task
from quarva.tasks.split import PARTS

if TYPE_CHECKING:
    from quarva.loop.findings import Findings
    from quarva.strategies import Strategy

__all__ = ["Found", "assemble", "build", "progress", "question_of", "with_evidence"]


@dataclass(frozen=True)
class Found:
    """What a search found, whatever it was read from.

    best: the best formula, None where none had a score; pool: the rows of the table, best first;
    test_readings: how often the sealed test was read for it.
    """

    best: Expression | None
    pool: tuple[Row, ...]
    search: SearchFacts
    progress: Progress | None = None
    test_readings: int = 0


def build(
    task: Task, findings: "Findings", strategy: "Strategy | None" = None, *, run: str = ""
) -> ReportData:
    """The page's data for the findings of a search on `task`.

    `strategy` trades the best formula in place of the task's own rule; `run` names the run on the page.

    Raises:
        TaskError, FormulaError: the best formula does not fit the task's panel.
    """
    pool = tuple(
        Row(f.formula.text, f.train, f.validation, f.turnover, f.size, coverage=f.coverage)
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
    )
    best = findings.pool[0].formula.expression if findings.pool else None
    course = progress(task, findings.incumbents, findings.history)
    return assemble(task, Found(best, pool, facts, course, task.test_readings), strategy)


def assemble(task: Task, found: Found, strategy: "Strategy | None" = None) -> ReportData:
    """The page's data for `found` on `task`; `strategy` takes the place of the task's own rule.

    Raises:
        TaskError, FormulaError: the formula does not fit the task's panel.
    """
    question = replace(question_of(task, test_readings=found.test_readings), warnings=task.warnings)
    data = ReportData(question, found.search, found.pool, progress=found.progress)
    if found.best is None:
        return data
    sign = int(task.score([found.best]).sign[0])
    shown = replace(data, best=picture.formula(found.best, sign))
    return with_evidence(shown, task, found.best, sign, strategy)


def with_evidence(
    data: ReportData, task: Task, best: Expression, sign: int, strategy: "Strategy | None" = None
) -> ReportData:
    """The data with what speaks for and against a formula, whose signal is taken times `sign`."""
    program = engine.Program.from_expressions([best])
    signal = engine.signals(program, task.panel)[0] * np.float32(sign)
    if task.panel.universe is not None:
        signal = np.where(task.panel.universe, signal, np.float32(np.nan))
    if task.table is not None:
        return replace(data, fit=diagnostics.fit(task, signal))
    rule = task.strategy(signal) if strategy is None else replace(strategy, function=signal)
    earned = diagnostics.trading(task, rule) if task.trades else None
    lookback = int(program.lookback()[0]) + task.looks_back
    return replace(
        data,
        information=diagnostics.information(task, signal, lookback),
        quantiles=diagnostics.quantiles(task, signal),
        decay=diagnostics.decay(task, best, sign),
        trading=None if earned is None else earned[0],
        performance={} if earned is None else earned[1],
        strategy=diagnostics.positions_in_words(rule) if task.trades else "",
    )


def question_of(task: Task, *, test_readings: int = 0) -> Question:
    """The task as plain data; `test_readings` says how often the sealed test was read."""
    panel, split = task.panel, task.split
    said = task.describe()
    notes = [note for note in task.notes if not note.startswith("delay 0")]
    if panel.reading is not None:
        notes.append(f"{panel.name} was read as {panel.reading}")
    return Question(
        kind=diagnostics.kind_of(task),
        panel=panel.name,
        assets=len(panel.assets),
        size=len(panel.dates) if task.table is None else task.table.rows,
        fields=task.fields,
        target=said["target"],
        objective=said["objective"],
        horizon=diagnostics.horizon_of(task),
        delay=task.delay,
        overlap=task.horizon,
        target_words=task.target_words,
        trades=task.trades,
        sign_free=task.objective.sign_free,
        segments=_segments(task, test_readings),
        purged=0 if split is None else split.purged,
        embargo=0 if split is None else split.embargo,
        cost_bps=task.cost_bps,
        periods_per_year=task.periods_per_year,
        delisting_return=task.delisting_return,
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
    assert task.split is not None  # only a table has none
    segments = []
    for code, (name, (first, last)) in enumerate(task.split.spans.items()):
        size = int((task.segments == code).sum())
        span = date.fromisoformat(first[:10]), date.fromisoformat(last[:10])
        segments.append(Segment(name, *span, size, readings if name == "test" else None))
    return tuple(segments)


def progress(task: Task, incumbents: Any, history: Any) -> Progress | None:
    """Return the course of a search as the page draws it; None where no formula had a score.

    Parameters
    ----------
    task : Task
        The question that was searched.
    incumbents, history : mapping of column name to array
        `Findings.incumbents` (evaluations, train) and `Findings.history` (evaluations, mean). The mean of a
        batch is one of fitness, whose sign is turned where less is better.
    """
    turn = -1.0 if task.objective.minimised else 1.0
    if not len(incumbents["evaluations"]):
        return None
    return Progress(
        np.asarray(incumbents["evaluations"], np.int64),
        np.asarray(incumbents["train"], np.float64),
        np.asarray(history["evaluations"], np.int64),
        turn * np.asarray(history["mean"], np.float64),
    )
