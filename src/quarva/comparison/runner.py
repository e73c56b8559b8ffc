"""The verb: compare searchers."""

import copy
import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from quarva._runtime.extras import is_installed
from quarva._runtime.whole import whole
from quarva.comparison.comparison import Comparison
from quarva.comparison.folder import INCUMBENTS, ComparisonFolder, Plan
from quarva.comparison.registry import Way, Ways, check, describe, fit_run, is_learner, made, ways_of
from quarva.comparison.run import Run
from quarva.errors import QuarvaError, RecipeError, RunError
from quarva.loop import Findings, Progress, Resumable, Searcher
from quarva.runs import SEARCHERS, search
from quarva.runs.record import findings_record
from quarva.runs.run_folder import RunFolder
from quarva.tasks import Task, check_task

__all__ = ["compare", "compare_in", "plan_of", "seeds_of"]

_WARM_FORMULAS, _WARM_SECONDS = 2_500, 3.0  # of a run that does not count

Seen = Callable[[str, int, Progress], None]
"""Told the searcher, the number of the run and its progress, now and then."""


def compare(
    task: Task,
    searchers: Sequence[Way] | Ways,
    budget: int = 50_000,
    seeds: int | Sequence[int] = 5,
    *,
    level: float | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | Seen = True,
    **settings: Any,
) -> Comparison:
    """Let several searchers search the same task, with the same evaluations and the same seeds.

    Seed by seed, each searcher in turn; first each runs for a moment that does not count, so that loading the
    kernels is not charged to the first seed.

    Args:
        task: the question.
        searchers: names, objects with the methods of `Searcher`, or both; networks (`conv1d`, a `Learner`)
            and policies that trade (`dqn`, a `Trader`) too. A mapping gives them names, as in
            `{"gep": "gep", "small gep": GEP(population=50)}`.
        budget: distinct formulas that every run may evaluate; a network ends by its own rules.
        seeds: how many (0, 1, …), or which.
        level: figure that searchers are timed to (`Comparison.level`).
        out: folder to keep every run in, new or empty.
        resume: go on with the comparison in `out`: runs that are missing or half-way are made, searchers and
            seeds that it does not know are added.
        progress: show a bar on standard error, or a function that is told the searcher, the number of the run
            and its `Progress`.
        settings: of all runs, as `search` takes them: seconds, threads, functions, windows, ….

    Raises:
        RecipeError: an unknown searcher or setting; no searcher, two of a name, budget or seeds below 1.
        FormulaError: an alphabet or chromosome that can not be. TaskError: a network or trader that can not
            be fitted to the task.
        RunError: a folder that can not be written, is damaged, or belongs to another comparison.
    """
    check_task(task, "compare")
    budget = whole("budget", budget)
    ways = _named(searchers)
    if "settings" in settings:
        raise RecipeError("settings are of one searcher: compare an object, as GEP(population=500)")
    plan = plan_of(ways, seeds_of(seeds), level)
    if out is None:
        if resume:
            raise RecipeError("resume needs out: the folder of the comparison to go on with")
        check(task, ways)
        contest = _Contest(task, ways, plan, budget, settings, None)
        return contest.run(progress)
    folder = (
        _open(out, task, settings, budget) if resume else _create(out, task, ways, settings, budget, plan)
    )
    return compare_in(folder, task, ways, plan, resume=resume, progress=progress)


def compare_in(
    folder: ComparisonFolder,
    task: Task,
    ways: Ways,
    plan: Plan,
    *,
    resume: bool,
    progress: bool | Seen = True,
) -> Comparison:
    """Make the runs that a folder lacks, with the settings of its recipe; write rows, page and picture."""
    from quarva.runs.from_recipe import search_settings

    try:
        check(task, ways)
        if resume:
            plan = folder.go_on(task, plan)
            recipe = folder.recipe()
            missing = [name for name in plan.searchers if name not in ways]
            ways = {**ways_of(missing, recipe.searcher, recipe.settings), **ways}
        settings = search_settings(folder.recipe())
        del settings["settings"]  # are in the searchers already
        contest = _Contest(task, ways, plan, settings.pop("budget"), settings, folder)
        found = contest.run(progress)
    except QuarvaError:
        if not resume:
            folder.discard()
        raise
    if found.runs:
        folder.write("rows.json", {"rows": found.rows()})
        found.save(folder.path / "comparison.html")
        if is_installed("matplotlib"):
            found.save(folder.path / "comparison.png")
    return found


def _named(searchers: Sequence[Way] | Ways) -> dict[str, Way]:
    """Searchers by name. Raises RecipeError for none, an unknown one, or two of a name."""
    if isinstance(searchers, str):
        searchers = [searchers]
    if isinstance(searchers, Mapping):
        ways = dict(searchers)
    else:
        names = [made(each)[0] for each in searchers]
        for name in names:
            if names.count(name) > 1:
                raise RecipeError(f"searcher '{name}' is there twice; a mapping can give them names")
        ways = dict(zip(names, searchers, strict=True))
    if not ways:
        raise RecipeError("no searcher to compare: name at least one")
    for way in ways.values():
        made(way)
    return ways


def plan_of(ways: Ways, seeds: tuple[int, ...], level: float | None) -> Plan:
    """What will be run, each searcher described by its kind and settings, to know it again."""
    return Plan({name: describe(made(way)[1]) for name, way in ways.items()}, seeds, level)


def seeds_of(seeds: int | Sequence[int]) -> tuple[int, ...]:
    """Seeds 0, 1, … or those given. Raises RecipeError for none, a negative one or one that comes twice."""
    if isinstance(seeds, Sequence | np.ndarray):
        numbers = tuple(whole("a seed", seed, 0) for seed in seeds)
    else:
        numbers = tuple(range(whole("seeds", seeds)))
    if not numbers:
        raise RecipeError(f"seeds must be 1 or more, not {seeds}")
    if min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise RecipeError(f"seeds must be 0 or more and differ, not {', '.join(map(str, numbers))}")
    return numbers


def _create(
    out: str | Path, task: Task, ways: Ways, settings: dict[str, Any], budget: int, plan: Plan
) -> ComparisonFolder:
    from quarva.runs.to_recipe import make_run_folder

    asked = {
        "searcher": next((name for name in ways if name in SEARCHERS), "gep"),
        "budget": budget,
        "seed": plan.seeds[0],
        **settings,
    }
    root = make_run_folder(out, task, asked)
    folder = ComparisonFolder(root.path)
    folder.begin(task, plan)
    return folder


def _open(out: str | Path, task: Task, settings: dict[str, Any], budget: int) -> ComparisonFolder:
    """The folder, if it has the same settings; those that only limit time may differ."""
    from quarva.runs.recipe import Recipe

    folder = ComparisonFolder.open(out)
    before, now = folder.recipe(), Recipe.of({**settings, "budget": budget})
    for name in ("budget", *settings):
        if name != "threads" and getattr(before, name) != getattr(now, name):
            raise RunError(
                f"{out} belongs to another comparison: its {name} was {getattr(before, name)}, and is "
                f"{getattr(now, name)} now; name another folder"
            )
    return folder


@dataclass
class _Contest:
    """All runs, one after the other."""

    task: Task
    ways: Ways
    plan: Plan
    budget: int
    settings: dict[str, Any]
    folder: ComparisonFolder | None

    def run(self, progress: bool | Seen) -> Comparison:
        figure = "validation" if self.task.has_validation else "train"
        runs: dict[tuple[str, int], Run] = {}
        pairs = [(name, seed) for seed in self.plan.seeds for name in self.plan.searchers]
        if self.folder is not None:
            for name, seed in pairs:
                made = self.folder.made(name, seed, self.budget, figure)
                if made is not None:
                    runs[name, seed] = made
        left = [pair for pair in pairs if pair not in runs]
        if self.task.table is not None and left:
            # Whether a formula is exact is asked of the reference, and torch takes seconds to load.
            importlib.import_module("quarva.engine.reference")
        with self._shown(progress, len(pairs), len(runs)) as show:
            interrupted = any(self._warm_up(name) for name in dict.fromkeys(name for name, _ in left))
            for name, seed in [] if interrupted else left:
                number = len(runs)
                told = self._run(name, seed, lambda now: show(name, number, now))  # noqa: B023
                if told is None:
                    interrupted = True
                    break
                runs[name, seed] = Run.of(*told, name, figure)
        ordered = tuple(
            runs[name, seed]
            for name in self.plan.searchers
            for seed in self.plan.seeds
            if (name, seed) in runs
        )
        return Comparison(
            self.task, tuple(self.plan.searchers), self.plan.seeds, self.budget, ordered, self.plan.level,
            interrupted, tuple(name for name in self.plan.searchers if is_learner(self._way(name))),
        )  # fmt: skip

    def _shown(self, progress: bool | Seen, runs: int, done: int) -> Any:
        if callable(progress):
            return nullcontext(progress)
        if not progress:
            return nullcontext(lambda *_: None)
        from quarva.comparison.progress import bar

        return bar(self.task, runs, done, self.budget)

    def _warm_up(self, name: str) -> bool:
        """Run a searcher for a moment; whether Ctrl-C ended that. A learner needs none."""
        if is_learner(self._way(name)):
            return False
        given = self.settings | {"seconds": _WARM_SECONDS, "progress": False}
        found = search(self.task, self._way(name), min(self.budget, _WARM_FORMULAS), **given)
        if found.stopped == "seconds":  # its time may have gone into compiling what the first batch needs
            found = search(self.task, self._way(name), min(self.budget, _WARM_FORMULAS), **given)
        return found.stopped == "interrupted"

    def _way(self, name: str) -> Any:
        """A searcher or learner that nobody used yet."""
        way = self.ways[name]
        return made(way)[1] if isinstance(way, str) else copy.deepcopy(way)

    def _run(
        self, name: str, seed: int, observer: Callable[[Progress], None]
    ) -> tuple[dict[str, Any], Mapping[str, Any]] | None:
        """Record and incumbents of a run; None where Ctrl-C ended it."""
        way = self._way(name)
        folder = None if self.folder is None else self.folder.run_folder(name, seed)
        if is_learner(way):
            try:
                record, incumbents = fit_run(self.task, way, seed)
            except KeyboardInterrupt:
                return None
            record |= {"searcher": name, "budget": self.budget}
            tables: dict[str, Mapping[str, Any]] = {INCUMBENTS: incumbents}
        else:
            found = self._search(way, seed, observer, folder)
            if found.stopped == "interrupted":
                return None
            record, incumbents = findings_record(found, ""), found.incumbents
            tables = {INCUMBENTS: incumbents, "history.parquet": found.history}
        if self.folder is not None and folder is not None:
            self.folder.keep(record, tables, folder, name)
        return record, incumbents

    def _search(
        self, way: Searcher, seed: int, observer: Callable[[Progress], None], folder: RunFolder | None
    ) -> Findings:
        given = self.settings | {"seed": seed, "progress": observer}
        if folder is not None and isinstance(way, Resumable):
            given |= {"checkpoint": folder.checkpoint, "resume": folder.checkpoint.exists()}
        return search(self.task, way, self.budget, **given)
