"""Writing of results to a run folder: the record in findings.json, the tables and the page."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from quarva import report
from quarva.__version__ import __version__
from quarva.engine import Set
from quarva.engine.set_file import SET_FILE, set_text
from quarva.loop.findings import Finding, Findings
from quarva.runs.pages import fit_page, search_page
from quarva.runs.recipe import FitRecipe, SearchRecipe
from quarva.runs.run_folder import FINDINGS_VERSION, PAGE, RunFolder
from quarva.runs.signals import signals_table
from quarva.tasks import Task

if TYPE_CHECKING:
    from quarva.networks import Fitted

__all__ = ["Kept", "findings_record", "fit_record", "keep_findings", "keep_fitted", "write_fitted"]

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Kept(Generic[Answer]):
    """Result of a run: the findings or the fitted network, its record, and the data of its page."""

    found: Answer
    record: dict[str, Any]
    page: report.ReportData


def keep_findings(
    found: Findings, folder: RunFolder, recipe: SearchRecipe, *, read_test: bool = False
) -> Kept[Findings]:
    """Write the findings of a search: findings.json, the tables and the page.

    Parameters
    ----------
    found : Findings
        The findings.
    folder : RunFolder
        The run folder.
    recipe : SearchRecipe
        The recipe of the run.
    read_test : bool, default False
        Whether to read the sealed test for the best formula.

    Returns
    -------
    Kept

    Raises
    ------
    RunError
        The folder cannot be written.
    """
    import polars as pl

    record = findings_record(found, str(folder.path))
    if read_test and found.pool:
        record["best"]["test"] = found.task.read_test(found.best.formula)
    # Readings of earlier sessions count as well.
    record["test_readings"] = found.task.test_readings + folder.test_readings()
    folder.write_findings(record)
    names = [f"f{place}" for place in range(len(found.pool))]
    data = found.task.table or found.task.panel
    expressions = [each.formula.expression for each in found.pool]
    incumbents, history = found.incumbents, found.history
    table = signals_table(names, expressions, data)
    if found.set is not None:
        folder.write(SET_FILE, set_text(found.set).encode("utf-8"))
        signal = found.set.signal(found.task.panel).to_numpy().reshape(-1)
        table = table.with_columns(pl.Series("set", signal, nan_to_null=True))
    folder.write_table("signals.parquet", table)
    folder.write_table("history.parquet", pl.from_pandas(history))
    folder.write_table("incumbents.parquet", pl.from_pandas(incumbents))
    page = search_page(found.task, recipe, record, incumbents, history, folder.path.name)
    report.write(page, folder.path / PAGE)
    return Kept(found, record, page)


def write_fitted(
    fitted: "Fitted", task: Task, folder: RunFolder, recipe: FitRecipe, **more: Any
) -> dict[str, Any]:
    """Write a fitted network, its history and findings.json.

    Parameters
    ----------
    fitted : Fitted
        The network.
    task : Task
        The task that it was fitted to.
    folder : RunFolder
        The run folder.
    recipe : FitRecipe
        The recipe of the run.
    **more
        Further entries of the record.

    Returns
    -------
    dict
        The record, as written to findings.json.

    Raises
    ------
    RunError
        The folder cannot be written, or a feature is a function, which cannot be stored.
    """
    import polars as pl

    fitted.save(folder.path)
    if fitted.history is not None:
        folder.write_table("history.parquet", pl.from_pandas(fitted.history))
    # Readings of earlier sessions count as well.
    record = fit_record(fitted, task, recipe, str(folder.path)) | {"test_readings": folder.test_readings()}
    record |= more
    folder.write_findings(record)
    return record


def keep_fitted(fitted: "Fitted", task: Task, folder: RunFolder, recipe: FitRecipe) -> "Kept[Fitted]":
    """Write a fitted network, as `write_fitted` does, and its page."""
    record = write_fitted(fitted, task, folder, recipe)
    page = fit_page(task, recipe, record, fitted, fitted.history, folder.path.name)
    report.write(page, folder.path / PAGE)
    return Kept(fitted, record, page)


def fit_record(fitted: "Fitted", task: Task, recipe: FitRecipe, run: str) -> dict[str, Any]:
    """Convert a fitted network to a record of plain data; `run` is the path of its folder."""
    return {
        "version": FINDINGS_VERSION,
        "quarva": __version__,
        "fit": run,
        "panel": _data(task),
        "task": dict(fitted.question),
        "network": fitted.network,
        "members": len(fitted.stack),
        "parameters": fitted.parameters,
        "train": fitted.train,
        "validation": fitted.validation,
        "figure": fitted.encoding.metric,
        "value": fitted.metric,
        "baselines": dict(fitted.baselines),
        "not_better_than": list(fitted.beaten_by),
        "calibration": fitted.calibration,
        "uncertainty": fitted.uncertainty,
        "epochs": 0 if fitted.history is None else len(fitted.history),
        "ended": fitted.ended,
        "notes": list(fitted.notes),
        "kept_out": recipe.holdout != 0,
        "test_readings": 0,
        "best": {"network": fitted.title, "train": fitted.train, "validation": fitted.validation},
    }


def findings_record(found: Findings, run: str) -> dict[str, Any]:
    """Convert findings and settings of a search to a record of plain data; `run` is the path of its folder.

    `best` is None if no valid formula was found. Missing numbers are NaN.
    """
    pool = [_finding(each) for each in found.pool]
    return {
        "version": FINDINGS_VERSION,
        "quarva": __version__,
        "run": run,
        "panel": _data(found.task),
        "task": found.task.describe(),
        "notes": list(found.task.notes),
        "warnings": list(found.task.warnings),
        "searcher": found.searcher,
        "seed": found.seed,
        "budget": found.budget,
        "evaluations": found.evaluations,
        "proposed": found.proposed,
        "invalid": found.invalid,
        "candidates": found.candidates,
        "tuning_steps": found.tuning_steps,
        "seconds": round(found.seconds, 3),
        "seconds_proposing": round(found.seconds_proposing, 3),
        "seconds_scoring": round(found.seconds_scoring, 3),
        "stopped": found.stopped,
        "test_readings": 0,
        "best": pool[0] if pool else None,
        "pool": pool,
        "set": None if found.set is None else _set(found.set),
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "formula": found.formula.text,
        "gene": found.gene,
        "size": found.size,
        "expected": found.expected,
        "expected_low": found.expected_low,
        "expected_high": found.expected_high,
        "validation": found.validation,
        "train": found.train,
        "raw_train": found.raw_train,
        "raw_validation": found.raw_validation,
        "turnover": found.turnover,
        "coverage": found.coverage,
        "fitness": found.fitness,
        "latex": found.formula.latex,
        "qlib": found.formula.qlib,
    }


def _set(found: Set) -> dict[str, Any]:
    return {
        "members": len(found),
        "expected": found.expected,
        "expected_low": found.expected_low,
        "expected_high": found.expected_high,
        "validation": found.validation,
        "train": found.train,
        "raw_train": found.raw_train,
        "raw_validation": found.raw_validation,
        "formulas": [each.text for each in found.members],
        "weights": found.weights.tolist(),
    }


def _data(task: Task) -> dict[str, Any]:
    panel = task.panel
    about: dict[str, Any] = {
        "name": panel.name,
        "fingerprint": panel.fingerprint(),
        "fields": list(panel.fields),
    }
    if panel.reading is not None:
        about["reading"] = panel.reading.as_dict()
    if task.table is not None:
        return about | {"rows": task.table.rows}
    days, assets = panel.shape
    first, last = (str(day.astype("datetime64[D]")) for day in panel.dates[[0, -1]])
    return about | {"days": days, "assets": assets, "first": first, "last": last}
