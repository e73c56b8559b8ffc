"""quarva search: the main job, from a file of bars to a folder with findings and a page."""

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarva.cli import options
from quarva.cli.output import INTERRUPTED, console, figure, print_json, tell
from quarva.errors import QuarvaError, RecipeError

if TYPE_CHECKING:
    from quarva.loop import Findings, Progress
    from quarva.runs.recipe import Recipe
    from quarva.runs.run_folder import RunFolder
    from quarva.tasks import Task

__all__ = ["search"]

_QUIET_SECONDS = 30  # between two lines of progress where standard error is no terminal

_FUNCTIONS = "Operators to use, as `quarva operators` names them."
_RESUME = "Go on with the run in this folder; of the other flags only limits may be given."
_OUT = "Folder for the run (runs/<date-time>-<searcher>-<seed>)."


def _flag(name: str, metavar: str | None, text: str) -> Any:
    return options.option(name, metavar, text, "Search")


Searcher = Annotated[
    str | None, _flag("--searcher", "NAME", "Way to search: gep, policy, blend or random (gep).")
]
Budget = Annotated[int | None, _flag("--budget", "N", "Distinct formulas to evaluate (50000).")]
Seconds = Annotated[float | None, _flag("--seconds", "S", "Stop after so many seconds at the latest.")]
MemoryMb = Annotated[float | None, _flag("--memory-mb", "MB", "Stop when the process has taken so many MiB.")]
Functions = Annotated[str | None, _flag("--functions", "NAME,…", _FUNCTIONS)]
Windows = Annotated[str | None, _flag("--windows", "DAYS,…", "Windows of rolling operators (5,10,20,40).")]
_TUNING = "Steps of fitting the constants of a table's formula, 0 for none (10); each counts as a formula."
TuningSteps = Annotated[int | None, _flag("--tuning-steps", "N", _TUNING)]
Out = Annotated[str | None, options.option("--out", "FOLDER", _OUT)]
Resume = Annotated[str | None, options.option("--resume", "FOLDER", _RESUME)]
ReadTest = Annotated[bool, options.option("--read-test", None, "Read the sealed test, for the best formula.")]
Parsimony = Annotated[
    float | None, options.option("--parsimony", "X", "Taken off the score for each node.", "Question")
]


def search(
    panel: options.PanelFile = None,
    field: options.Field = None,
    fields: options.Fields = None,
    allow_jumps: options.AllowJumps = None,
    asset_column: options.AssetColumn = None,
    date_column: options.DateColumn = None,
    rename: options.Rename = None,
    time_zone: options.TimeZone = None,
    conventions: options.Conventions = None,
    table: options.TableFile = None,
    target_column: options.TargetColumn = None,
    target: options.Target = None,
    delay: options.Delay = None,
    objective: options.Objective = None,
    split: options.Split = None,
    embargo: options.Embargo = None,
    cost_bps: options.CostBps = None,
    periods_per_year: options.PeriodsPerYear = None,
    delisting_return: options.DelistingReturn = None,
    parsimony: Parsimony = None,
    searcher: Searcher = None,
    budget: Budget = None,
    seconds: Seconds = None,
    memory_mb: MemoryMb = None,
    functions: Functions = None,
    windows: Windows = None,
    tuning_steps: TuningSteps = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = None,
    recipe: options.RecipeFile = None,
    out: Out = None,
    resume: Resume = None,
    read_test: ReadTest = False,
    as_json: options.AsJson = False,
) -> None:
    """Search for formulas that predict. Without flags: on the sample panel, the return of five days."""
    limits = {"budget": budget, "seconds": seconds, "memory_mb": memory_mb, "threads": threads}
    question = {
        "panel": panel, "field": field, "fields": fields, "allow_jumps": allow_jumps,
        "asset_column": asset_column, "date_column": date_column, "rename": rename, "time_zone": time_zone,
        "conventions": conventions, "table": table, "target_column": target_column, "target": target,
        "delay": delay, "objective": objective, "split": split, "embargo": embargo, "cost_bps": cost_bps,
        "periods_per_year": periods_per_year, "delisting_return": delisting_return,
        "parsimony": parsimony, "searcher": searcher, "functions": functions, "windows": windows,
        "seed": seed, "device": device, "tuning_steps": tuning_steps,
    }  # fmt: skip
    if resume is not None:
        refused = [
            name for name, flag in {**question, "recipe": recipe, "out": out}.items() if flag is not None
        ]
        if refused:
            flag = "--" + refused[0].replace("_", "-")
            raise RecipeError(f"{flag}: a resumed run keeps its recipe; leave it out, or search anew")
        found, folder = _go_on(resume, limits)
    else:
        found, folder = _begin(recipe, question | limits, out)
    record, luck = _keep(found, folder, read_test)
    if not found.pool and found.evaluations:
        tell("no formula could be scored: none has a value on enough days; give more days or a larger budget")
    if as_json:
        print_json(record)
    else:
        _show(record, luck)
    if found.stopped == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _begin(file: str | None, flags: dict[str, Any], out: str | None) -> "tuple[Findings, RunFolder]":
    """A new run."""
    from quarva.cli.sources import completed, make_recipe
    from quarva.runs.from_recipe import data_of, task_of
    from quarva.runs.run_folder import RunFolder
    from quarva.runs.run_search import make_searcher

    recipe = make_recipe(file, **flags)
    make_searcher(recipe.searcher, recipe.settings)
    task = task_of(recipe, data_of(recipe))
    complete = completed(recipe, task)
    if recipe.fingerprint not in (None, complete.fingerprint):
        tell("note: the data are not those that the recipe was written for")
    folder = RunFolder.create(out, complete)
    try:
        return _search(task, complete, folder), folder
    except QuarvaError:
        folder.discard()
        raise


def _go_on(path: str, limits: dict[str, Any]) -> "tuple[Findings, RunFolder]":
    """A run that was stopped."""
    from quarva.cli.sources import task_again
    from quarva.runs.run_folder import RunFolder

    folder = RunFolder.open_search(path)
    before = folder.recipe()
    given = {name: limit for name, limit in limits.items() if limit is not None}
    recipe = before.of(before.model_dump(exclude_none=True) | given)
    task = task_again(recipe, path, "the run")
    # A run that was killed before its first checkpoint has nothing to go on from: it begins again.
    found = _search(task, recipe, folder, resume=folder.checkpoint.exists())
    if recipe != before:
        folder.change_recipe(**{name: limit for name, limit in limits.items() if limit is not None})
    return found, folder


def _search(task: "Task", recipe: "Recipe", folder: "RunFolder", *, resume: bool = False) -> "Findings":
    import quarva
    from quarva.runs.from_recipe import search_settings

    for note in task.notes:
        tell(f"note: {note}")
    for warning in task.warnings:
        tell(f"warning: {warning}")
    return quarva.search(
        task, recipe.searcher, checkpoint=folder.checkpoint, resume=resume,
        progress=True if sys.stderr.isatty() else _now_and_then(), **search_settings(recipe),
    )  # fmt: skip


def _now_and_then() -> "Callable[[Progress], None]":
    """Progress as lines, for a file or a pipe."""
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


def _keep(found: "Findings", folder: "RunFolder", read_test: bool) -> tuple[dict[str, Any], str]:
    """Write what was found and its page into the run's folder; what `--json` prints, and a word on luck."""
    from quarva import report
    from quarva.report.multiple_testing import selection_note
    from quarva.runs.record import keep
    from quarva.runs.report import from_run_folder

    record = keep(found, folder, read_test=read_test)
    page = from_run_folder(folder.path)
    report.write(page, folder.path / "report.html")
    return record, selection_note(page, margin=False)


def _show(record: dict[str, Any], luck: str) -> None:
    """The table for people, how much of it may be luck, and where the run lies."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    screen = console()
    pool = record["pool"]
    shown = [
        key
        for key in ("train", "validation", "coverage", "turnover")
        if any(not _gone(each[key]) for each in pool)
    ]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=_asked(record), title_justify="left")
    table.add_column("formula", overflow="fold")
    for heading in [*shown, "size"]:
        table.add_column(heading, justify="right")
    for each in pool:
        table.add_row(escape(each["formula"]), *(figure(each[key]) for key in shown), str(each["size"]))
    screen.print(table)
    if pool and "test" in record["best"]:
        screen.print(f"sealed test: {figure(record['best']['test'])}")
    counted = f"{record['evaluations']:,} distinct formulas"
    if record["tuning_steps"]:
        counted += f", {record['tuning_steps']:,} of them steps of tuning constants,"
    if record["candidates"]:
        counted += f" chosen from {record['candidates']:,} candidates"
    counted += f" in {record['seconds']:.1f} s"
    screen.print(f"{counted}; stopped by: {record['stopped']}")
    if pool:
        screen.print(luck.replace("\u00a0", " "))
    screen.print(f"run: {record['run']}", soft_wrap=True)
    screen.print(f"page: {os.path.join(record['run'], 'report.html')}", soft_wrap=True)


def _asked(record: dict[str, Any]) -> str:
    return f"{record['task']['objective']} of {record['task']['target']} on {record['panel']['name']}"


def _gone(value: float | None) -> bool:
    return value is None or value != value
