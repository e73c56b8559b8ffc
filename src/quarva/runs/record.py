"""Findings in a run folder, and as plain data: what findings.json holds and `quarva search --json` prints."""

from typing import Any

from quarva.__version__ import __version__
from quarva.loop.findings import Finding, Findings
from quarva.runs.run_folder import FINDINGS_VERSION, RunFolder
from quarva.runs.signals import signals_table
from quarva.tasks import Task

__all__ = ["findings_record", "keep"]


def keep(found: Findings, folder: RunFolder, *, read_test: bool = False) -> dict[str, Any]:
    """Write findings.json and the tables of signals, history and incumbents; returns the record.

    `read_test` reads the sealed test for the best formula. RunError where the folder can not be written.
    """
    import polars as pl

    record = findings_record(found, str(folder.path))
    if read_test and found.pool:
        record["best"]["test"] = found.task.read_test(found.best.formula)
    # What was once read stays read, however often the run is resumed.
    record["test_readings"] = found.task.test_readings + folder.test_readings()
    folder.write_findings(record)
    names = [f"f{place}" for place in range(len(found.pool))]
    data = found.task.table or found.task.panel
    expressions = [each.formula.expression for each in found.pool]
    folder.write_table("signals.parquet", signals_table(names, expressions, data))
    folder.write_table("history.parquet", pl.from_pandas(found.history))
    folder.write_table("incumbents.parquet", pl.from_pandas(found.incumbents))
    return record


def findings_record(found: Findings, run: str) -> dict[str, Any]:
    """Everything that a run found, with what was asked; figures that do not exist are NaN.

    `best` is None where no valid formula was found. `run` names the run's folder.
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
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "formula": found.formula.text,
        "gene": found.gene,
        "size": found.size,
        "train": found.train,
        "validation": found.validation,
        "turnover": found.turnover,
        "coverage": found.coverage,
        "fitness": found.fitness,
        "latex": found.formula.latex,
        "qlib": found.formula.qlib,
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
