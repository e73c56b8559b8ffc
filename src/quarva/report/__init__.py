"""Renders a search, a network or a trader as one HTML page. Neither searches nor trains."""

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
    """Build the report of search findings, a network or a trader on `task`.

    Parameters
    ----------
    task : Task
        Task that was searched or fitted.
    found : Findings, Fitted or TradingPolicy
        Result to report.
    strategy : Strategy, optional
        Trading rule for the best formula or the signal. Defaults to the task's own rule.
    run : str
        Name of the run, shown on the page.

    Returns
    -------
    ReportData
        Input of `render` and `write`.

    Raises
    ------
    TaskError, FormulaError
        If the best formula or a feature cannot be evaluated on the task's panel.
    """
    from quarva.loop.findings import Findings  # imports the engine, which rendering alone does not need

    if isinstance(found, Findings):
        from quarva.report.builder import build as build_from_findings

        return build_from_findings(task, found, strategy, run=run)
    from quarva.report.model_builder import assemble  # imports torch

    return assemble(task, found, strategy, run=run, test_readings=task.test_readings)
