"""Creates the data and the task of a recipe."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from quarva.__version__ import __version__
from quarva.errors import RecipeError, RunError
from quarva.panel import Panel, Table, sample_panel
from quarva.panel.reading import Reading
from quarva.runs.recipe import Recipe, SearchRecipe, with_folder
from quarva.runs.settings import ReadingSettings, TaskSettings, values_of
from quarva.tasks import Task
from quarva.tasks.risk import RiskModel

__all__ = ["DEFAULT_TARGET", "completed", "data_of", "risk_of", "task_again", "task_of"]

DEFAULT_TARGET = "forward_return_5"

AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)


def data_of(recipe: Recipe) -> Panel | Table:
    """Read the panel or table of a recipe; the sample panel if it names none. Raises PanelError."""
    if recipe.table is not None:
        table = Table.read(
            recipe.table, target=recipe.target_column, columns=recipe.fields, rename=recipe.rename
        )
        return replace(table, panel=_with_source(table.panel, recipe))
    if recipe.panel is None:
        return sample_panel().with_conventions(recipe.conventions)
    panel = Panel.read(recipe.panel, **values_of(recipe, ReadingSettings))
    return _with_source(panel, recipe).with_conventions(recipe.conventions)


def _with_source(panel: Panel, recipe: Recipe) -> Panel:
    """Give a panel that was read from a copy the name, notes and reading of the original."""
    if recipe.source is None:
        return panel
    try:
        reading = recipe.source.get("reading")
        return replace(
            panel,
            name=str(recipe.source["name"]),
            notes=tuple(map(str, recipe.source["notes"])),
            reading=None if reading is None else Reading(**{"asset": None, **reading}),
        )
    except (KeyError, TypeError) as error:
        raise RecipeError(
            f"source = {recipe.source}: key {error} is missing; add it, or remove source"
        ) from None


def task_of(recipe: Recipe, data: Panel | Table) -> Task:
    """Create the task of a recipe. Raises TaskError as `Task` does."""
    asked = values_of(recipe, TaskSettings)
    if isinstance(data, Table):
        asked["delay"] = None
    else:
        asked["target"] = recipe.target or DEFAULT_TARGET
    return Task(data, **asked)


def task_again(recipe: Recipe, path: str | os.PathLike[str], since: str) -> Task:
    """Create the task of a run that is resumed.

    Raises
    ------
    RunError
        The data have changed since the run.
    """
    task = task_of(recipe, data_of(recipe))
    if recipe.fingerprint not in (None, task.panel.fingerprint()):
        raise RunError(f"{path}: the data {task.panel.name} changed since {since}; restore the data")
    return task


def completed(recipe: AnyRecipe, task: Task) -> AnyRecipe:
    """Complete a recipe with absolute paths, the defaults of its task, and the fingerprint of the data."""
    changes: dict[str, Any] = {
        key: os.path.abspath(path) for key in ("panel", "table") if (path := getattr(recipe, key))
    }
    changes["risk"] = risk_of(task)  # a file may change
    if isinstance(recipe, SearchRecipe) and recipe.start:
        changes["start"] = tuple(with_folder(each, Path.cwd()) for each in recipe.start)
    if task.table is None:
        changes["target"] = task.target_names[0]
    changes |= {
        "objective": task.objective.name,
        "fingerprint": task.panel.fingerprint(),
        "quarva": __version__,
    }
    return replace(recipe, **changes)


def risk_of(task: Task) -> str | dict[str, Any]:
    """The setting of the risk model: its content, unless it is the default or none."""
    if task.risk is None:
        return "none"
    return "default" if task.risk == RiskModel.default(task.panel) else task.risk.as_dict()
