"""The verb: search a task."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from quarva._runtime.whole import whole
from quarva.engine import Device, threads_to_use
from quarva.errors import FormulaError, QuarvaError, RecipeError
from quarva.karva.alphabet import PANEL_FUNCTIONS, TABLE_FUNCTIONS, Alphabet
from quarva.karva.genes import GeneShape
from quarva.loop.findings import Findings
from quarva.loop.loop import Loop, Progress
from quarva.loop.memory import Memory
from quarva.loop.probe_panel import probe_panel_of
from quarva.loop.probe_rows import probe_rows_of
from quarva.loop.searcher import SearchContext, Searcher
from quarva.loop.tuning import tuner_for
from quarva.searchers.blend.blend import Blend
from quarva.searchers.gep.gep import GEP
from quarva.searchers.policy import Policy
from quarva.searchers.random_search import RandomSearch
from quarva.tasks import Task, check_task

__all__ = ["SEARCHERS", "make_searcher", "search"]

SEARCHERS: dict[str, Callable[..., Searcher]] = {
    "gep": GEP, "policy": Policy, "blend": Blend, "random": RandomSearch,
}  # fmt: skip
"""Ways to search, by name."""

_PANEL_HEAD, _TABLE_HEAD = 10, 24


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
    settings: dict[str, Any] | None = None,
    out: str | Path | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool | Callable[[Progress], None] = True,
) -> Findings:
    """Search for formulas that answer a task.

    The same arguments give the same findings, bit for bit, on the same machine, whatever the number of
    threads (unless `seconds` or `memory_mb` ends the search).

    Args:
        task: the question.
        searcher: a name of `SEARCHERS`, or an object with the methods of `Searcher`.
        budget: distinct formulas to evaluate.
        seed: of all random numbers.
        seconds: stop after so many, in this sitting if the search is resumed.
        memory_mb: stop when the process has taken so many MiB.
        threads: None is one a core.
        device: that scores formulas: `cpu`, `cuda`, or `auto`, whichever was measured to be faster on this
            machine. A GPU's scores agree with the CPU's to float32 precision, so findings may differ.
        functions, windows, numbers, constants: the alphabet: operators (by default a panel's or a table's
            usual ones), windows of rolling operators in days, literals, and whether `?` stands for random
            numerical constants. None: a table's formulas may hold constants, a panel's not, for neither a
            scale nor a shift changes a ranking of assets.
        tuning_steps: steps by which the constants of a formula that promises are fitted at most, each counted
            as an evaluation (`quarva.loop.tuning`); 0 for none. None: 10 for a table whose formulas may
            hold constants and are elementwise, elsewhere none, for only squared errors are fitted.
        head, genes, link: form of the chromosomes: positions of a head (10 for panels, 24 for tables),
            genes, and the operator that links them.
        settings: fields of the named searcher, as {"population": 500}.
        out: folder to keep the run in, new or empty: recipe, data, checkpoint, findings, signals, history,
            incumbents; `quarva report` makes its page.
        checkpoint: file that keeps the state of the search, where there is no `out`.
        resume: go on with the run in `out`, or from the checkpoint; the other arguments as before, the budget
            may be larger.
        progress: show a bar on standard error, or a function that is handed a `Progress` now and then.

    Raises:
        FormulaError: an alphabet or chromosome that can not be. RecipeError: an unknown searcher or setting;
            tuning of constants that can not be tuned.
        RunError: a folder or checkpoint that can not be written, or does not belong to this search.
    """
    check_task(task, "search")
    budget, seed = whole("budget", budget), whole("seed", seed, 0)
    genes, head = whole("genes", genes), None if head is None else whole("head", head)
    threads = None if threads is None else whole("threads", threads)
    tuning_steps = None if tuning_steps is None else whole("tuning_steps", tuning_steps, 0)
    functions = [functions] if isinstance(functions, str) else functions
    windows = [windows] if isinstance(windows, int | float) else windows
    windows = None if windows is None else [whole("a window", window) for window in windows]
    name, way = make_searcher(searcher, settings)
    is_table = task.table is not None
    usual_head = _TABLE_HEAD if is_table else _PANEL_HEAD
    alphabet = _alphabet(task, functions, windows, numbers, is_table if constants is None else constants)
    shape = GeneShape(head=usual_head if head is None else head, genes=genes, link=link)
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
        skeletons=None if tuner is None else tuner.skeletons,
    )
    loop = Loop(task, way, name, space, seconds, memory_mb, Path(checkpoint) if checkpoint else None, resume)
    loop.tuner = tuner
    if out is None:
        return _run(loop, progress)
    if checkpoint is not None:
        raise RecipeError("a run folder keeps its own checkpoint: give out or checkpoint, not both")
    asked = {
        "searcher": name, "budget": budget, "seed": seed, "seconds": seconds, "memory_mb": memory_mb,
        "threads": threads, "device": device, "functions": functions, "windows": windows,
        "numbers": tuple(numbers), "constants": constants, "tuning_steps": tuning_steps, "head": head,
        "genes": genes, "link": link, "settings": settings,
    }  # fmt: skip
    return _run_in(out, loop, asked, progress)


def _alphabet(
    task: Task,
    functions: Sequence[str] | None,
    windows: Sequence[int] | None,
    numbers: Sequence[float],
    constants: bool,
) -> Alphabet:
    """The letters for a task. Raises FormulaError for an alphabet that can not be, or that fits no day."""
    panel = task.panel
    days = panel.shape[0]
    longest = max(windows or (), default=0)
    if task.table is None and panel.conventions == "quarva" and longest > days:
        raise FormulaError(
            f"a window of {longest} days is longer than the panel's {days}: shorten it, or give more days"
        )
    usual = TABLE_FUNCTIONS if task.table is not None else PANEL_FUNCTIONS
    chosen = usual if functions is None else functions
    return Alphabet.build(task.fields, chosen, windows, tuple(panel.groups), numbers, constants)


def _run(loop: Loop, progress: bool | Callable[[Progress], None]) -> Findings:
    """Run the loop; with a bar if `progress` is True."""
    if callable(progress):
        loop.observer = progress
        return loop.run()
    if not progress:
        return loop.run()
    from quarva.loop.progress import bar

    with bar(loop.task, loop.space.budget) as loop.observer:
        return loop.run()


def _run_in(
    out: str | Path, loop: Loop, asked: dict[str, Any], progress: bool | Callable[[Progress], None]
) -> Findings:
    """Run the loop in a run folder, a new one or one to go on with."""
    from quarva.runs.record import keep  # with the recipes' pydantic, and polars
    from quarva.runs.run_folder import RunFolder
    from quarva.runs.to_recipe import make_run_folder

    folder = RunFolder.open_search(out) if loop.resume else make_run_folder(out, loop.task, asked)
    loop.checkpoint_path = folder.checkpoint
    # A run that was killed before its first checkpoint has nothing to go on from: it begins again.
    resumed, loop.resume = loop.resume, loop.resume and folder.checkpoint.exists()
    try:
        found = _run(loop, progress)
    except QuarvaError:
        if not resumed:
            folder.discard()
        raise
    if resumed and folder.recipe().budget != found.budget:
        folder.change_recipe(budget=found.budget)
    keep(found, folder)
    return found


def make_searcher(searcher: str | Searcher, settings: dict[str, Any] | None = None) -> tuple[str, Searcher]:
    """Name and object of a searcher.

    Raises:
        RecipeError: no searcher of this name, or a setting that it does not have.
    """
    if not isinstance(searcher, str):
        return type(searcher).__name__, searcher
    if searcher not in SEARCHERS:
        raise RecipeError(f"there is no searcher '{searcher}'; there are {', '.join(SEARCHERS)}")
    make = SEARCHERS[searcher]
    known = list(getattr(make, "__dataclass_fields__", {}))
    for setting in settings or {}:
        if setting not in known:
            raise RecipeError(
                f"the searcher '{searcher}' has no setting '{setting}'; it has {', '.join(known)}"
            )
    return searcher, make(**(settings or {}))
