"""Creates run folders for tasks from Python, with their recipes and data."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from quarva.__version__ import __version__
from quarva.errors import RunError, TaskError
from quarva.panel import Panel, Table, calendar_of, sample_panel
from quarva.runs.from_recipe import risk_of, task_of
from quarva.runs.recipe import Recipe
from quarva.runs.run_folder import DATA, RunFolder
from quarva.runs.signals import write_table
from quarva.tasks import TRAIN, VALIDATION, Task
from quarva.tasks.split import TEST

__all__ = ["make_run_folder"]

AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)


def make_run_folder(
    path: str | os.PathLike[str], task: Task, kind: type[AnyRecipe], asked: dict[str, Any]
) -> tuple[RunFolder, AnyRecipe]:
    """Create a run folder for a task from Python.

    The folder has the recipe and a copy of the data, which `quarva report` and `--resume` read. The sample
    panel is not copied.

    Parameters
    ----------
    path : path-like
        New or empty folder.
    task : Task
        The task.
    kind : type of Recipe
        Class of the recipe.
    asked : dict
        Settings of the recipe, except those of the data and the task.

    Returns
    -------
    folder : RunFolder
        The folder.
    recipe : Recipe
        Its recipe.

    Raises
    ------
    RunError
        The folder cannot be written or is not empty, or a recipe cannot describe the task.
    RecipeError
        A setting is out of range.
    """
    data = task.table or task.panel
    is_sample = isinstance(data, Panel) and _is_sample(data)
    name = DATA["table" if isinstance(data, Table) else "panel"]
    source = {} if is_sample else _source(data, name)
    recipe = kind.of(_question(task) | _borders(task) | asked | source)
    _check(task, recipe, data)
    folder = RunFolder.create(path, recipe)
    try:
        if isinstance(data, Table):
            _write_rows(data, recipe.target_column, folder.path / name)
        elif not is_sample:
            data.write(folder.path / name)
    except RunError:
        folder.discard()
        raise
    return folder, recipe


def _question(task: Task) -> dict[str, Any]:
    question: dict[str, Any] = {
        "objective": task.objective.name,
        "cost_bps": task.cost_bps,
        "parsimony": task.parsimony,
        "fingerprint": task.panel.fingerprint(),
        "quarva": __version__,
    }
    if task.table is None:
        question |= {
            "target": task.target_names[0],
            "delay": task.delay,
            "delisting_return": task.delisting_return,
            "risk": risk_of(task),
        }
        if task.periods_per_year != calendar_of(task.panel.dates).periods_per_year:
            question["periods_per_year"] = task.periods_per_year
    return question


def _borders(task: Task) -> dict[str, Any]:
    """Settings of the split: days of a panel, or shares of the rows of a table."""
    if task.split is not None:
        firsts = [np.flatnonzero(task.segments == part)[0] for part in (VALIDATION, TEST)]
        days = [task.panel.dates[first - task.split.embargo] for first in firsts]
        return {"split": tuple(map(str, days)), "embargo": task.split.embargo}
    if len(task.targets) == 1:
        return {}
    assert task.table is not None  # every task on a panel has a split
    whole = np.isfinite(task.table.target) & np.isfinite(task.panel.values).all(axis=0)
    rows = np.isfinite(task.targets).sum(axis=(1, 2))
    return {"split": tuple(str(end / whole.sum()) for end in rows.cumsum()[[TRAIN, VALIDATION]])}


def _source(data: Panel | Table, name: str) -> dict[str, Any]:
    """Settings that read the copy of the data from the file `name`."""
    panel = data.panel if isinstance(data, Table) else data
    about: dict[str, Any] = {"name": panel.name, "notes": list(panel.notes)}
    if panel.reading is not None:
        reading = panel.reading.as_dict()
        about["reading"] = {key: value for key, value in reading.items() if value is not None}
    if isinstance(data, Panel):
        return {
            "panel": name,
            "source": about,
            "allow_jumps": True,  # jumps were checked or accepted when the panel was read
            "conventions": data.conventions,
        }
    free = next(
        word for word in ("y", "target", *(f"y{k}" for k in range(10**6))) if word not in data.columns
    )
    return {"table": name, "target_column": free, "source": about}


def _is_sample(panel: Panel) -> bool:
    sample = sample_panel()
    return panel.name == sample.name and panel.fingerprint() == sample.fingerprint()


def _check(task: Task, recipe: Recipe, data: Panel | Table) -> None:
    """Raise RunError unless the recipe describes the same task."""
    try:
        again = task_of(replace(recipe, risk="none"), data)
        same = np.array_equal(again.targets, task.raw_targets, equal_nan=True)
        same = same and np.array_equal(again.segments, task.segments)
        same = same and again.describe() | {"exposures": []} == task.describe() | {"exposures": []}
    except TaskError:
        same = False
    if not same:
        raise RunError(
            f"a recipe cannot describe this task ({', '.join(task.target_names)}), because it needs a single "
            "target, forward_return_H or a field of the data; run it without the argument `out`"
        )


def _write_rows(table: Table, target_column: str, path: Path) -> None:
    import polars as pl

    columns = dict(zip(table.columns, table.panel.values, strict=True)) | {target_column: table.target}
    flat = {
        name: pl.Series(rows.reshape(-1)[: table.rows], nan_to_null=True) for name, rows in columns.items()
    }
    write_table(pl.DataFrame(flat), path)
