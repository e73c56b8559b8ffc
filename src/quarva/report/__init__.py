"""Draws what was found or learned as one HTML page. It must not search or learn, and writes only the page."""

from typing import TYPE_CHECKING

from quarva.report.data import ReportData
from quarva.report.page import render, write

if TYPE_CHECKING:
    from quarva.loop.findings import Findings
    from quarva.networks import Fitted
    from quarva.rl import TradingPolicy
    from quarva.strategies import Strategy
    from quarva.tasks import Task

__all__ = ["ReportData", "build", "render", "write"]


def build(
    task: "Task",
    found: "Findings | Fitted | TradingPolicy",
    strategy: "Strategy | None" = None,
    *,
    run: str = "",
) -> ReportData:
    """The page's data for the findings of a search on `task`, or a network or trader fitted to it.

    `strategy` trades the best formula, or the signal, in place of the task's own rule; `run` names the run on
    the page.

    Raises:
        TaskError, FormulaError: the best formula, or a feature, does not fit the task's panel.
    """
    from quarva.loop.findings import Findings  # brings the engine; a page alone needs none of it

    if isinstance(found, Findings):
        from quarva.report.builder import build as gather

        return gather(task, found, strategy, run=run)
    from quarva.report.learned import assemble  # and torch

    return assemble(task, found, strategy, run=run, test_readings=task.test_readings)
