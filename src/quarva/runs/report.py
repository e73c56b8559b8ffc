"""Rebuilds the page of a run from its folder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarva.errors import RunError
from quarva.report.data import ReportData
from quarva.runs.from_recipe import data_of, task_of
from quarva.runs.pages import fit_page, search_page
from quarva.runs.run_folder import RunFolder
from quarva.tasks import Task

if TYPE_CHECKING:
    import polars

__all__ = ["from_run_folder", "read_sealed_test"]


def from_run_folder(path: str | os.PathLike[str]) -> ReportData:
    """Build the data of the page of a run; the panel is read again from the path in the recipe.

    Parameters
    ----------
    path : path-like
        The folder of a search or a fit.

    Raises
    ------
    RunError
        The folder is not that of a search or a fit, is damaged, or has another version, or the data have
        changed since the run.
    RecipeError, PanelError, TaskError
        The recipe or its data cannot be read, or the task is invalid.
    """
    folder = RunFolder.open(path)
    if folder.kind == "compare":
        raise RunError(
            f"{path} is the folder of a comparison; name one of its runs, such as {path}/runs/gep-0"
        )
    recipe, record = folder.recipe(), folder.findings()
    task = task_of(recipe, data_of(recipe))
    is_fit = folder.kind == "fit"
    try:
        _check_data(task, record, folder.path)
        name = folder.path.name
        if not is_fit:
            return search_page(task, recipe, record, *_course(folder.path), name)
        from quarva.networks import Fitted

        return fit_page(task, recipe, record, Fitted.load(folder.path), _losses(folder.path), name)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{folder.path / 'findings.json'} is damaged ({type(error).__name__}: {error})"
        raise RunError(f"{what}; --resume the {'fit' if is_fit else 'run'} to write it again") from None


def read_sealed_test(folder: RunFolder) -> None:
    """Score the best formula, or the network, on the sealed test, and count the reading in findings.json.

    Raises
    ------
    RunError
        No formula was found, or the data have changed since the run.
    """
    from quarva.runs.from_recipe import task_again

    record = folder.findings()
    if record["best"] is None:
        raise RunError(f"{folder.path}: the run found no formula, so the test cannot be read; search again")
    task = task_again(folder.recipe(), folder.path, "the run")
    if folder.kind == "fit":
        from quarva.networks import Fitted
        from quarva.tasks import attach_signals

        fitted = Fitted.load(folder.path)
        lent, (reader,) = attach_signals(task, fitted.values(task.panel)[None], fitted.inputs.lookback)
        record["best"]["test"] = lent.read_test(reader)
    else:
        from quarva.engine import Formula

        record["best"]["test"] = task.read_test(Formula.parse(record["best"]["formula"], panel=task.panel))
        record["pool"][0]["test"] = record["best"]["test"]
    record["test_readings"] = folder.test_readings() + task.test_readings
    folder.write_findings(record)


def _check_data(task: Task, record: dict[str, Any], path: Path) -> None:
    then, now = record["panel"]["fingerprint"], task.panel.fingerprint()
    if then != now:
        raise RunError(
            f"{path}: the data {task.panel.name} changed since the run (fingerprint {then[:12]}, now "
            f"{now[:12]}); restore the data, or search again"
        )


def _course(path: Path) -> tuple[Any, Any]:
    """Read incumbents and history of a search; None for a missing file."""
    return (
        _table(path / "incumbents.parquet", ["evaluations", "train"], "run"),
        _table(path / "history.parquet", ["evaluations", "mean"], "run"),
    )


def _losses(path: Path) -> Any:
    """Read the training history of a fit; None if the file is missing."""
    table = _table(path / "history.parquet", ["epoch", "train", "stopping"], "fit")
    return None if table is None else table.to_pandas()


def _table(file: Path, columns: list[str], what: str) -> "polars.DataFrame | None":
    """Read a table; None if the file is missing. The page then omits the figure that needs it."""
    import polars as pl

    if not file.exists():
        return None
    try:
        return pl.read_parquet(file, columns=columns)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RunError(
            f"{file} is damaged ({str(error).splitlines()[0]}); --resume the {what} to write it again"
        ) from None
