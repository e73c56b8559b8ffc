"""quarva compare: compare searchers, networks and traders on one task, in a table and plots."""

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarva.cli import options
from quarva.cli.output import INTERRUPTED, console, print_json, tell
from quarva.cli.sources import announce, make_recipe, refuse_on_resume
from quarva.runs.settings import (
    ComparisonSettings,
    DataSettings,
    LanguageSettings,
    LimitSettings,
    ReadingSettings,
    TaskSettings,
)

if TYPE_CHECKING:
    from quarva.comparison import Comparison
    from quarva.loop import Progress

__all__ = ["compare"]

_QUIET_SECONDS = 30  # between two lines of progress if standard error is not a terminal
_MORE = ("searchers", "seeds", "level")  # settings that may be extended when a comparison is resumed

_RESUME = "Continue the comparison in this folder; entries, seeds and a level can be added."
Out = Annotated[
    str | None, options.option("--out", "FOLDER", "Folder for all runs (runs/<date-time>-compare).")
]
Resume = Annotated[str | None, options.option("--resume", "FOLDER", _RESUME)]


@options.takes(
    ComparisonSettings, DataSettings, ReadingSettings, TaskSettings, LimitSettings, LanguageSettings
)
def compare(
    *,
    recipe: options.RecipeFile = None,
    out: Out = None,
    resume: Resume = None,
    as_json: options.AsJson = False,
    **flags: Any,
) -> None:
    """Compare searchers, networks and traders."""
    if resume is None:
        folder, found = _begin(recipe, flags, out)
    else:
        more = {name: flags.pop(name) for name in _MORE}
        refuse_on_resume({**flags, "recipe": recipe, "out": out}, "comparison", "compare again")
        folder, found = _resume(resume, more)
    if as_json:
        table_rows = found.table().reset_index().to_dict("records")
        print_json({
            "comparison": folder, "warnings": list(found.task.warnings), "level": found.level,
            "table": table_rows, "rows": found.rows(),
        })  # fmt: skip
    else:
        _show(found, folder)
    if found.interrupted:
        raise typer.Exit(INTERRUPTED)


def _begin(file: str | None, flags: dict[str, Any], out: str | None) -> "tuple[str, Comparison]":
    """Start a new comparison; return its folder and result."""
    from quarva.comparison.folder import ComparisonFolder
    from quarva.comparison.recipe import CompareRecipe
    from quarva.comparison.runner import compare_in
    from quarva.runs.from_recipe import completed, data_of, task_of

    recipe = make_recipe(CompareRecipe, file, flags)
    recipe.entrants()  # reject a wrong entry before the data are read
    task = task_of(recipe, data_of(recipe))
    complete = completed(recipe, task)
    folder = ComparisonFolder.create(out, task, complete)
    announce(task)
    return str(folder.path), compare_in(folder, task, complete, progress=_progress())


def _resume(path: str, more: dict[str, Any]) -> "tuple[str, Comparison]":
    """Resume a comparison, with more entries or seeds if given; return its folder and result."""
    from quarva.comparison.folder import ComparisonFolder
    from quarva.comparison.recipe import CompareRecipe
    from quarva.comparison.runner import compare_in
    from quarva.runs.from_recipe import task_again

    given = CompareRecipe.of(more)
    asked = {name: getattr(given, name) for name, value in more.items() if value is not None}
    folder = ComparisonFolder.open(path)
    before = folder.recipe()
    if "searchers" in asked:  # a known name refers to the existing entry
        asked["searchers"] = {name: before.entries.get(name, entry) for name, entry in given.entries.items()}
    recipe = before.with_more(asked, path)
    task = task_again(recipe, path, "the runs")
    announce(task)
    return path, compare_in(folder, task, recipe, resume=True, progress=_progress())


def _progress() -> "bool | Callable[[str, int, Progress], None]":
    """Choose the progress display: a bar (True) in a terminal, otherwise a function that prints lines."""
    if sys.stderr.isatty():
        return True
    said = time.monotonic()

    def say(searcher: str, number: int, now: "Progress") -> None:
        nonlocal said
        if time.monotonic() - said > _QUIET_SECONDS:
            said = time.monotonic()
            tell(f"run {number + 1}: {searcher}, {now.evaluations:,} of {now.budget:,} formulas")

    return say


def _show(found: "Comparison", folder: str) -> None:
    """Print the table, plots if standard output is a terminal, and the paths of the files."""
    from quarva.comparison.presentation import terminal

    screen = console()
    if found.runs:
        for part in terminal(found, screen.width, picture=sys.stdout.isatty()):
            screen.print(part)
    missing = len(found.searchers) * len(found.seeds) - len(found.runs)
    if missing:
        screen.print(
            f"{missing} runs are missing; quarva compare --resume {folder} completes them", soft_wrap=True
        )
    screen.print(f"comparison: {folder}", soft_wrap=True)
    if found.runs:
        for name in ("comparison.html", "comparison.png"):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                screen.print(f"{os.path.splitext(name)[1][1:]}: {path}", soft_wrap=True)
            else:
                tell("no PNG: matplotlib is not installed; pip install 'quarva[png]'")
