"""The function `fit`, and its counterpart for a run folder."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarva.errors import RecipeError
from quarva.networks import Fitted, Learner
from quarva.runs.recipe import FitRecipe
from quarva.runs.settings import NetworkSettings, names_of
from quarva.tasks import Task, check_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarva.networks import Epoch
    from quarva.runs.record import Kept
    from quarva.runs.run_folder import RunFolder

__all__ = ["fit", "fit_in", "settings_of_learner"]

_RESUMABLE = ("epochs", "threads")  # settings that may change when a fit is resumed


def fit(
    task: Task,
    network: "str | Learner" = "dense",
    *,
    out: str | Path | None = None,
    resume: bool = False,
    progress: "bool | Callable[[Epoch], object]" = True,
    **settings: Any,
) -> Fitted:
    """Fit a network to a task.

    Parameters
    ----------
    task : Task
        The task. Its sealed test is not read.
    network : str or Learner, default "dense"
        A name in `NETWORKS`, or a learner.
    out : path-like, optional
        New or empty folder for the fit: recipe, data, network, history, findings and page. By default nothing
        is written.
    resume : bool, default False
        Whether to continue the fit in `out`. All other arguments must be as before, except for epochs and
        threads.
    progress : bool or callable, default True
        Whether to show a progress bar on standard error, or a function to call with each `Epoch`.
    **settings
        Attributes of `Learner`, which override those of a given learner.

    Returns
    -------
    Fitted

    Raises
    ------
    TaskError
        `task` is not a Task, a window does not fit, a feature looks ahead, or the target cannot be learned.
    FormulaError
        A feature cannot be parsed, or reads something that the panel lacks.
    RecipeError
        The network or a setting is unknown or out of range, or `out` is given and the network or a feature is
        a function or class, which a recipe cannot contain.
    RunError
        The folder cannot be written or belongs to another fit, or memory is insufficient.
    DeviceError
        The device is not available.
    """
    check_task(task, "fit")
    learner = _learner(network, settings)
    if out is None:
        if resume:
            raise RecipeError("resume=True continues a folder; pass out=FOLDER as well")
        return learner.fit(task, progress=progress)
    from quarva.runs.run_folder import RunFolder
    from quarva.runs.to_recipe import make_run_folder

    asked = settings_of_learner(learner)
    if resume:
        folder = RunFolder.open(out, "fit")
        recipe = replace(folder.fit_recipe(), **FitRecipe.of(asked).settings_of_learner())
    else:
        folder, recipe = make_run_folder(out, task, FitRecipe, asked)
    return fit_in(folder, task, recipe, resume=resume, progress=progress).found


def fit_in(
    folder: "RunFolder",
    task: Task,
    recipe: FitRecipe,
    *,
    resume: bool = False,
    progress: "bool | Callable[[Epoch], object]" = True,
) -> "Kept[Fitted]":
    """Fit in a run folder, and write the network, its scores and its page to it.

    Parameters
    ----------
    folder : RunFolder
        A folder with a recipe. It is removed if a new fit fails before its first epoch.
    task : Task
        The task of the recipe.
    recipe : FitRecipe
        The settings.
    resume : bool, default False
        Whether to continue from the checkpoint of the folder, if there is one.
    progress : bool or callable
        As in `fit`.

    Returns
    -------
    Kept

    Raises
    ------
    QuarvaError
        As in `fit`.
    """
    from quarva.runs.record import keep_fitted

    try:
        learner = Learner(**recipe.settings_of_learner())
        fitted = learner.fit(
            task, progress=progress, checkpoint=folder.training, resume=resume and folder.training.exists()
        )
    except BaseException:
        if not resume:
            folder.discard()
        raise
    if resume:
        folder.change_recipe(FitRecipe, **{name: getattr(recipe, name) for name in _RESUMABLE})
    return keep_fitted(fitted, task, folder, recipe)


def settings_of_learner(learner: Learner) -> dict[str, Any]:
    """Return the settings of a learner for a recipe.

    Raises
    ------
    RecipeError
        The network or a feature is a function or a class, which a recipe cannot contain.
    """
    if not isinstance(learner.network, str):
        raise RecipeError("a recipe cannot contain a module of your own; fit it without out")
    own = next((each for each in learner.features or () if not isinstance(each, str)), None)
    if own is not None:
        raise RecipeError(f"a recipe cannot contain the feature {own!r}, a function; write it as a formula")
    return {name: getattr(learner, name) for name in names_of(NetworkSettings)}


def _learner(network: "str | Learner", settings: dict[str, Any]) -> Learner:
    """Create a learner, or replace settings of a given one. Raises RecipeError if a setting is unknown."""
    known = [each.name for each in fields(Learner)]
    unknown = next((name for name in settings if name not in known), None)
    if unknown is not None:
        raise RecipeError(f"a fit has no setting '{unknown}'; choose one of {', '.join(known)}")
    return Learner(network, **settings) if isinstance(network, str) else replace(network, **settings)
