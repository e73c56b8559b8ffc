"""The verb `fit`, and the same in a run folder."""

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
        The question. Nothing of its sealed test is read.
    network : str or Learner
        A name of `NETWORKS`, or a learner.
    out : path-like, optional
        Folder to keep the fit in, new or empty: recipe, data, network, history, findings, page.
    resume : bool
        Continue the fit in `out`; the other arguments are as before, except for epochs and threads.
    progress : bool or callable
        True shows a bar on standard error. A function is called after every epoch.
    **settings
        Fields of `Learner`, for a network that is given by name.

    Returns
    -------
    Fitted

    Raises
    ------
    TaskError
        A window that does not fit, a feature that knows the future, a target that cannot be learned.
    RecipeError
        An unknown network or setting.
    RunError
        A folder that cannot be written or belongs to another fit; a network or feature that is a function of
        Python's, which a folder cannot hold.
    """
    check_task(task, "fit")
    learner = _learner(network, settings)
    if out is None:
        if resume:
            raise RecipeError("resume needs out: the folder of the fit to continue")
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
    """Fit in a run folder, and write into it the network, its figures and its page.

    Parameters
    ----------
    folder : RunFolder
        A folder that holds the recipe. If a new fit fails before its first epoch, the folder is removed.
    task : Task
        The question of the recipe.
    recipe : FitRecipe
        The settings.
    resume : bool
        Continue from the folder's checkpoint, if there is one.
    progress : bool or callable
        See `fit`.

    Returns
    -------
    Kept

    Raises
    ------
    QuarvaError
        See `fit`.
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
    """Return the settings of a learner, as a recipe writes them.

    Raises
    ------
    RecipeError
        A network or a feature that is a function or a class, which a recipe cannot hold.
    """
    if not isinstance(learner.network, str):
        raise RecipeError("a recipe cannot hold a network of a class of your own: fit without out")
    own = next((each for each in learner.features or () if not isinstance(each, str)), None)
    if own is not None:
        raise RecipeError(f"a recipe cannot hold the feature {own!r}, a function: give it as a formula")
    return {name: getattr(learner, name) for name in names_of(NetworkSettings)}


def _learner(network: "str | Learner", settings: dict[str, Any]) -> Learner:
    """The learner, with the settings. Raises RecipeError."""
    known = [each.name for each in fields(Learner)]
    unknown = next((name for name in settings if name not in known), None)
    if unknown is not None:
        raise RecipeError(f"a fit has no setting '{unknown}'; it has {', '.join(known)}")
    return Learner(network, **settings) if isinstance(network, str) else replace(network, **settings)
