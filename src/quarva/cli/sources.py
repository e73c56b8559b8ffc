"""What flags and recipes name: the settings, and a panel by its file."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quarva.panel import Panel
    from quarva.search.recipe import Recipe

__all__ = ["make_recipe", "read_panel"]


def make_recipe(file: str | None, **flags: Any) -> "Recipe":
    """The settings of a recipe file and of flags; a flag that is not None wins. Raises RecipeError."""
    from quarva.search.recipe import Recipe

    return Recipe.of(flags) if file is None else Recipe.read(file, **flags)


def read_panel(
    file: str | None, *, field: str = "close", fields: str | None = None, allow_jumps: bool = False
) -> "Panel":
    """The panel in a file; the sample panel where none is named. Raises PanelError."""
    from quarva.panel import Panel, sample_panel

    if file is None:
        return sample_panel()
    chosen = None if fields is None else [name.strip() for name in fields.split(",") if name.strip()]
    return Panel.read(file, field=field, fields=chosen, allow_jumps=allow_jumps)
