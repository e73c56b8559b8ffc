"""quarva compare: several searchers at one task, networks and traders among them; one table, one picture."""

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarva.cli import options, search
from quarva.cli.naming import free_name
from quarva.cli.output import INTERRUPTED, console, print_json, tell
from quarva.errors import RecipeError

if TYPE_CHECKING:
    from quarva.comparison import Comparison
    from quarva.loop import Progress

__all__ = ["compare"]

_QUIET_SECONDS = 30  # between two lines of progress where standard error is no terminal


def _flag(name: str, metavar: str | None, text: str) -> Any:
    return options.option(name, metavar, text, "Comparison")


_SEARCHERS = (
    "Ways to search (all): random, gep, policy, blend; networks too: dense, conv1d, tcn, gru, lstm, "
    "transformer; and traders: dqn, naf, gradient."
)
_LEVEL = "Figure that searchers are timed to (the worst of their medians; of a table, an exact formula)."
_RESUME = "Go on with the comparison in this folder; searchers, seeds and a level may be added."
Searchers = Annotated[str | None, _flag("--searchers", "NAME,…", _SEARCHERS)]
Seeds = Annotated[int | None, _flag("--seeds", "K", "Runs of each searcher: seeds 0 to K − 1 (5).")]
Level = Annotated[float | None, _flag("--level", "X", _LEVEL)]
Out = Annotated[
    str | None, options.option("--out", "FOLDER", "Folder for all runs (runs/<date-time>-compare).")
]
Resume = Annotated[str | None, options.option("--resume", "FOLDER", _RESUME)]


def compare(
    searchers: Searchers = None,
    budget: search.Budget = None,
    seeds: Seeds = None,
    level: Level = None,
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
    parsimony: search.Parsimony = None,
    seconds: search.Seconds = None,
    memory_mb: search.MemoryMb = None,
    functions: search.Functions = None,
    windows: search.Windows = None,
    tuning_steps: search.TuningSteps = None,
    threads: options.Threads = None,
    device: options.Device = None,
    recipe: options.RecipeFile = None,
    out: Out = None,
    resume: Resume = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare searchers: the same task, evaluations and seeds for each; a table, a picture, a page."""
    from quarva.comparison.runner import seeds_of

    names = None if searchers is None else [name.strip() for name in searchers.split(",") if name.strip()]
    asked = None if seeds is None else seeds_of(seeds)
    question = {
        "budget": budget, "panel": panel, "field": field, "fields": fields, "allow_jumps": allow_jumps,
        "asset_column": asset_column, "date_column": date_column, "rename": rename, "time_zone": time_zone,
        "conventions": conventions, "table": table, "target_column": target_column, "target": target,
        "delay": delay, "objective": objective, "split": split, "embargo": embargo, "cost_bps": cost_bps,
        "periods_per_year": periods_per_year, "delisting_return": delisting_return,
        "parsimony": parsimony, "seconds": seconds, "memory_mb": memory_mb, "functions": functions,
        "windows": windows, "tuning_steps": tuning_steps, "threads": threads,
        "device": device,
    }  # fmt: skip
    if resume is None:
        folder, found = _begin(recipe, question, names, asked, level, out)
    else:
        refused = [
            name for name, flag in {**question, "recipe": recipe, "out": out}.items() if flag is not None
        ]
        if refused:
            flag = "--" + refused[0].replace("_", "-")
            raise RecipeError(f"{flag}: a resumed comparison keeps its recipe; leave it out, or compare anew")
        folder, found = _go_on(resume, names or [], asked, level)
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


def _begin(
    file: str | None,
    flags: dict[str, Any],
    names: list[str] | None,
    seeds: tuple[int, ...] | None,
    level: float | None,
    out: str | None,
) -> "tuple[str, Comparison]":
    """A new comparison."""
    from quarva.cli.sources import completed, make_recipe
    from quarva.comparison.folder import ComparisonFolder
    from quarva.comparison.registry import ways_of
    from quarva.comparison.runner import compare_in, plan_of
    from quarva.runs import SEARCHERS
    from quarva.runs.from_recipe import data_of, task_of
    from quarva.runs.run_folder import RunFolder

    recipe = make_recipe(file, **flags)
    if names is not None and len(set(names)) < max(len(names), 1):
        raise RecipeError(f"--searchers = {','.join(names)}: name at least one, and none twice")
    ways = ways_of(names or list(SEARCHERS), recipe.searcher, recipe.settings)
    plan = plan_of(ways, tuple(range(5)) if seeds is None else seeds, level)
    task = task_of(recipe, data_of(recipe))
    for warning in task.warnings:
        tell(f"warning: {warning}")
    path = out or free_name("compare")
    RunFolder.create(path, completed(recipe, task))
    folder = ComparisonFolder(path)
    folder.begin(task, plan)
    return path, compare_in(folder, task, ways, plan, resume=False, progress=_progress())


def _go_on(
    path: str, names: list[str], seeds: tuple[int, ...] | None, level: float | None
) -> "tuple[str, Comparison]":
    """A comparison that was stopped, or one that gets more searchers or seeds."""
    from quarva.cli.sources import task_again
    from quarva.comparison.folder import ComparisonFolder
    from quarva.comparison.registry import ways_of
    from quarva.comparison.runner import compare_in, plan_of

    folder = ComparisonFolder.open(path)
    recipe, before = folder.recipe(), folder.plan()
    ways = ways_of(names or list(before.searchers), recipe.searcher, recipe.settings)
    plan = plan_of(ways, before.seeds if seeds is None else seeds, level)
    task = task_again(recipe, path, "the runs")
    return path, compare_in(folder, task, ways, plan, resume=True, progress=_progress())


def _progress() -> "bool | Callable[[str, int, Progress], None]":
    """A bar in a terminal, lines now and then elsewhere."""
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
    """Table, picture where there is a terminal to draw it in, and where all lies."""
    from quarva.comparison.presentation import terminal

    screen = console()
    if found.runs:
        for part in terminal(found, screen.width, picture=sys.stdout.isatty()):
            screen.print(part)
    missing = len(found.searchers) * len(found.seeds) - len(found.runs)
    if missing:
        screen.print(
            f"{missing} runs are missing: quarva compare --resume {folder} makes them", soft_wrap=True
        )
    screen.print(f"comparison: {folder}", soft_wrap=True)
    if found.runs:
        for name in ("comparison.html", "comparison.png"):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                screen.print(f"{os.path.splitext(name)[1][1:]}: {path}", soft_wrap=True)
            else:
                tell("no PNG: matplotlib is not installed; pip install 'quarva[png]'")
