"""Builds the pages of runs from records and tables, which are in memory or were read from a folder."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from quarva.karva.notation import parse
from quarva.report.builder import SearchResult, assemble, search_progress
from quarva.report.data import ReportData, Row, SearchFacts, SetFacts
from quarva.runs.recipe import Recipe
from quarva.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

    from quarva.networks import Fitted

__all__ = ["fit_page", "search_page"]

NAN = float("nan")


def search_page(
    task: Task,
    recipe: Recipe,
    record: Mapping[str, Any],
    incumbents: Mapping[str, Any] | None,
    history: Mapping[str, Any] | None,
    run: str,
) -> ReportData:
    """Build the page of a search.

    Parameters
    ----------
    task : Task
        The task.
    recipe : Recipe
        The recipe, which has the name of the target column of a table.
    record : mapping
        Content of findings.json; see `record.findings_record`.
    incumbents, history : mapping of column name to array, or None
        Tables of the run. Without them, the page does not show the progress of the search.
    run : str
        Name of the run, shown on the page.

    Returns
    -------
    ReportData

    Raises
    ------
    KeyError, TypeError, ValueError
        The record is incomplete.
    """
    pool = tuple(_row(entry) for entry in record["pool"])
    best = record["best"]
    expression = None
    if best is not None:
        pool = (_row(best), *pool[1:])  # `best` also has the score on the sealed test
        panel = task.panel
        expression = parse(
            best["formula"], fields=panel.fields, groups=tuple(panel.groups), assets=panel.assets
        )
    facts = SearchFacts(
        str(record["searcher"]),
        int(record["seed"]),
        int(record["evaluations"]),
        float(record["seconds"]),
        budget=int(record["budget"]),
        proposed=int(record["proposed"]),
        invalid=int(record["invalid"]),
        candidates=int(record.get("candidates", 0)),
        stopped=str(record["stopped"]),
        run=run,
        version=str(record["quarva"]),
        set=_about_set(record.get("set")),
    )
    # The search itself adds notes, which are not there if the page is written again.
    task.notes += [note for note in record.get("notes", ()) if note not in task.notes]
    course = None if incumbents is None or history is None else search_progress(task, incumbents, history)
    readings = int(record.get("test_readings", 0))
    return _named(assemble(task, SearchResult(expression, pool, facts, course, readings)), task, recipe)


def fit_page(
    task: Task,
    recipe: Recipe,
    record: Mapping[str, Any],
    fitted: "Fitted",
    history: "pd.DataFrame | None",
    run: str,
) -> ReportData:
    """Build the page of a fitted network; other arguments and errors are those of `search_page`."""
    from quarva.report import model_builder  # loads torch, which the page of a formula does not need

    test = record["best"].get("test")
    data = model_builder.assemble(
        task,
        fitted,
        run=run,
        history=history,
        held_out=bool(record["kept_out"]),
        test=NAN if test is None else float(test),
        test_readings=int(record["test_readings"]),
    )
    return _named(data, task, recipe)


def _named(data: ReportData, task: Task, recipe: Recipe) -> ReportData:
    """Set the name of a table's target column, which is not part of the task."""
    if task.table is None:
        return data
    return replace(data, question=replace(data.question, target=recipe.target_column))


def _about_set(entry: Mapping[str, Any] | None) -> SetFacts | None:
    if entry is None:
        return None
    names = (each.name for each in fields(SetFacts) if each.name != "members")
    return SetFacts(int(entry["members"]), **{name: _figure(entry, name) for name in names})


def _row(entry: Mapping[str, Any]) -> Row:
    names = (each.name for each in fields(Row) if each.name not in ("formula", "size"))
    figures = {name: _figure(entry, name) for name in names}
    return Row(str(entry["formula"]), size=int(entry["size"]), **figures)


def _figure(entry: Mapping[str, Any], name: str) -> float:
    return NAN if entry.get(name) is None else float(entry[name])
