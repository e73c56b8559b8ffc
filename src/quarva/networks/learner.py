"""`Learner`: a network, what it is shown and how it is trained; `fit(task)` gives a function."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from quarva.errors import RecipeError
from quarva.networks.baselines import baselines
from quarva.networks.checking import check_layout, layout_of
from quarva.networks.devices import device_named, torch_threads
from quarva.networks.features import Feature
from quarva.networks.fitted import Fitted
from quarva.networks.framing import Framing, frame, temperature
from quarva.networks.inputs import Inputs
from quarva.networks.layout import arrange
from quarva.networks.losses import LOSSES
from quarva.networks.material import Material, material_of
from quarva.networks.models import make_network
from quarva.networks.progress import bar
from quarva.networks.resuming import read_checkpoint, write_checkpoint
from quarva.networks.samples import Samples
from quarva.networks.stack import Stack
from quarva.networks.training import Epoch, Terms, Training
from quarva.networks.windows import Missing, Windows
from quarva.tasks import Task, lend

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Learner"]

_TOGETHER = 2**28  # bytes of activations of members that are trained together


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
        epochs, batch, rate, decay, patience: see `training.Terms`.
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
    batch: int = 1_024
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
            if (value := getattr(self, name)) is not None and value < 1:
                raise RecipeError(f"{name} must be 1 or more, not {value}")
        if not (self.rate > 0 and self.decay >= 0):
            raise RecipeError(f"rate must be above 0 and decay 0 or more, not {self.rate} and {self.decay}")
        if not 0 <= self.holdout < 1:
            raise RecipeError(f"holdout is a share of the training days in [0, 1), not {self.holdout}")
        if self.loss is not None and self.loss not in LOSSES:
            raise RecipeError(f"there is no loss '{self.loss}'; there are {', '.join(LOSSES)}")

    def fit(
        self,
        task: Task,
        *,
        progress: bool | Callable[[Epoch], object] = True,
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
        device = device_named(self.device)
        material = material_of(task)
        name, framing, features, length = self._made(material)
        with torch_threads(self.threads):
            inputs, windows = Inputs.of(task, self.features, length, self.missing, self.threads)
            learned, stopping, judged = self._parts(material, framing, windows)
            stack = self._stack(features, length, framing)
            terms = Terms(
                self.epochs, self.batch, self.rate, self.decay, self.patience, framing.whole_days, self.seed,
                device.type == "cuda" if self.mixed is None else self.mixed,
            )  # fmt: skip
            key = {"learner": repr(replace(self, epochs=1)), "task": task.describe(),
                   "panel": task.panel.fingerprint()}  # fmt: skip
            trained = _train(
                stack, framing, terms, learned.to(device), stopping.to(device),
                self._size(stack, features, length), progress, checkpoint, key, resume=resume,
            )  # fmt: skip
            stack.to(torch.device("cpu"))
            return self._judge(material, name, stack, inputs, framing, trained, (learned, stopping, judged))

    def _made(self, material: Material) -> tuple[str, Framing, int, int]:
        """Name and framing of a network that can be made, how many features it is shown, and the length."""
        framing = frame(material, self.loss)
        features, length = len(material.features(self.features)), material.length(self.length)
        name, network = make_network(self.network, features, length, framing.outputs, self.settings)
        material.check_network(name, layout_of(network))
        return name, framing, features, length

    def _parts(self, material: Material, framing: Framing, windows: Windows) -> tuple[Samples, ...]:
        """Windows to learn from, to stop by and to be judged on."""
        encoded = framing.encode(material.target)
        learned, stopping = material.stretches(self.holdout)
        parts = ("training", learned), ("stopping", stopping), material.judged
        return tuple(Samples.of(windows, encoded, cells, name) for name, cells in parts)

    def check(self, task: Task) -> None:
        """Raise what `fit` would raise about the network and the task before it trains: see there."""
        self._made(material_of(task))

    def _stack(self, features: int, length: int, framing: Framing) -> Stack:
        """The members with their first weights, once one of them has read its layout."""

        def make() -> nn.Module:
            return make_network(self.network, features, length, framing.outputs, self.settings)[1]

        stack = Stack.of(make, range(self.seed, self.seed + self.members))
        check_layout(make(), features, length, framing.outputs)
        return stack

    def _size(self, stack: Stack, features: int, length: int) -> int:
        """Members that are trained together: as many as their layers' answers to a batch leave memory for."""
        if self.together is not None:
            return max(1, self.together)
        window = arrange(torch.zeros(1, length, features), stack.layout)
        return max(1, _TOGETHER // (4 * self.batch * stack.activations(window)))

    def _judge(
        self, material: Material, name: str, stack: Stack, inputs: Inputs, framing: Framing,
        trained: list[Training], parts: tuple[Samples, ...],
    ) -> Fitted:  # fmt: skip
        """Calibrate, score on the task's own yardstick, and hold against the baselines."""
        task, (learned, stopping, judged) = material.task, parts
        if framing.kind == "classification":
            logits = torch.cat([each.mean(0) for _, each in stack.over(stopping.windows, stopping.places)])
            framing = replace(framing, temperature=temperature(logits, stopping.target.long()))
        fitted = Fitted(name, self.settings, stack, inputs, framing, task.describe())
        lent, formula = lend(task, fitted.signals_of(judged.windows).mean(axis=0)[None], inputs.lookback)
        scores = lent.score(formula)
        own = [
            torch.from_numpy(material.target.reshape(-1)[part.places.numpy()]).double()
            for part in (learned, judged)
        ]
        looked = stack.over(judged.windows, judged.places)
        answers = torch.cat([framing.answer(outputs).mean(0) for _, outputs in looked])
        return replace(
            fitted,
            train=float(scores.train[0]),
            validation=float(scores.validation[0]),
            judged=material.judged[0],
            figure=framing.judge(answers, own[1], judged.day),
            baselines=baselines(framing, material.known, learned, judged, (own[0], own[1])),
            calibration=_calibration(framing, answers, own[1]),
            history=_history(trained),
            ended=trained[-1].ended or "",
            notes=tuple(dict.fromkeys(note for each in trained for note in each.notes)),
        )


def _train(
    stack: Stack, framing: Framing, terms: Terms, learned: Samples, stopping: Samples, size: int,
    progress: bool | Callable[[Epoch], object], checkpoint: Path | None, key: dict[str, Any], *, resume: bool,
) -> list[Training]:  # fmt: skip
    """Train the members, so many at a time, and put their best weights into the stack."""
    kept = read_checkpoint(checkpoint, key) if resume and checkpoint is not None else []
    trained: list[Training] = []
    chunks = [range(start, min(start + size, len(stack))) for start in range(0, len(stack), size)]
    with bar(progress, len(chunks)) as seen:
        for k, members in enumerate(chunks):
            one = Training(stack.some(members).to(learned.places.device), LOSSES[framing.loss], terms)
            if k < len(kept):
                one.restore(kept[k])
            trained.append(one)

            def note(now: Epoch, k: int = k) -> None:
                if checkpoint is not None:
                    write_checkpoint(checkpoint, [each.state() for each in trained], key)
                seen(k, now)

            if one.run(learned, stopping, note) == "interrupted":
                break
    for members, one in zip(chunks, trained, strict=False):
        stack.put(members, one.stack)
    return trained


def _calibration(framing: Framing, answers: Tensor, target: Tensor) -> float:
    """Slope of the target on the forecast (1 is calibrated); of chances their expected error (0 is).

    The error is that of Guo et al. (2017): over ten bins of the largest chance, the mean distance between
    that chance and how often its class came, weighted by windows.
    """
    if framing.kind == "ranking":
        return float("nan")
    if framing.kind == "regression":
        forecast = answers[:, 0].double()
        spread = forecast - forecast.mean()
        return float((spread * (target - target.mean())).sum() / (spread**2).sum())
    chance, chosen = answers.double().max(1)
    right = (chosen == torch.from_numpy(framing.encode(target.numpy()))).double()
    bins = (chance * 10).long().clamp(0, 9)
    error = 0.0
    for k in range(10):
        inside = bins == k
        if bool(inside.any()):
            error += float(inside.double().mean() * (chance[inside].mean() - right[inside].mean()).abs())
    return error


def _history(trained: list[Training]) -> "pd.DataFrame":
    import pandas as pd

    rows = [(k, *row) for k, each in enumerate(trained) for row in each.history]
    return pd.DataFrame(rows, columns=["chunk", "epoch", "train", "stopping", "best"])
