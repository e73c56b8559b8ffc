"""The function `search`, and its counterpart for a run folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

import numpy as np

from quarva._runtime.whole import whole
from quarva.engine import Device, threads_to_use
from quarva.errors import FormulaError, QuarvaError, RecipeError
from quarva.karva.alphabet import PANEL_FUNCTIONS, TABLE_FUNCTIONS, WINDOWS, Alphabet
from quarva.karva.genes import GeneShape
from quarva.karva.grammar import Grammar
from quarva.karva.grammar.units import unit_of
from quarva.karva.notation import render
from quarva.loop.findings import Findings
from quarva.loop.loop import Loop
from quarva.loop.memory import Memory
from quarva.loop.offsets import offsets_of
from quarva.loop.probe_panel import probe_panel_of
from quarva.loop.probe_rows import probe_rows_of
from quarva.loop.progress import Progress
from quarva.loop.searcher import SearchContext, Searcher
from quarva.loop.tuning import tuner_for
from quarva.runs.recipe import SearchRecipe
from quarva.runs.search_set import USUAL_SIZE, known_formulas, reward_for, with_set
from quarva.runs.settings import (
    LanguageSettings,
    LimitSettings,
    SearcherSettings,
    SetSettings,
    names_of,
    values_of,
)
from quarva.searchers.blend.blend import Blend
from quarva.searchers.gep.gep import GEP
from quarva.searchers.policy import Policy
from quarva.searchers.random_search import RandomSearch
from quarva.tasks import TRAIN, Task, check_task

if TYPE_CHECKING:
    from quarva.runs.record import Kept
    from quarva.runs.run_folder import RunFolder

__all__ = ["SEARCHERS", "make_searcher", "search", "search_in", "settings_of_searcher"]

SEARCHERS: dict[str, Callable[..., Searcher]] = {
    "gep": GEP, "policy": Policy, "blend": Blend, "random": RandomSearch,
}  # fmt: skip
"""Searchers by name."""

_PANEL_HEAD, _TABLE_HEAD = 10, 24
_SHORT_WINDOW = 40  # longer default windows are used if the training part is at least twice as long
_SETTINGS = (LimitSettings, LanguageSettings, SearcherSettings, SetSettings)  # arguments of `search`


def search(
    task: Task,
    searcher: str | Searcher = "gep",
    budget: int = 50_000,
    *,
    seed: int = 0,
    seconds: float | None = None,
    memory_mb: float | None = None,
    threads: int | None = None,
    device: Device = "cpu",
    functions: Sequence[str] | None = None,
    windows: int | Sequence[int] | None = None,
    numbers: Sequence[float] = (),
    constants: bool | None = None,
    tuning_steps: int | None = None,
    head: int | None = None,
    genes: int = 1,
    link: str = "add",
    unit_free: bool | None = None,
    units: Mapping[str, str] | None = None,
    settings: dict[str, Any] | None = None,
    set_size: int = USUAL_SIZE,
    start: str | Sequence[str] | None = None,
    reward: str | None = None,
    out: str | Path | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool | Callable[[Progress], None] = True,
) -> Findings:
    """Search for formulas that predict the target of a task.

    On the same machine, the same arguments give bit-identical findings for any number of threads, unless
    `seconds` or `memory_mb` ends the search.

    Parameters
    ----------
    task : Task
        The task. Its sealed test is not read.
    searcher : str or Searcher, default "gep"
        A name in `SEARCHERS`, or an object with the methods of `Searcher`.
    budget : int, default 50,000
        Maximum number of distinct formulas to evaluate.
    seed : int, default 0
        Seed of all random numbers.
    seconds : float, optional
        Time limit in seconds. For a resumed search, time is counted from its resumption.
    memory_mb : float, optional
        Limit on the peak memory of the process in MiB.
    threads : int, optional
        Number of threads. Defaults to one per core.
    device : {"cpu", "cuda", "auto"}, default "cpu"
        Device that scores formulas; "auto" is the faster one by measurement on this machine. The scores of a
        GPU agree with those of the CPU to float32 precision, so findings may differ.
    functions : sequence of str, optional
        Operators. Defaults to `PANEL_FUNCTIONS`, and for a table to `TABLE_FUNCTIONS`.
    windows : int or sequence of int, optional
        Windows of rolling operators, in bars. Defaults to `WINDOWS`.
    numbers : sequence of float, optional
        Numbers that formulas may contain, by default none. For a table in float64, the offsets of its columns
        are added; see `quarva.loop.offsets`.
    constants : bool, optional
        Whether formulas contain random constants. Defaults to true for tables only, because a scale or a
        shift does not change a ranking of assets.
    tuning_steps : int, optional
        Number of further steps that tune the constants of a promising formula, each of which counts as an
        evaluation; 0 for no tuning. Defaults to 10 for a table with constants and elementwise formulas, and
        to 0 otherwise.
    head : int, optional
        Length of the head of a gene. Defaults to 10, and for a table to 24.
    genes : int, default 1
        Number of genes of a chromosome.
    link : str, default "add"
        Operator that links the genes.
    unit_free : bool, optional
        Whether formulas must be unit-free: sums and comparisons of like units only, and a result without a
        unit, such as a ratio of prices or a rank. Defaults to true for a panel on which such formulas exist,
        and to false for a table.
    units : mapping of str to str, optional
        Units of fields whose names do not imply them, such as {"earnings": "price"}. A field with an unknown
        name and no unit here fits any unit.
    settings : dict, optional
        Settings of a searcher given by name, such as {"population": 500}.
    set_size : int, default 400
        Number of the best formulas, besides those of `start`, from which the set is fitted; 0 for no set. A
        table, a panel of fewer than 3 assets and an objective that trades have none.
    start : str or sequence of str, optional
        Known formulas that may enter the set: collections of `sets.STARTS`, files of formulas (see
        `sets.starting_formulas`), or "none". They are no evaluations. Defaults to "alpha158".
    reward : {"gain", "own"}, optional
        What the searcher maximises: what a formula adds to the set (see `sets.marginal_gain`), or its own
        score. Defaults to "gain" if there is a set and constants are not tuned.
    out : path-like, optional
        New or empty folder for the run: recipe, data, checkpoint, findings, signals, history and page. By
        default nothing is written.
    checkpoint : path-like, optional
        File for the state of the search. It cannot be combined with `out`.
    resume : bool, default False
        Whether to continue the run in `out` or from the checkpoint. All other arguments must be as before,
        except for the limits: budget, seconds, memory_mb and threads.
    progress : bool or callable, default True
        Whether to show a progress bar on standard error, or a function to call repeatedly with a `Progress`.

    Returns
    -------
    Findings

    Raises
    ------
    TaskError
        `task` is not a Task.
    FormulaError
        The alphabet or the shape of the chromosomes is invalid.
    RecipeError
        The searcher or a setting is unknown or out of range, or constants cannot be tuned.
    RunError
        The folder or checkpoint cannot be written or does not belong to this search.
    DeviceError
        The GPU is not available.
    """
    check_task(task, "search")
    budget, seed = whole("budget", budget), whole("seed", seed, 0)
    genes, head = whole("genes", genes), None if head is None else whole("head", head)
    threads = None if threads is None else whole("threads", threads)
    tuning_steps = None if tuning_steps is None else whole("tuning_steps", tuning_steps, 0)
    _check_limits(seconds=seconds, memory_mb=memory_mb)
    set_size, start = whole("set_size", set_size, 0), [start] if isinstance(start, str) else start
    known = known_formulas(task, start)
    functions = [functions] if isinstance(functions, str) else functions
    windows = [windows] if isinstance(windows, int | float) else windows
    windows = None if windows is None else [whole("a window", window) for window in windows]
    name, way = make_searcher(searcher, settings)
    if out is not None:
        if checkpoint is not None:
            raise RecipeError("a run folder has its own checkpoint; pass out or checkpoint, not both")
        given = {**locals(), **dict(zip(("searcher", "settings"), settings_of_searcher(way), strict=True))}
        asked = {each: given[each] for each in names_of(*_SETTINGS)}
        return _search_out(out, task, way, asked, resume, progress)
    is_table = task.table is not None
    usual_head = _TABLE_HEAD if is_table else _PANEL_HEAD
    alphabet = _alphabet(task, functions, windows, numbers, is_table if constants is None else constants)
    shape = GeneShape(head=usual_head if head is None else head, genes=genes, link=link)
    units = _units(task, alphabet, shape, unit_free, units)
    tuner = tuner_for(task, alphabet, shape, tuning_steps, threads_to_use(threads))
    space = SearchContext(
        alphabet=alphabet,
        shape=shape,
        memory=Memory(),
        budget=budget,
        seed=seed,
        threads=threads_to_use(threads),
        device=device,
        probe_rows=probe_rows_of(task),
        probe_panel=probe_panel_of(task, alphabet),
        units=units,
        skeletons=None if tuner is None else tuner.skeletons,
    )
    loop = Loop(task, way, name, space, seconds, memory_mb, Path(checkpoint) if checkpoint else None, resume)
    loop.tuner = tuner
    loop.reward = reward_for(task, reward, space, known, set_size)
    loop.start = sha256("\n".join(render(tree) for tree in known).encode()).hexdigest() if known else "none"
    found = _run(loop, progress)
    return with_set(found, known, loop.reward, set_size, seed, threads)


def _check_limits(**limits: float | None) -> None:
    """Raise RecipeError unless each limit is None or a number of 0 or more; NaN would never be reached."""
    for name, limit in limits.items():
        number = limit is None or (isinstance(limit, SupportsFloat) and not isinstance(limit, bool))
        if not number or (limit is not None and not float(limit) >= 0):
            raise RecipeError(f"{name} must be a number of 0 or more, not {limit!r}")


def _alphabet(
    task: Task,
    functions: Sequence[str] | None,
    windows: Sequence[int] | None,
    numbers: Sequence[float],
    constants: bool,
) -> Alphabet:
    """Build the alphabet. Raises FormulaError if it is invalid or a window is longer than the panel."""
    panel = task.panel
    days = panel.shape[0]
    longest = max(windows or (), default=0)
    if task.table is None and panel.conventions == "quarva" and longest > days:
        raise FormulaError(
            f"a window of {longest} days does not fit the panel, which has {days}; shorten it, or add days"
        )
    usual = TABLE_FUNCTIONS if task.table is not None else PANEL_FUNCTIONS
    if windows is None:
        trained = np.count_nonzero(task.segments == TRAIN)
        windows = [window for window in WINDOWS if window <= _SHORT_WINDOW or 2 * window <= trained]
    chosen = usual if functions is None else functions
    numbers = (*numbers, *offsets_of(task))
    exact = panel.precision == "float64"
    return Alphabet.build(task.fields, chosen, windows, tuple(panel.groups), numbers, constants, exact=exact)


def _units(
    task: Task, alphabet: Alphabet, shape: GeneShape, unit_free: bool | None, units: Mapping[str, str] | None
) -> dict[str, str] | None:
    """Units of fields for a search of unit-free formulas. None if formulas may have any unit."""
    if unit_free is False or (unit_free is None and task.table is not None):
        if units:
            raise RecipeError(
                "units matter only to a search of unit-free formulas; leave out units, or set unit_free"
            )
        return None
    units = dict(units or {})
    try:
        Grammar(alphabet, shape, ("units",), units, unit_free=True)
    except FormulaError as error:
        if unit_free or units:
            raise
        task.notes.append(f"formulas may have any unit, because {error}")
        return None
    unknown = [name for name in alphabet.fields if name not in units and unit_of(name) == "free"]
    if unknown:
        task.notes.append(
            f"the names {', '.join(unknown)} do not imply a unit, so any is assumed; state it in units"
        )
    return units


def _run(loop: Loop, progress: bool | Callable[[Progress], None]) -> Findings:
    """Run the loop, with a progress bar if `progress` is True."""
    if callable(progress):
        loop.observer = progress
    if progress is not True:
        return loop.run()
    from quarva.loop.progress import bar

    with bar(loop.task, loop.context.budget) as loop.observer:
        return loop.run()


def _search_out(
    out: str | Path,
    task: Task,
    searcher: Searcher,
    asked: dict[str, Any],
    resume: bool,
    progress: bool | Callable[[Progress], None],
) -> Findings:
    """Create or resume a run folder for a task from Python, and search in it."""
    from quarva.runs.run_folder import RunFolder
    from quarva.runs.to_recipe import make_run_folder

    if resume:
        folder = RunFolder.open(out, "search")
        recipe = replace(folder.search_recipe(), **SearchRecipe.of(asked).settings_of_search())
    else:
        folder, recipe = make_run_folder(out, task, SearchRecipe, asked)
    return search_in(folder, task, recipe, searcher, resume=resume, progress=progress).found


def search_in(
    folder: "RunFolder",
    task: Task,
    recipe: SearchRecipe,
    searcher: Searcher | None = None,
    *,
    resume: bool = False,
    progress: bool | Callable[[Progress], None] = True,
    read_test: bool = False,
) -> "Kept[Findings]":
    """Search in a run folder, and write findings and page to it.

    Parameters
    ----------
    folder : RunFolder
        A folder with a recipe. It is removed if a new run fails before its first evaluation.
    task : Task
        The task of the recipe.
    recipe : SearchRecipe
        The settings.
    searcher : Searcher, optional
        Searcher to use instead of that of the recipe.
    resume : bool, default False
        Whether to continue from the checkpoint of the folder, if there is one.
    progress : bool or callable
        As in `search`.
    read_test : bool, default False
        Whether to read the sealed test for the best formula.

    Returns
    -------
    Kept

    Raises
    ------
    QuarvaError
        As in `search`; RecipeError also if the budget is below the evaluations of the run to be resumed.
    """
    from quarva.runs.record import keep_findings

    if resume and folder.has_findings:
        done = folder.findings()["evaluations"]
        if recipe.budget < done:
            raise RecipeError(
                f"{folder.path} already has {done:,} evaluations, more than a budget of {recipe.budget:,}; "
                "pass a larger budget, or search in another folder"
            )
    settings = recipe.settings_of_search()
    if searcher is not None:
        settings |= {"searcher": searcher, "settings": None}
    try:
        found = search(
            task, **settings, checkpoint=folder.checkpoint, resume=resume and folder.checkpoint.exists(),
            progress=progress,
        )  # fmt: skip
    except QuarvaError:
        if not resume:
            folder.discard()
        raise
    if resume:
        folder.change_recipe(SearchRecipe, **values_of(recipe, LimitSettings))
    return keep_findings(found, folder, recipe, read_test=read_test)


def settings_of_searcher(searcher: Searcher) -> tuple[str, dict[str, Any]]:
    """Return the name and the settings of a searcher for a recipe.

    For a class that is not in `SEARCHERS`, they are the name of the class and no settings; a recipe cannot
    create such a searcher.
    """
    own: Any = searcher
    for name, make in SEARCHERS.items():
        if type(own) is make:
            changed = {each.name: getattr(own, each.name) for each in fields(own)
                       if each.init and getattr(own, each.name) != each.default}  # fmt: skip
            return name, changed
    return type(own).__name__, {}


def make_searcher(searcher: str | Searcher, settings: dict[str, Any] | None = None) -> tuple[str, Searcher]:
    """Return the name and the object of a searcher. Raises RecipeError if a name or setting is invalid."""
    if not isinstance(searcher, str):
        if isinstance(searcher, type) or not hasattr(searcher, "begin"):
            names = ", ".join(SEARCHERS)
            raise RecipeError(f"a searcher must be one of {names} or a Searcher object, not {searcher!r}")
        return settings_of_searcher(searcher)[0], searcher
    if searcher not in SEARCHERS:
        raise RecipeError(f"unknown searcher '{searcher}'; choose one of {', '.join(SEARCHERS)}")
    make = SEARCHERS[searcher]
    known = list(getattr(make, "__dataclass_fields__", {}))
    for setting in settings or {}:
        if setting not in known:
            raise RecipeError(
                f"the searcher '{searcher}' has no setting '{setting}'; choose one of {', '.join(known)}"
            )
    try:
        return searcher, make(**(settings or {}))
    except TypeError as error:
        raise RecipeError(f"a setting of the searcher '{searcher}' has the wrong type; {error}") from None
