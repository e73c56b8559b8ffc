"""The function `compare`, and its counterpart for the folder of a comparison."""

import copy
import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from quarva._runtime.whole import whole
from quarva.comparison.comparison import Comparison
from quarva.comparison.folder import INCUMBENTS, ComparisonFolder, check_names
from quarva.comparison.recipe import CompareRecipe, seeds_of
from quarva.comparison.registry import Entrant, check, entry_of, is_learner, made, made_from
from quarva.comparison.run import Run
from quarva.errors import QuarvaError, RecipeError, RunError
from quarva.loop import Findings, Progress, Resumable, Searcher
from quarva.runs import FitRecipe, search
from quarva.runs.record import findings_record, write_fitted
from quarva.runs.run_folder import RunFolder
from quarva.tasks import Task, check_task

__all__ = ["compare", "compare_in"]

_WARM_FORMULAS, _WARM_SECONDS = 2_500, 3.0  # limits of a warm-up run

Observer = Callable[[str, int, Progress], None]
"""Called with the name of the entry, the number of the run and its progress."""


def compare(
    task: Task,
    searchers: Sequence[Entrant] | Mapping[str, Entrant],
    budget: int = 50_000,
    seeds: int | Sequence[int] = 5,
    *,
    level: float | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | Observer = True,
    **settings: Any,
) -> Comparison:
    """Compare searchers, networks and traders on a task, with the same evaluations and the same seeds.

    All entries run with the first seed, then with the next one. Each searcher has a short warm-up run before,
    so that loading the kernels does not count towards the time of the first seed.

    Parameters
    ----------
    task : Task
        The task.
    searchers : sequence or mapping
        Searchers (by name, or objects with the methods of `Searcher`), networks (by name, such as "conv1d",
        or `Learner` objects) and traders (by name, such as "dqn", or `Trader` objects). The keys of a mapping
        are the names of the entries: `{"gep": "gep", "small gep": GEP(population=50)}`.
    budget : int, default 50,000
        Number of distinct formulas that each search may evaluate. Networks and traders have their own
        stopping rules.
    seeds : int or sequence of int, default 5
        The seeds, or their number n for the seeds 0 … n − 1.
    level : float, optional
        Training score at which entries are timed; see `Comparison.level`.
    out : path-like, optional
        New or empty folder to which every run is written. By default nothing is written.
    resume : bool, default False
        Whether to continue the comparison in `out`: missing and unfinished runs are completed, new entries
        and seeds are added.
    progress : bool or callable, default True
        Whether to show a progress bar on standard error, or a function to call with the name of the entry,
        the number of the run and its `Progress`.
    **settings
        Further arguments of `search` for all searches, such as seconds, threads, functions and windows.

    Returns
    -------
    Comparison

    Raises
    ------
    RecipeError
        A searcher or setting is unknown, there is nothing to compare, a name is used twice, or budget or
        seeds are out of range.
    FormulaError
        The alphabet or the shape of the chromosomes is invalid.
    TaskError
        `task` is not a Task, or a network or trader cannot be fitted to it.
    RunError
        The folder cannot be written, is damaged, or belongs to another comparison.
    """
    check_task(task, "compare")
    entrants = _named(searchers)
    if "settings" in settings:
        raise RecipeError("a comparison has no settings of one searcher; pass an object, GEP(population=500)")
    entries = {name: entry_of(each) for name, each in entrants.items()}
    asked = {
        **settings, "budget": whole("budget", budget), "searchers": entries, "seeds": seeds_of(seeds),
        "level": level,
    }  # fmt: skip
    objects = {name: each for name, each in entrants.items() if not isinstance(each, str)}
    if out is not None:
        folder, recipe = _open(out, settings, asked) if resume else _create(out, task, asked)
        return compare_in(folder, task, recipe, objects, resume=resume, progress=progress)
    if resume:
        raise RecipeError("resume=True continues a folder; pass out=FOLDER as well")
    recipe = CompareRecipe.of(asked)
    check_names(recipe)
    return _Runner(task, recipe, _entrants(task, recipe, objects), None).run(progress)


def compare_in(
    folder: ComparisonFolder,
    task: Task,
    recipe: CompareRecipe,
    objects: Mapping[str, Entrant] | None = None,
    *,
    resume: bool = False,
    progress: bool | Observer = True,
) -> Comparison:
    """Complete the missing runs of a folder, and write rows, page and plots.

    Parameters
    ----------
    folder : ComparisonFolder
        A folder with a recipe. It is removed if a new comparison fails before its first run.
    task : Task
        The task of the recipe.
    recipe : CompareRecipe
        Entries, seeds and settings.
    objects : mapping, optional
        Searchers, networks and traders that replace the entries of the same names.
    resume : bool, default False
        Whether to continue a comparison.
    progress : bool or callable
        As in `compare`.

    Returns
    -------
    Comparison

    Raises
    ------
    QuarvaError
        As in `compare`.
    """
    try:
        entrants = _entrants(task, recipe, objects or {})
        if resume:
            folder.extend(task, recipe)
        found = _Runner(task, recipe, entrants, folder).run(progress)
    except QuarvaError:
        if not resume:
            folder.discard()
        raise
    folder.finish(found)
    return found


def _named(searchers: Sequence[Entrant] | Mapping[str, Entrant]) -> dict[str, Entrant]:
    """Entrants by name. Raises RecipeError if there is none, or if a name is unknown or used twice."""
    if isinstance(searchers, Mapping):
        entrants = dict(searchers)
        for each in entrants.values():
            made(each)
    else:
        listed = [searchers] if isinstance(searchers, str) else list(searchers)
        names = [made(each)[0] for each in listed]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise RecipeError(f"searcher '{twice}' is given twice; pass a mapping with different names")
        entrants = dict(zip(names, listed, strict=True))
    if not entrants:
        raise RecipeError("no searcher given; name at least one")
    return entrants


def _entrants(task: Task, recipe: CompareRecipe, objects: Mapping[str, Entrant]) -> dict[str, Entrant]:
    """Create the entrants of a recipe. Raises TaskError if one cannot be fitted to the task."""
    entrants = {
        name: objects[name] if name in objects else made_from(name, entry)
        for name, entry in recipe.entries.items()
    }
    check(task, entrants)
    return entrants


def _create(out: str | Path, task: Task, asked: dict[str, Any]) -> tuple[ComparisonFolder, CompareRecipe]:
    from quarva.runs.to_recipe import make_run_folder

    check_names(CompareRecipe.of(asked))
    root, recipe = make_run_folder(out, task, CompareRecipe, asked)
    folder = ComparisonFolder(root.path)
    folder.begin(task, recipe)
    return folder, recipe


def _open(
    out: str | Path, settings: Mapping[str, Any], asked: dict[str, Any]
) -> tuple[ComparisonFolder, CompareRecipe]:
    """Open a folder to resume, with the extended recipe. Raises RunError if settings differ."""
    folder = ComparisonFolder.open(out)
    before, now = folder.recipe(), CompareRecipe.of(asked)
    for name in ("budget", *settings):
        if name != "threads" and getattr(before, name) != getattr(now, name):
            raise RunError(
                f"{out} belongs to another comparison: its {name} was {getattr(before, name)} and is now "
                f"{getattr(now, name)}; name another folder"
            )
    return folder, before.with_more({name: asked[name] for name in ("searchers", "seeds", "level")}, out)


@dataclass
class _Runner:
    """Executes all runs, one after the other."""

    task: Task
    recipe: CompareRecipe
    entrants: dict[str, Entrant]
    folder: ComparisonFolder | None

    def run(self, progress: bool | Observer) -> Comparison:
        """Execute the missing runs and return the comparison."""
        recipe = self.recipe
        runs: dict[tuple[str, int], Run] = {}
        pairs = [(name, seed) for seed in recipe.seeds for name in recipe.entries]
        if self.folder is not None:
            for name, seed in pairs:
                ended = self.folder.made(recipe, name, seed, self._figure)
                if ended is not None:
                    runs[name, seed] = ended
        left = [pair for pair in pairs if pair not in runs]
        if self.task.table is not None and left:
            # The test for exact formulas needs the reference, and importing torch takes seconds.
            importlib.import_module("quarva.engine.reference")
        with self._shown(progress, len(pairs), len(runs)) as show:
            interrupted = any(self._warm_up(name) for name in dict.fromkeys(name for name, _ in left))
            for name, seed in [] if interrupted else left:
                number = len(runs)
                run = self._run(name, seed, lambda now: show(name, number, now))  # noqa: B023
                if run is None:
                    interrupted = True
                    break
                runs[name, seed] = run
        ordered = [runs[name, seed] for name in recipe.entries for seed in recipe.seeds
                   if (name, seed) in runs]  # fmt: skip
        return Comparison(
            self.task, tuple(recipe.entries), recipe.seeds, recipe.budget, tuple(ordered), recipe.level,
            interrupted, tuple(name for name, each in self.entrants.items() if is_learner(each)),
        )  # fmt: skip

    @property
    def _figure(self) -> str:
        return "validation" if self.task.has_validation else "train"

    def _shown(self, progress: bool | Observer, runs: int, done: int) -> Any:
        if callable(progress):
            return nullcontext(progress)
        if not progress:
            return nullcontext(lambda *_: None)
        from quarva.comparison.progress import bar

        return bar(self.task, runs, done, self.recipe.budget)

    def _warm_up(self, name: str) -> bool:
        """Run a searcher for a moment; return True if Ctrl-C ended it. Learners need no warm-up."""
        if is_learner(self.entrants[name]):
            return False
        given = self.recipe.settings_of_searches() | {"seconds": _WARM_SECONDS, "progress": False}
        given["set_size"] = 0  # single formulas are compared
        given["budget"] = min(self.recipe.budget, _WARM_FORMULAS)
        found = search(self.task, self._unused(name), **given)
        if found.stopped == "seconds":  # the time may have been spent on compiling kernels
            found = search(self.task, self._unused(name), **given)
        return found.stopped == "interrupted"

    def _unused(self, name: str) -> Any:
        """Copy an entrant in its initial state."""
        return copy.deepcopy(self.entrants[name])

    def _run(self, name: str, seed: int, observer: Callable[[Progress], None]) -> Run | None:
        """Execute a run; None if Ctrl-C ended it."""
        folder = None if self.folder is None else self.folder.run_folder(self.recipe, name, seed)
        entrant = self._unused(name)
        if is_learner(entrant):
            return self._fit(name, entrant, seed, folder)
        found = self._search(entrant, seed, observer, folder)
        if found.stopped == "interrupted":
            return None
        incumbents = found.incumbents
        record = findings_record(found, "" if folder is None else str(folder.path)) | {"searcher": name}
        if self.folder is not None and folder is not None:
            self.folder.keep(record, {INCUMBENTS: incumbents, "history.parquet": found.history}, folder)
        return Run.of(record, incumbents, name, self._figure)

    def _fit(self, name: str, learner: Any, seed: int, folder: RunFolder | None) -> Run | None:
        """Fit a network or a trader; None if Ctrl-C ended it."""
        began = time.perf_counter()
        try:
            fitted = replace(learner, seed=seed).fit(self.task, progress=lambda *_: None)
        except KeyboardInterrupt:
            return None
        if fitted.ended == "interrupted":
            return None
        record = _record_of(fitted) | {"seconds": round(time.perf_counter() - began, 3)}
        if self.folder is not None and folder is not None:
            mine = self.recipe.recipe_of_run(name, seed, {})
            if isinstance(mine, FitRecipe):
                record = write_fitted(fitted, self.task, folder, mine, seconds=record["seconds"])
            else:
                self.folder.keep(record, {}, folder)
        return Run.of_learner(record, name, seed, self._figure)

    def _search(
        self, searcher: Searcher, seed: int, observer: Callable[[Progress], None], folder: RunFolder | None
    ) -> Findings:
        given = self.recipe.settings_of_searches() | {"seed": seed, "progress": observer, "set_size": 0}
        if folder is not None and isinstance(searcher, Resumable):
            given |= {"checkpoint": folder.checkpoint, "resume": folder.checkpoint.exists()}
        return search(self.task, searcher, **given)


def _record_of(learned: Any) -> dict[str, Any]:
    """Convert a trained network or trader to a record: its size, scores and stopping reason."""
    kind = "trader" if hasattr(learned, "algorithm") else "network"
    figures = {"train": learned.train, "validation": learned.validation}
    return {
        "parameters": learned.parameters, "ended": learned.ended, "notes": list(learned.notes),
        "baselines": dict(learned.baselines), "best": {kind: learned.title, **figures},
    }  # fmt: skip
