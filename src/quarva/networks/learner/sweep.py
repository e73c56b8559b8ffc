"""A sweep: one learner fitted with many combinations of settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from quarva.errors import RecipeError
from quarva.networks.learner.fitted import Fitted
from quarva.networks.learner.fitting import Plan, Progress, fit_together
from quarva.panel.names import nearest
from quarva.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

    from quarva.networks.learner.learner import Learner

__all__ = ["Sweep", "sweep"]

STACKED = ("rate", "decay")
"""Settings whose values are trained as one stack, because they only affect the optimiser."""

SEPARATE = ("network", "settings", "features", "length", "members", "epochs", "batch", "patience", "seed")
"""Settings whose values are fitted separately."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """The fits of a sweep.

    Attributes
    ----------
    tried : tuple of mapping of str to Any
        The varied settings of each fit.
    fits : tuple of Fitted
        The fits, in the same order.
    interrupted : bool
        True if Ctrl-C ended the sweep early.
    """

    tried: tuple[Mapping[str, Any], ...]
    fits: tuple[Fitted, ...] = field(repr=False)
    interrupted: bool = False

    @property
    def best(self) -> Fitted:
        """The fit with the lowest loss on the samples for early stopping.

        The validation part does not affect the choice, so its scores remain out of sample.
        """
        return self.fits[self._order[0]]

    def table(self) -> "pd.DataFrame":
        """One row per fit, best first.

        Returns
        -------
        DataFrame
            The varied settings, and the columns stopping (the loss that the fits are ranked by), train,
            validation, epochs and ended. The index is the position in `fits`.
        """
        import pandas as pd

        rows = [
            {
                **self.tried[k], "stopping": fit.stopping, "train": fit.train, "validation": fit.validation,
                "epochs": 0 if fit.history is None else len(fit.history), "ended": fit.ended,
            }
            for k, fit in enumerate(self.fits)
        ]  # fmt: skip
        return pd.DataFrame(rows).iloc[self._order]

    @property
    def _order(self) -> list[int]:
        losses = [fit.stopping if np.isfinite(fit.stopping) else np.inf for fit in self.fits]
        return [int(k) for k in np.argsort(losses, kind="stable")]

    def __len__(self) -> int:
        return len(self.fits)

    def __iter__(self) -> Iterator[Fitted]:
        return iter(self.fits)

    def __getitem__(self, k: int) -> Fitted:
        return self.fits[k]

    def _repr_html_(self) -> str:
        return self.table().to_html()

    def __str__(self) -> str:
        return self.table().to_string()


def sweep(learner: "Learner", task: Task, *, progress: Progress = True, **values: Sequence[Any]) -> Sweep:
    """Fit a learner with every combination of some settings.

    Parameters
    ----------
    learner : Learner
        The settings that are not varied.
    task : Task
        The task.
    progress : bool or callable, default True
        As in `Learner.fit`, with one bar per stack.
    **values : sequence
        Values by name of a setting in `STACKED` or `SEPARATE`, such as `rate=[1e-3, 1e-2]` or
        `settings=[{"width": 16}, {"width": 32}]`.

    Returns
    -------
    Sweep

    Raises
    ------
    RecipeError
        No setting is varied, a setting cannot be varied, or its values are not a non-empty list.
    TaskError, FormulaError, RecipeError, DeviceError
        As in `Learner.fit`, before anything is trained where possible.

    Notes
    -----
    Rates and decays are trained as one stack as far as memory allows, and each fit equals the one that would
    be reached alone. Other settings are fitted separately. To vary the seed, prefer `members`, which are
    trained as one stack; their mean is the signal.

    Examples
    --------
    >>> tried = qv.sweep(qv.Learner("dense", members=3), task, rate=[1e-3, 1e-2], decay=[0, 1e-2])
    """
    varied = {name: _values(name, given) for name, given in values.items()}
    if not varied:
        raise RecipeError("no setting to vary; pass lists of values, such as rate=[1e-3, 1e-2]")
    separate = {name: given for name, given in varied.items() if name not in STACKED}
    stacked = {name: given for name, given in varied.items() if name in STACKED}
    stacks = [[{**outer, **inner} for inner in _combinations(stacked)] for outer in _combinations(separate)]
    learners = [[replace(learner, **each) for each in settings] for settings in stacks]
    for first, *_ in learners:
        Plan.for_task(first, task)
    tried: list[Mapping[str, Any]] = []
    fits: list[Fitted] = []
    for settings, group in zip(stacks, learners, strict=True):
        fitted = fit_together(group, task, progress, None, False)
        fits += fitted
        tried += settings[: len(fitted)]
        if fitted[-1].ended == "interrupted":
            break
    interrupted = len(fits) < sum(map(len, stacks)) or fits[-1].ended == "interrupted"
    return Sweep(tuple(tried), tuple(fits), interrupted)


def _combinations(values: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def _values(name: str, given: Any) -> list[Any]:
    """Check and return the values of a setting; raise RecipeError."""
    if name not in (*STACKED, *SEPARATE):
        raise RecipeError(
            f"a sweep cannot vary '{name}'; {nearest(name, (*STACKED, *SEPARATE))} (fits are compared by "
            "their loss on the same days, so loss and holdout must be the same for all)"
        )
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise RecipeError(f"{name} must be a list of values, such as [{given!r}, …], not a single value")
    if len(given) == 0:
        raise RecipeError(f"{name} is an empty list; give at least one value")
    return list(given)
