"""Reads the folder of a run back: what its page shows, without the search being run again."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarva.errors import RunError
from quarva.karva.notation import parse
from quarva.report.builder import SearchResult, assemble, search_progress
from quarva.report.data import Progress, ReportData, Row, SearchFacts
from quarva.runs.from_recipe import data_of, task_of
from quarva.runs.run_folder import RunFolder
from quarva.tasks import Task

if TYPE_CHECKING:
    import polars

__all__ = ["from_run_folder"]

NAN = float("nan")
NETWORK = "network.json"  # in the folder of a fit


def from_run_folder(path: str | os.PathLike[str]) -> ReportData:
    """The page's data for the run in the folder `path`; its panel is read again from where the recipe says.

    Raises:
        RunError: no run folder, one of another version, a damaged one, or data that changed since the run.
        RecipeError, PanelError, TaskError: the recipe, its data or its question can not be used.
    """
    folder = RunFolder.open(path)
    recipe, record = folder.recipe(), folder.findings()
    task = task_of(recipe, data_of(recipe))
    is_fit = (folder.path / NETWORK).exists()
    try:
        _check_data(task, record, folder.path)
        made = _facts(record) if is_fit else _found(task, record, folder.path)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{folder.path / 'findings.json'} is damaged ({type(error).__name__}: {error})"
        again = "fit" if is_fit else "run"
        raise RunError(f"{what}: --resume the {again} to write it anew") from None
    data = assemble(task, made) if isinstance(made, SearchResult) else _fit(task, made, folder.path)
    if task.table is None:
        return data
    return replace(data, question=replace(data.question, target=recipe.target_column))


def _facts(record: dict[str, Any]) -> dict[str, Any]:
    """What a page says of a network beside what its own file holds."""
    test = record["best"].get("test")
    return {
        "held_out": bool(record["kept_out"]), "test": NAN if test is None else float(test),
        "test_readings": int(record["test_readings"]),
    }  # fmt: skip


def _fit(task: Task, facts: dict[str, Any], path: Path) -> ReportData:
    from quarva.networks import Fitted  # brings torch, which a formula's page needs not
    from quarva.report import model_builder

    table = _table(path / "history.parquet", ["epoch", "train", "stopping"], "fit")
    history = None if table is None else table.to_pandas()
    return model_builder.assemble(task, Fitted.load(path), run=path.name, history=history, **facts)


def _check_data(task: Task, record: dict[str, Any], path: Path) -> None:
    then, now = record["panel"]["fingerprint"], task.panel.fingerprint()
    if then != now:
        raise RunError(
            f"{path}: the data {task.panel.name} changed since the run (fingerprint {then[:12]}, now "
            f"{now[:12]}); bring the old data back, or search again"
        )


def _found(task: Task, record: dict[str, Any], path: Path) -> SearchResult:
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
        run=path.name,
        version=str(record["quarva"]),
    )
    pool = tuple(_row(entry) for entry in record["pool"])
    best, readings = record["best"], int(record.get("test_readings", 0))
    if best is None:
        return SearchResult(None, pool, facts, _history(task, path), readings)
    pool = (_row(best), *pool[1:])  # the reading of the test is kept with the best
    expression = parse(
        best["formula"], fields=task.panel.fields, groups=tuple(task.panel.groups), assets=task.panel.assets
    )
    return SearchResult(expression, pool, facts, _history(task, path), readings)


def _row(entry: dict[str, Any]) -> Row:
    def figure(key: str) -> float:
        return NAN if entry.get(key) is None else float(entry[key])

    text, size = str(entry["formula"]), int(entry["size"])
    return Row(
        text, figure("train"), figure("validation"), figure("turnover"), size, figure("test"),
        figure("coverage"),
    )  # fmt: skip


def _history(task: Task, path: Path) -> Progress | None:
    incumbents = _table(path / "incumbents.parquet", ["evaluations", "train"], "run")
    history = _table(path / "history.parquet", ["evaluations", "mean"], "run")
    if incumbents is None or history is None:
        return None
    return search_progress(task, incumbents, history)


def _table(file: Path, columns: list[str], what: str) -> "polars.DataFrame | None":
    """None where the file is not there: a page without its last figure is better than none."""
    import polars as pl

    if not file.exists():
        return None
    try:
        return pl.read_parquet(file, columns=columns)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RunError(
            f"{file} is damaged ({str(error).splitlines()[0]}): --resume the {what} to write it anew"
        ) from None
