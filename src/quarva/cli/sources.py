"""Settings and panels from flags and recipe files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from quarva.cli.options import flag_of
from quarva.cli.output import tell
from quarva.errors import RecipeError
from quarva.runs.settings import ReadingSettings, described

if TYPE_CHECKING:
    from quarva.panel import Panel
    from quarva.runs.recipe import Recipe
    from quarva.tasks import Task

    AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)

__all__ = ["announce", "make_recipe", "read_panel", "reading_of", "refuse_on_resume", "threads_of"]


def make_recipe(kind: "type[AnyRecipe]", file: str | None, flags: Mapping[str, Any]) -> "AnyRecipe":
    """Create a recipe from a file and from flags, which override the file unless None. Raises RecipeError."""
    return kind.of(flags) if file is None else kind.read(file, **flags)


def refuse_on_resume(flags: Mapping[str, Any], what: str, again: str) -> None:
    """Raise RecipeError for a flag that was given although a resumed run keeps its recipe."""
    given = next((name for name, value in flags.items() if value is not None), None)
    if given is not None:
        raise RecipeError(f"{flag_of(given)}: a resumed {what} keeps its recipe; leave it out, or {again}")


def announce(task: "Task") -> None:
    """Print the notes and warnings of a task on standard error."""
    for note in task.notes:
        tell(f"note: {note}")
    for warning in task.warnings:
        tell(f"warning: {warning}")


def threads_of(flags: Mapping[str, Any]) -> int | None:
    """Return the number of threads set by a flag, or None. Raises RecipeError if it is invalid."""
    from quarva.runs.recipe import SearchRecipe

    return SearchRecipe.of({"threads": flags["threads"]}).threads


def reading_of(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Convert flags to arguments of `Panel.read`. Raises RecipeError for an invalid --rename."""
    from quarva.panel.names import parse_renames

    given = {name: flags[name] for name in described(ReadingSettings) if flags.get(name) is not None}
    if "fields" in given:
        given["fields"] = [name.strip() for name in given["fields"].split(",") if name.strip()]
    try:
        if "rename" in given:
            given["rename"] = parse_renames(given["rename"])
    except ValueError as error:
        raise RecipeError(f"--rename: {error}") from None
    return given


def read_panel(file: str | None, flags: Mapping[str, Any]) -> "Panel":
    """Read a panel with the settings of the flags; the sample panel if there is no file.

    Raises
    ------
    RecipeError
        A flag is invalid, or needs a file.
    PanelError
        The file cannot be read; see `Panel.read`.
    """
    from quarva.panel import Panel, sample_panel

    if file is not None:
        return Panel.read(file, **reading_of(flags))
    for name in ("asset_column", "date_column", "rename", "time_zone"):
        if flags.get(name) is not None:
            raise RecipeError(f"{flag_of(name)} applies to a file of bars only; name the file as well")
    return sample_panel()
