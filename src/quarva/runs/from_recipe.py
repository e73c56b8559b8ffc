"""From a recipe to its data and its question."""

from typing import Any

from quarva.panel import Panel, Table, sample_panel
from quarva.runs.recipe import Recipe
from quarva.tasks import Task

__all__ = ["DEFAULT_TARGET", "data_of", "search_settings", "task_of"]

DEFAULT_TARGET = "forward_return_5"


def data_of(recipe: Recipe) -> Panel | Table:
    """The panel or table that a recipe names, the sample panel where it names none. Raises PanelError."""
    if recipe.table is not None:
        return Table.read(
            recipe.table, target=recipe.target_column, columns=recipe.fields, rename=recipe.rename
        )
    if recipe.panel is not None:
        panel = Panel.read(
            recipe.panel, field=recipe.field, fields=recipe.fields, allow_jumps=recipe.allow_jumps,
            asset_column=recipe.asset_column, date_column=recipe.date_column, rename=recipe.rename,
            time_zone=recipe.time_zone,
        )  # fmt: skip
    else:
        panel = sample_panel()
    return panel.with_conventions(recipe.conventions)


def task_of(recipe: Recipe, data: Panel | Table) -> Task:
    """The question that a recipe asks of its data. Raises TaskError."""
    is_table = isinstance(data, Table)
    return Task(
        data,
        target=recipe.target if is_table else recipe.target or DEFAULT_TARGET,
        objective=recipe.objective,
        split=recipe.split,
        embargo=recipe.embargo,
        delay=None if is_table else recipe.delay,
        cost_bps=recipe.cost_bps,
        parsimony=recipe.parsimony,
        periods_per_year=recipe.periods_per_year,
        delisting_return=recipe.delisting_return,
    )


def search_settings(recipe: Recipe) -> dict[str, Any]:
    """What `search` is called with, task and searcher apart."""
    names = (
        "budget", "seed", "seconds", "memory_mb", "threads", "device", "functions", "windows", "numbers",
        "constants", "tuning_steps", "head", "genes", "link", "settings",
    )  # fmt: skip
    return {name: getattr(recipe, name) for name in names}
