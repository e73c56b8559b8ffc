"""`Learner`: the settings of a network, its inputs and its training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from torch import nn

from quarva._runtime.whole import whole
from quarva.errors import RecipeError
from quarva.networks.data.features import Feature
from quarva.networks.data.windows import Missing
from quarva.networks.learner.fitted import Fitted
from quarva.networks.learner.fitting import Plan, Progress, fit_together
from quarva.networks.training.losses import LOSSES
from quarva.tasks import Task

__all__ = ["Learner"]


@dataclass(frozen=True)
class Learner:
    """A network, its inputs and its training settings. `fit` trains it on a task.

    Attributes
    ----------
    network : str or callable, default "dense"
        A name in `NETWORKS`, or a callable (features, length, outputs, **settings) that returns a
        `torch.nn.Module` with an attribute `layout`.
    settings : mapping of str to Any
        Further arguments of the network, such as {"width": 32}.
    features : sequence of str or callable, optional
        Formulas, or functions that return an array of shape (T, N) for a panel. Defaults to
        `default_features`, and for a table to its columns.
    length : int, optional
        Number of days of a window. Defaults to 20, and for a table to 1.
    missing : {"drop", "mean"}, default "drop"
        Treatment of missing values; see `Windows.from_panel`.
    loss : str, optional
        A name in `LOSSES`. Defaults to "cross_entropy" for a target with classes and to "mse" otherwise.
    members : int, default 1
        Number of networks with different seeds. Their mean is the signal.
    together : int, optional
        Number of members trained as one stack. Defaults to as many as `ACTIVATION_BUDGET` allows.
    epochs : int, default 30
        Maximum number of epochs.
    batch : int, optional
        Batch size. Defaults to 1,024, and for a table to a sixteenth of its rows, from 16 to 1,024.
    rate, decay : float
        Learning rate and weight decay of AdamW.
    patience : int, default 5
        Training ends after this number of epochs without a lower loss on the samples for early stopping.
    holdout : float, default 0.2
        Share of the training part used for early stopping, in [0, 1). On a panel these are the last days,
        purged from those before; on a table they are drawn at random. With 0, the validation part is used,
        and its scores are then not out of sample.
    seed : int, default 0
        Seed of the weights and of the order of the samples.
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
        Device for training.
    mixed : bool, optional
        Whether layers compute in bfloat16. Defaults to true on CUDA devices.
    threads : int, default 1
        Number of torch threads on a CPU. More threads speed up large networks and slow down small ones.

    Raises
    ------
    RecipeError
        A setting is out of range, or the loss is unknown.
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
            raise RecipeError(f"holdout must be a share of the training part in [0, 1), not {self.holdout}")
        if self.loss is not None and self.loss not in LOSSES:
            raise RecipeError(f"unknown loss '{self.loss}'; choose one of {', '.join(LOSSES)}")

    def fit(
        self,
        task: Task,
        *,
        progress: Progress = True,
        checkpoint: Path | None = None,
        resume: bool = False,
    ) -> Fitted:
        """Train on a task. The sealed test is not read.

        Parameters
        ----------
        task : Task
            A task about a panel or a table. A table requires a network with the layout `features`.
        progress : bool or callable, default True
            Whether to show a progress bar, which appears after two seconds, or a function to call with each
            `Epoch`.
        checkpoint : Path, optional
            File to which the state of the training is written after every epoch.
        resume : bool, default False
            Whether to continue from the checkpoint.

        Returns
        -------
        Fitted

        Raises
        ------
        TaskError
            The window does not fit, the network cannot read its layout, a feature looks ahead, or the target
            cannot be learned.
        FormulaError
            A feature cannot be parsed, or reads something that the panel lacks.
        RecipeError
            The network is unknown or cannot be created.
        DeviceError
            The device is not available.
        RunError
            The checkpoint belongs to another fit, or memory is insufficient.
        """
        return fit_together([self], task, progress, checkpoint, resume)[0]

    def check(self, task: Task) -> None:
        """Raise the errors that `fit` would raise before training.

        Parameters
        ----------
        task : Task
            The task.
        """
        plan = Plan.for_task(self, task)
        _, windows = plan.inputs()
        plan.parts(windows)
        plan.stack()
