"""The verb `compare`, and the same in a folder."""

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

_WARM_FORMULAS, _WARM_SECONDS = 2_500, 3.0  # of a run that does not count

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

    Seed by seed, each runs in turn. Before that each searcher runs for a moment that does not count, so that
    loading the kernels is not charged to the first seed.

    Parameters
    ----------
    task : Task
        The question.
    searchers : sequence or mapping
        Names, objects with the methods of `Searcher`, networks (`conv1d`, a `Learner`) and policies that
        trade (`dqn`, a `Trader`). A mapping names them: `{"gep": "gep", "small gep": GEP(population=50)}`.
    budget : int
        Distinct formulas that every run may evaluate. A network ends by its own rules.
    seeds : int or sequence of int
        How many (0, 1, …), or which.
    level : float, optional
        Figure that they are timed to, see `Comparison.level`.
    out : path-like, optional
        Folder to keep every run in, new or empty.
    resume : bool
        Continue the comparison in `out`: missing and unfinished runs are made, new entries and seeds added.
    progress : bool or callable
        True shows a bar on standard error. A function is called with the name of the entry, the number of the
        run and its `Progress`.
    **settings
        Settings of all searches, as `search` takes them: seconds, threads, functions, windows, ….

    Returns
    -------
    Comparison

    Raises
    ------
    RecipeError
        An unknown searcher or setting; nothing to compare, a name used twice, budget or seeds below 1.
    FormulaError
        An alphabet or chromosome that is not possible.
    TaskError
        A network or trader that cannot be fitted to the task.
    RunError
        A folder that cannot be written, is damaged, or belongs to another comparison.
    """
    check_task(task, "compare")
    entrants = _named(searchers)
    if "settings" in settings:
        raise RecipeError("settings are of one searcher: compare an object, as GEP(population=500)")
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
        raise RecipeError("resume needs out: the folder of the comparison to continue")
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
    """Make the runs that a folder lacks, and write rows, page and picture.

    Parameters
    ----------
    folder : ComparisonFolder
        A folder that holds the recipe. If a new comparison fails before its first run, the folder is removed.
    task : Task
        The question of the recipe.
    recipe : CompareRecipe
        Entries, seeds and settings.
    objects : mapping, optional
        Searchers, networks and traders that replace those that the entries of the same name describe.
    resume : bool
        Continue a comparison.
    progress : bool or callable
        See `compare`.

    Returns
    -------
    Comparison

    Raises
    ------
    QuarvaError
        See `compare`.
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
    """Entrants by name. Raises RecipeError for none, an unknown one, or two of a name."""
    if isinstance(searchers, Mapping):
        entrants = dict(searchers)
        for each in entrants.values():
            made(each)
    else:
        listed = [searchers] if isinstance(searchers, str) else list(searchers)
        names = [made(each)[0] for each in listed]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise RecipeError(f"searcher '{twice}' is there twice; a mapping can give them names")
        entrants = dict(zip(names, listed, strict=True))
    if not entrants:
        raise RecipeError("no searcher to compare: name at least one")
    return entrants


def _entrants(task: Task, recipe: CompareRecipe, objects: Mapping[str, Entrant]) -> dict[str, Entrant]:
    """The entrants of a recipe. Raises TaskError for one that cannot be fitted to the task."""
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
    """The folder, if it has the same settings."""
    folder = ComparisonFolder.open(out)
    before, now = folder.recipe(), CompareRecipe.of(asked)
    for name in ("budget", *settings):
        if name != "threads" and getattr(before, name) != getattr(now, name):
            raise RunError(
                f"{out} belongs to another comparison: its {name} was {getattr(before, name)}, and is "
                f"{getattr(now, name)} now; name another folder"
            )
    return folder, before.with_more({name: asked[name] for name in ("searchers", "seeds", "level")}, out)


@dataclass
class _Runner:
    """Makes all runs, one after the other."""

    task: Task
    recipe: CompareRecipe
    entrants: dict[str, Entrant]
    folder: ComparisonFolder | None

    def run(self, progress: bool | Observer) -> Comparison:
        """Make the runs that are missing."""
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
            # Whether a formula is exact is decided by the reference, and torch takes seconds to load.
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
        """Run a searcher for a moment; whether Ctrl-C ended that. A learner needs none."""
        if is_learner(self.entrants[name]):
            return False
        given = self.recipe.settings_of_searches() | {"seconds": _WARM_SECONDS, "progress": False}
        given["budget"] = min(self.recipe.budget, _WARM_FORMULAS)
        found = search(self.task, self._unused(name), **given)
        if found.stopped == "seconds":  # its time may have gone into compiling what the first batch needs
            found = search(self.task, self._unused(name), **given)
        return found.stopped == "interrupted"

    def _unused(self, name: str) -> Any:
        """A copy of an entrant that has not run yet."""
        return copy.deepcopy(self.entrants[name])

    def _run(self, name: str, seed: int, observer: Callable[[Progress], None]) -> Run | None:
        """Make a run; None if Ctrl-C ended it."""
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
        given = self.recipe.settings_of_searches() | {"seed": seed, "progress": observer}
        if folder is not None and isinstance(searcher, Resumable):
            given |= {"checkpoint": folder.checkpoint, "resume": folder.checkpoint.exists()}
        return search(self.task, searcher, **given)


def _record_of(learned: Any) -> dict[str, Any]:
    """What is kept of a network or trader: what it is, its figures, and why its training ended."""
    kind = "trader" if hasattr(learned, "algorithm") else "network"
    figures = {"train": learned.train, "validation": learned.validation}
    return {
        "parameters": learned.parameters, "ended": learned.ended, "notes": list(learned.notes),
        "baselines": dict(learned.baselines), "best": {kind: learned.title, **figures},
    }  # fmt: skip
