"""What flags and recipes name: the settings, and a panel by its file."""

import os
from typing import TYPE_CHECKING, Any

from quarva.errors import RecipeError, RunError

if TYPE_CHECKING:
    from quarva.panel import Panel
    from quarva.runs.recipe import Recipe
    from quarva.tasks import Task

__all__ = ["completed", "make_recipe", "read_panel", "renames", "task_again"]


def make_recipe(file: str | None, **flags: Any) -> "Recipe":
    """The settings of a recipe file and of flags; a flag that is not None wins. Raises RecipeError."""
    from quarva.runs.recipe import Recipe

    return Recipe.of(flags) if file is None else Recipe.read(file, **flags)


def completed(recipe: "Recipe", task: "Task") -> "Recipe":
    """The recipe with all that its task found out: whole paths, names, the data's fingerprint."""
    from quarva.__version__ import __version__

    paths = {key: os.path.abspath(path) for key in ("panel", "table") if (path := getattr(recipe, key))}
    asked = {} if task.table is not None else {"target": task.target_names[0]}
    return recipe.model_copy(
        update=paths | asked | {
            "objective": task.objective.name, "fingerprint": task.panel.fingerprint(), "quarva": __version__,
        }
    )  # fmt: skip


def task_again(recipe: "Recipe", path: str, since: str) -> "Task":
    """The task of a folder that is gone on with. Raises RunError where its data changed since."""
    from quarva.runs.from_recipe import data_of, task_of

    task = task_of(recipe, data_of(recipe))
    if recipe.fingerprint not in (None, task.panel.fingerprint()):
        raise RunError(f"{path}: the data {task.panel.name} changed since {since}; bring the old ones back")
    return task


def read_panel(
    file: str | None, *, fields: str | None = None, rename: str | None = None, **flags: Any
) -> "Panel":
    """The panel in a file, read as flags say; the sample panel where none is named. Raises PanelError."""
    from quarva.panel import Panel, sample_panel

    if file is None:
        columns = {"asset_column": None, "date_column": None, "time_zone": None} | flags | {"rename": rename}
        given = [name for name in ("asset_column", "date_column", "rename", "time_zone") if columns[name]]
        if given:
            raise RecipeError(f"--{given[0].replace('_', '-')} is about a file of bars; name the file")
        return sample_panel()
    chosen = None if fields is None else [name.strip() for name in fields.split(",") if name.strip()]
    return Panel.read(file, fields=chosen, rename=renames(rename), **flags)


def renames(flag: str | None) -> dict[str, str] | None:
    """New names of columns by their old ones, as `--rename` gives them. Raises RecipeError."""
    from quarva.panel.names import parse_renames

    try:
        return None if flag is None else parse_renames(flag)
    except ValueError as error:
        raise RecipeError(f"--rename: {error}") from None
