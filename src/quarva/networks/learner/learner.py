"""`Learner`: a network, what it is shown and how it is trained; `fit(task)` gives a function."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from torch import nn

from quarva._runtime.whole import whole
from quarva.errors import RecipeError
from quarva.networks.data.features import Feature
from quarva.networks.data.inputs import Inputs
from quarva.networks.data.windows import Missing
from quarva.networks.learner.fitted import Fitted
from quarva.networks.learner.fitting import Plan, Seen, fit_together
from quarva.networks.training.losses import LOSSES
from quarva.tasks import Task

__all__ = ["Learner"]


@dataclass(frozen=True)
class Learner:
    """How a network is made and trained; the same for every task.

    Attributes:
        network: a name of `NETWORKS`, or a class or function (features, length, outputs, **settings) → a
            `torch.nn.Module` with an attribute `layout`.
        settings: given to it by name, {"width": 32}.
        features: formulas, or functions of a panel; None is `usual_features`, of a table its columns.
        length: days of a window; None is 20, of a table 1. missing: see `Windows.of`.
        loss: a name of `losses.LOSSES`; None is mse, and cross_entropy for a target of classes.
        members: networks that differ in their seed; their mean is the signal, their spread is told.
        together: members that are trained as one program; None is as many as take
            a quarter of a GiB.
        batch: windows of a step; None is 1,024, of a table a sixteenth of its rows, of 16 to 1,024.
        epochs, rate, decay, patience: see `training.Terms`.
        holdout: last share of the training days that the network is stopped by, purged from those it learns
            from; of a table, a share of its rows. 0 stops it by the task's validation, whose figure is then
            no longer out of sample.
        seed: of weights and order. device: cpu, cuda, mps or auto. mixed: bfloat16 in the layers; None where
            the device is a GPU.
        threads: of torch on a CPU; more help large networks, and hold up small ones.
    """

    network: str | Callable[..., nn.Module] = "dense"
    settings: Mapping[str, Any] = field(default_factory=dict)
    features: Sequence[Feature] | None = None
    length: int | None = None
    missing: Missing = "drop"
    loss: str | None = None
    members: int = 1
    together: int | None = None
    epochs: int = 30
    batch: int | None = None
    rate: float = 1e-3
    decay: float = 1e-4
    patience: int = 5
    holdout: float = 0.2
    seed: int = 0
    device: str = "cpu"
    mixed: bool | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("length", "members", "epochs", "batch", "patience", "threads"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, whole(name, value))
        if not (0 < self.rate < inf and 0 <= self.decay < inf):
            raise RecipeError(f"rate must be above 0 and decay 0 or more, not {self.rate} and {self.decay}")
        if not 0 <= self.holdout < 1:
            raise RecipeError(f"holdout is a share of the training days in [0, 1), not {self.holdout}")
        if self.loss is not None and self.loss not in LOSSES:
            raise RecipeError(f"there is no loss '{self.loss}'; there are {', '.join(LOSSES)}")

    def fit(
        self,
        task: Task,
        *,
        progress: Seen = True,
        checkpoint: Path | None = None,
        resume: bool = False,
    ) -> Fitted:
        """Train on a task; nothing of its sealed test is read.

        Args:
            task: about a panel, or about a table, whose rows a network of the layout `features` reads.
            progress: whether a bar is shown once it takes over two seconds, or what is told every epoch.
            checkpoint: file that keeps the training after every epoch, so that `resume` goes on with it.

        Raises:
            TaskError: a window that does not fit, a network that can not read its layout, a feature that
                knows the future, a target that can not be learned. RecipeError: an unknown network.
            DeviceError: a device that is not there. RunError: a checkpoint of another fit.
        """
        return fit_together([self], task, progress, checkpoint, resume)[0]

    def check(self, task: Task) -> None:
        """Raise what `fit` would raise before it trains: see there."""
        plan = Plan.of(self, task)
        _, windows = Inputs.of(task, self.features, self.length, self.missing, self.threads)
        plan.parts(windows)
        plan.stack()
