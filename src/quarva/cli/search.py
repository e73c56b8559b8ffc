"""quarva search: search for formulas and write a folder with findings and a page."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarva.cli import options
from quarva.cli.output import INTERRUPTED, console, figure, print_json, tell
from quarva.cli.sources import announce, make_recipe, refuse_on_resume
from quarva.runs.settings import (
    DataSettings,
    LanguageSettings,
    LimitSettings,
    ReadingSettings,
    SearcherSettings,
    SetSettings,
    TaskSettings,
    names_of,
)

if TYPE_CHECKING:
    from quarva.loop import Findings, Progress
    from quarva.runs.record import Kept

__all__ = ["search"]

_QUIET_SECONDS = 30  # between two lines of progress if standard error is not a terminal
_LIMITS = tuple(name for name in names_of(LimitSettings) if name != "device")

_RESUME = "Continue the run in this folder; only limits such as --budget can be changed."
_OUT = "Folder for the run (runs/<date-time>-<searcher>-<seed>)."
Out = Annotated[str | None, options.option("--out", "FOLDER", _OUT)]
Resume = Annotated[str | None, options.option("--resume", "FOLDER", _RESUME)]
ReadTest = Annotated[bool, options.option("--read-test", None, "Read the sealed test for the best formula.")]


@options.takes(
    DataSettings,
    ReadingSettings,
    TaskSettings,
    SearcherSettings,
    LimitSettings,
    LanguageSettings,
    SetSettings,
)
def search(
    *,
    recipe: options.RecipeFile = None,
    out: Out = None,
    resume: Resume = None,
    read_test: ReadTest = False,
    as_json: options.AsJson = False,
    **flags: Any,
) -> None:
    """Search for formulas that predict."""
    if resume is None:
        kept = _begin(recipe, flags, out, read_test)
    else:
        limits = {name: flags.pop(name) for name in _LIMITS}
        refuse_on_resume({**flags, "recipe": recipe, "out": out}, "run", "search again")
        kept = _resume(resume, limits, read_test)
    found = kept.found
    if not found.pool and found.evaluations:
        tell("no formula could be scored: none has values on enough days; use more days or a larger budget")
    if as_json:
        print_json(kept.record)
    else:
        _show(kept)
    if found.stopped == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _begin(file: str | None, flags: dict[str, Any], out: str | None, read_test: bool) -> "Kept[Findings]":
    """Start a new search."""
    from quarva.runs.from_recipe import completed, data_of, task_of
    from quarva.runs.recipe import SearchRecipe
    from quarva.runs.run_folder import RunFolder
    from quarva.runs.run_search import make_searcher, search_in

    recipe = make_recipe(SearchRecipe, file, flags)
    make_searcher(recipe.searcher, recipe.settings)  # reject a wrong name before the data are read
    task = task_of(recipe, data_of(recipe))
    complete = completed(recipe, task)
    if recipe.fingerprint not in (None, complete.fingerprint):
        tell("note: the data differ from those for which the recipe was written")
    folder = RunFolder.create(out, complete)
    announce(task)
    told = len(task.notes)
    kept = search_in(folder, task, complete, progress=_progress(), read_test=read_test)
    for note in task.notes[told:]:  # what the search itself had to remark
        tell(f"note: {note}")
    return kept


def _resume(path: str, limits: dict[str, Any], read_test: bool) -> "Kept[Findings]":
    """Resume a search, with other limits if given."""
    from quarva.runs.from_recipe import task_again
    from quarva.runs.recipe import SearchRecipe
    from quarva.runs.run_folder import RunFolder
    from quarva.runs.run_search import search_in

    folder = RunFolder.open(path, "search")
    given = SearchRecipe.of(limits)
    changed = {name: getattr(given, name) for name, limit in limits.items() if limit is not None}
    recipe = replace(folder.search_recipe(), **changed)
    task = task_again(recipe, path, "the run")
    announce(task)
    return search_in(folder, task, recipe, resume=True, progress=_progress(), read_test=read_test)


def _progress() -> "bool | Callable[[Progress], None]":
    """Choose the progress display: a bar (True) in a terminal, otherwise a function that prints lines."""
    if sys.stderr.isatty():
        return True
    from quarva.engine import is_compiled
    from quarva.loop.progress import COMPILING

    said = time.monotonic()

    def say(now: "Progress") -> None:
        nonlocal said
        if now.evaluations == 0 and not is_compiled():
            tell(COMPILING)
        if time.monotonic() - said > _QUIET_SECONDS:
            said = time.monotonic()
            best = f"best {figure(now.train)} ({figure(now.validation)} in validation): {now.formula}"
            tell(f"{now.evaluations:,} of {now.budget:,} formulas in {now.seconds:.0f} s, {best}")

    return say


def _show(kept: "Kept[Findings]") -> None:
    """Print the pool as a table, a note on selection bias, and the paths of the folder and the page."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from quarva.report.multiple_testing import selection_note

    screen, record = console(), kept.record
    pool = record["pool"]
    shown = [
        key
        for key in ("expected", "validation", "train", "raw_validation", "raw_train", "coverage", "turnover")
        if any(each[key] == each[key] for each in pool)
    ]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=_asked(record), title_justify="left")
    table.add_column("formula", overflow="fold")
    for heading in [*shown, "size"]:
        table.add_column(heading.replace("_", " "), justify="right")
    for each in pool:
        table.add_row(escape(each["formula"]), *(figure(each[key]) for key in shown), str(each["size"]))
    if record["set"] is not None:
        screen.print(_set_line(record["set"]))
    screen.print(table)
    if pool and "test" in record["best"]:
        screen.print(f"sealed test: {figure(record['best']['test'])}")
    counted = f"{record['evaluations']:,} distinct formulas"
    if record["tuning_steps"]:
        counted += f", {record['tuning_steps']:,} of them steps of tuning constants,"
    if record["candidates"]:
        counted += f" chosen from {record['candidates']:,} candidates"
    counted += f" in {record['seconds']:.1f} s"
    screen.print(f"{counted}; stopped: {record['stopped']}")
    if record["task"]["exposures"]:
        screen.print(f"risk model: {', '.join(record['task']['exposures'])}")
    if pool:
        screen.print(selection_note(kept.page, margin=False).replace("\u00a0", " "))
    screen.print(f"run: {record['run']}", soft_wrap=True)
    screen.print(f"page: {os.path.join(record['run'], 'report.html')}", soft_wrap=True)


def _set_line(found: dict[str, Any]) -> str:
    """Describe the set in one line, with the figure that is expected to hold first."""
    low, high = figure(found["expected_low"]), figure(found["expected_high"])
    figures = [f"expected {figure(found['expected'])} ({low} to {high})"]
    shown = (
        name for name in ("validation", "train", "raw_validation", "raw_train") if found[name] == found[name]
    )
    figures += [f"{name.replace('_', ' ')} {figure(found[name])}" for name in shown]
    count = len(found["formulas"])
    return f"set of {count} formula{'s' * (count != 1)}: {', '.join(figures)}"


def _asked(record: dict[str, Any]) -> str:
    return f"{record['task']['objective']} of {record['task']['target']} on {record['panel']['name']}"
