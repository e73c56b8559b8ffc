"""quarva fit: fit a small network to a panel or a table and write its weights, metrics and page."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarva.cli import options
from quarva.cli.output import INTERRUPTED, console, print_json, tell
from quarva.cli.sources import make_recipe, refuse_on_resume
from quarva.runs.settings import DataSettings, NetworkSettings, ReadingSettings, TaskSettings

if TYPE_CHECKING:
    from quarva.networks import Epoch, Fitted
    from quarva.runs.record import Kept
    from quarva.tasks import Task

__all__ = ["fit"]

_ENDED = {
    "patience": "stopped early without improvement", "epochs": "the maximum",
    "diverged": "until the loss was NaN or infinite", "interrupted": "until Ctrl-C",
}  # fmt: skip
_RESUME = "Continue the fit in this folder; only --epochs and --threads can be changed."
Out = Annotated[str | None, options.option("--out", "FOLDER", "Folder for the fit (runs/<date-time>-fit).")]
Resume = Annotated[str | None, options.option("--resume", "FOLDER", _RESUME)]


@options.takes(
    DataSettings, ReadingSettings, TaskSettings, NetworkSettings, without=("conventions", "parsimony")
)
def fit(
    *,
    recipe: options.RecipeFile = None,
    out: Out = None,
    resume: Resume = None,
    as_json: options.AsJson = False,
    **flags: Any,
) -> None:
    """Fit a small network."""
    if resume is None:
        task, kept = _begin(recipe, flags, out)
    else:
        changed = {name: flags.pop(name) for name in ("epochs", "threads")}
        refuse_on_resume({**flags, "recipe": recipe, "out": out}, "fit", "fit again")
        task, kept = _resume(resume, changed)
    record = kept.record | {"coverage": kept.page.pool[0].coverage}
    if as_json:
        print_json(record)
    else:
        _show(kept, task)
    if kept.found.ended == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _begin(file: str | None, flags: dict[str, Any], out: str | None) -> "tuple[Task, Kept[Fitted]]":
    """Start a new fit; return its task and result."""
    from quarva.networks import Learner
    from quarva.runs.from_recipe import completed, data_of, task_of
    from quarva.runs.recipe import FitRecipe
    from quarva.runs.run_fit import fit_in
    from quarva.runs.run_folder import RunFolder

    recipe = make_recipe(FitRecipe, file, flags)
    Learner(**recipe.settings_of_learner())  # reject a wrong setting before the data are read
    task = task_of(recipe, data_of(recipe))
    complete = completed(recipe, task)
    folder = RunFolder.create(out, complete)
    _note(task)
    return task, fit_in(folder, task, complete, progress=_progress())


def _resume(path: str, changed: dict[str, Any]) -> "tuple[Task, Kept[Fitted]]":
    """Resume a fit, with more epochs if given; return its task and result."""
    from quarva.runs.from_recipe import task_again
    from quarva.runs.run_fit import fit_in
    from quarva.runs.run_folder import RunFolder

    folder = RunFolder.open(path, "fit")
    given = {name: value for name, value in changed.items() if value is not None}
    recipe = replace(folder.fit_recipe(), **given)
    task = task_again(recipe, path, "the fit")
    _note(task)
    return task, fit_in(folder, task, recipe, resume=True, progress=_progress())


def _note(task: "Task") -> None:
    """Print the notes of the task, but no warnings: copies of the target are rejected as inputs."""
    for note in task.notes:
        tell(f"note: {note}")


def _progress() -> Any:
    return True if sys.stderr.isatty() else _tell_epoch


def _tell_epoch(now: "Epoch") -> None:
    if now.number % 10 == 0 or now.number == 1:
        tell(
            f"epoch {now.number} of {now.epochs}: loss {float(now.train.nanmean()):.5g}, "
            f"held out {float(now.stopping.nanmean()):.5g}"
        )


def _show(kept: "Kept[Fitted]", task: "Task") -> None:
    """Print the metrics, and the paths of the folder and the page."""
    record, fitted = kept.record, kept.found
    folder = record["fit"]
    shown = replace(fitted, notes=fitted.notes[len(task.notes) :])  # the rest is printed already
    console().print(f"{shown}\n{record['epochs']} epochs, {_ENDED[fitted.ended]}", markup=False)
    console().print(f"fit: {folder}", soft_wrap=True)
    console().print(f"page: {folder}/report.html", soft_wrap=True)
