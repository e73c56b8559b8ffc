"""What flags and recipes name: the settings, and a panel by its file."""

import os
from typing import TYPE_CHECKING, Any

from quarva.errors import RunError

if TYPE_CHECKING:
    from quarva.panel import Panel
    from quarva.runs.recipe import Recipe
    from quarva.tasks import Task

__all__ = ["completed", "make_recipe", "read_panel", "task_again"]


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
    file: str | None, *, field: str = "close", fields: str | None = None, allow_jumps: bool = False
) -> "Panel":
    """The panel in a file; the sample panel where none is named. Raises PanelError."""
    from quarva.panel import Panel, sample_panel

    if file is None:
        return sample_panel()
    chosen = None if fields is None else [name.strip() for name in fields.split(",") if name.strip()]
    return Panel.read(file, field=field, fields=chosen, allow_jumps=allow_jumps)
