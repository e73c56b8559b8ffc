"""A sweep: one learner under many settings, those that can share a program trained as one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from quarva.errors import RecipeError
from quarva.networks.learner.fitted import Fitted
from quarva.networks.learner.fitting import Plan, Seen, fit_together
from quarva.panel.names import nearest
from quarva.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

    from quarva.networks.learner.learner import Learner

__all__ = ["Sweep", "sweep"]

SHARED = ("rate", "decay")
"""Settings whose values share a program: they change how weights go, not what is computed."""

APART = ("network", "settings", "features", "length", "members", "epochs", "batch", "patience", "seed")
"""Settings each of whose values is a program of its own."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a learner came to under each of many settings.

    Attributes:
        tried: the settings, those that were varied by name. fits: of each, in the same order.
        interrupted: whether Ctrl-C ended it before all were fitted.
    """

    tried: tuple[Mapping[str, Any], ...]
    fits: tuple[Fitted, ...] = field(repr=False)
    interrupted: bool = False

    @property
    def best(self) -> Fitted:
        """The fit with the smallest loss on what training was stopped by.

        Validation has no part in the choice, so that its figure stays out of sample.
        """
        return self.fits[self._order[0]]

    def table(self) -> "pd.DataFrame":
        """A row a fit, the best first: the settings, stopping (the loss it is chosen by), train, validation,
        epochs and ended; the index is its place in `fits`.
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


def sweep(learner: "Learner", task: Task, *, progress: Seen = True, **values: Sequence[Any]) -> Sweep:
    """Fit a learner under every combination of some settings.

        tried = qv.sweep(qv.Learner("dense", members=3), task, rate=[1e-3, 1e-2], decay=[0, 1e-2])

    Rates and decays share a program: as many networks as memory holds are trained as one (`Stack`), and each
    comes to what it would come to alone. Every other setting is a program for each of its values. Seeds are
    best given as `members`, which are fitted together too; their mean is the signal.

    Args:
        learner: whatever is not varied.
        task: as in `Learner.fit`. progress: as there; a bar for each program.
        values: names of `SHARED` and `APART`, lists of values: rate=[…], settings=[{"width": 16}, …].

    Raises:
        RecipeError: no setting, one that can not be varied, one that is no list, or has none.
        TaskError, RecipeError, DeviceError: as `Learner.fit`; what is wrong with a network, a length or a
            loss before anything is trained.
    """
    varied = {name: _values(name, given) for name, given in values.items()}
    if not varied:
        raise RecipeError("a sweep varies something: give lists, such as rate=[1e-3, 1e-2]")
    apart = {name: given for name, given in varied.items() if name not in SHARED}
    shared = {name: given for name, given in varied.items() if name in SHARED}
    programs = [[{**outer, **inner} for inner in _combinations(shared)] for outer in _combinations(apart)]
    learners = [[replace(learner, **each) for each in program] for program in programs]
    for first, *_ in learners:
        Plan.of(first, task)
    tried: list[Mapping[str, Any]] = []
    fits: list[Fitted] = []
    for program, mine in zip(programs, learners, strict=True):
        found = fit_together(mine, task, progress, None, False)
        fits += found
        tried += program[: len(found)]
        if found[-1].ended == "interrupted":
            break
    interrupted = len(fits) < sum(map(len, programs)) or fits[-1].ended == "interrupted"
    return Sweep(tuple(tried), tuple(fits), interrupted)


def _combinations(values: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def _values(name: str, given: Any) -> list[Any]:
    """A setting's values. Raises RecipeError for a setting that can not be varied, and for none."""
    if name not in (*SHARED, *APART):
        raise RecipeError(
            f"a sweep can not vary '{name}'; {nearest(name, (*SHARED, *APART))} (fits are chosen by "
            "their loss on the same days, so that loss and holdout are the same for all)"
        )
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise RecipeError(f"{name} is a list of values to try, [{given!r}, …], not one of them")
    if len(given) == 0:
        raise RecipeError(f"{name} has no value to try")
    return list(given)
