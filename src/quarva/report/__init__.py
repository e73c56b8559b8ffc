"""Draws what a search found as one HTML page. It must not know how to search, and writes only the page."""

import os
from typing import TYPE_CHECKING

from quarva.report.data import ReportData
from quarva.report.page import render, write

if TYPE_CHECKING:
    from quarva.search.findings import Findings
    from quarva.strategies import Strategy
    from quarva.tasks import Task

__all__ = ["ReportData", "build", "from_run_folder", "render", "write"]


def build(
    task: "Task", findings: "Findings", strategy: "Strategy | None" = None, *, run: str = ""
) -> ReportData:
    """The page's data for the findings of a search on `task`.

    `strategy` trades the best formula in place of the task's own rule; `run` names the run on the page.

    Raises:
        TaskError, FormulaError: the best formula does not fit the task's panel.
    """
    from quarva.report.gather import build as gather  # brings the engine; a page alone needs none of it

    return gather(task, findings, strategy, run=run)


def from_run_folder(path: str | os.PathLike[str]) -> ReportData:
    """The page's data for the run in the folder `path`; its panel is read again from where the recipe says.

    Raises:
        RunError: no run folder, one of another version, a damaged one, or data that changed since the run.
        RecipeError, PanelError, TaskError: the recipe, its data or its question can not be used.
    """
    from quarva.report.folder import from_run_folder as read

    return read(path)
