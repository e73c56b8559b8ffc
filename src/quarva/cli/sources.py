"""The panel or table that flags or a recipe name."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarva.panel import Panel, Table
    from quarva.search.recipe import Recipe

__all__ = ["read_panel", "read_source"]


def read_panel(file: str | None, *, field: str = "close", allow_jumps: bool = False) -> "Panel":
    """The panel in a file; the sample panel where none is named. Raises PanelError."""
    from quarva.panel import Panel, sample_panel

    return sample_panel() if file is None else Panel.read(file, field=field, allow_jumps=allow_jumps)


def read_source(recipe: "Recipe") -> "Panel | Table":
    """The panel or table of a recipe. Raises PanelError."""
    from quarva.panel import Table

    if recipe.table is not None:
        return Table.read(recipe.table, target=recipe.target_column)
    return read_panel(recipe.panel, field=recipe.field, allow_jumps=recipe.allow_jumps)
