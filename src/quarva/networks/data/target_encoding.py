"""Framings: what a question of the task becomes for a network.

A regression gives a number in the target's units; a classification gives the chance of each class, and its
signal is the expected class; a ranking gives an order of the day's assets, in no units.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.errors import TaskError
from quarva.networks.data.training_data import TrainingData
from quarva.networks.training.losses import LOSSES, by_day, correlation, standard_ranks
from quarva.panel.names import nearest
from quarva.panel.precision import TOLERANCE, Precision

__all__ = ["TargetEncoding", "frame", "temperature"]

_CLASSES_AT_MOST = 20


@dataclass(frozen=True, eq=False)
class TargetEncoding:
    """How targets are given to a loss, and what is made of a network's outputs.

    Attributes:
        kind: regression, classification or ranking. loss: its name in `losses.LOSSES`.
        classes: float64 [K], the classes' values, ascending; empty where there are none.
        mean, scale: of the target on the training days: a regression learns (target − mean) / scale.
        temperature: by which logits are divided (Guo et al. 2017), 1 until fitted by `temperature`.
        figure: name of the figure that networks and baselines are held against each other by.
    """

    kind: str
    loss: str
    classes: NDArray[np.float64]
    mean: float = 0.0
    scale: float = 1.0
    temperature: float = 1.0

    @property
    def precision(self) -> Precision:
        """Type of the signals: float64 for a target too far from 0 for the digits of float32."""
        is_far = abs(self.mean) * 2.0**-24 > TOLERANCE * self.scale
        return "float64" if self.kind == "regression" and is_far else "float32"

    @property
    def outputs(self) -> int:
        """Numbers that a network gives for a window."""
        return len(self.classes) if self.kind == "classification" else 1

    @property
    def whole_days(self) -> bool:
        """Whether the loss compares the assets of a day."""
        return self.loss in ("ic", "rank_ic")

    @property
    def figure(self) -> str:
        """What `judge` gives: mean squared error and log loss, the less the better, or a mean rank IC."""
        return {"regression": "mse", "classification": "log loss", "ranking": "rank IC"}[self.kind]

    @property
    def minimised(self) -> bool:
        """Whether less of the figure is better."""
        return self.kind != "ranking"

    def encode(self, target: NDArray[np.floating]) -> NDArray[np.float64]:
        """A target as the loss reads it: scaled, or the number of its class; NaN stays NaN."""
        values = target.astype(np.float64)
        if self.kind != "classification":
            return (values - self.mean) / self.scale
        number = np.searchsorted(self.classes, np.nan_to_num(values, nan=self.classes[0]))
        known = np.isin(values, self.classes)
        return np.where(known, number.astype(np.float64), np.nan)

    def answer(self, outputs: Tensor) -> Tensor:
        """Outputs [..., K] as what `judge` reads: a number in the target's units, or chances."""
        if self.kind == "classification":
            return torch.softmax(outputs / self.temperature, dim=-1)
        return (outputs.double() if self.precision == "float64" else outputs) * self.scale + self.mean

    def signal(self, answers: Tensor) -> Tensor:
        """Answers [..., K] as a signal [...]: the larger, the larger the expected target."""
        if self.kind == "classification":
            return answers @ torch.as_tensor(self.classes, dtype=answers.dtype, device=answers.device)
        return answers[..., 0]

    def judge(self, answers: Tensor, target: Tensor, day: Tensor) -> float:
        """The figure of answers [B, K] for targets [B] in their own units, and days [B] ascending.

        A day whose target is the same for all assets does not count in a mean rank IC; one whose answers are
        counts as 0, so that a constant has a figure to be compared with.
        """
        if self.kind == "regression":
            return float(((answers[:, 0].double() - target) ** 2).mean())
        if self.kind == "classification":
            number = torch.as_tensor(self.encode(target.cpu().numpy()), device=answers.device).long()
            chance = answers.gather(1, number[:, None])[:, 0].double().clamp_min(1e-12)
            return float(-chance.log().mean())
        signal, wanted, there = by_day(answers[:, 0].double()[None], target.double(), day)
        # Day by day, for pairs of assets are compared: a year of five hundred at once is gigabytes.
        days = zip(signal[0].split(1), wanted.split(1), there.split(1), strict=True)
        daily = [
            correlation(standard_ranks(one, here), standard_ranks(other, here), here)
            for one, other, here in days
            if _varies(other, here)
        ]
        return float(torch.stack(daily).mean()) if daily else float("nan")


def _varies(values: Tensor, there: Tensor) -> bool:
    """Whether what is there takes more than one value."""
    known = values[there > 0]
    return bool((known != known[0]).any())


def frame(material: TrainingData, loss: str | None) -> TargetEncoding:
    """The framing of a task under a loss; None is `cross_entropy` for classes and `mse` elsewhere.

    Raises:
        TaskError: an unknown loss, one that does not fit the target, a target that is the same everywhere in
            training, a class with fewer than two members there.
    """
    task = material.task
    chosen = loss or ("cross_entropy" if task.classes else "mse")
    if chosen not in LOSSES:
        raise TaskError(f"there is no loss '{chosen}'; {nearest(chosen, LOSSES)}")
    material.check_loss(chosen)
    name = task.target_names[0]
    seen = material.target[material.training & np.isfinite(material.target)].astype(np.float64)
    values, many = np.unique(seen, return_counts=True)
    if len(values) < 2:
        raise TaskError(f"the target {name} is {values[0]:g} on all training days: there is nothing to learn")
    if chosen == "cross_entropy":
        classes = np.array(task.classes) if task.classes else values
        if len(classes) > _CLASSES_AT_MOST:
            raise TaskError(
                f"the target {name} has {len(classes)} values, which are no classes; take the loss mse, ic "
                "or rank_ic, or a target such as direction_5"
            )
        members = {value: int(count) for value, count in zip(values, many, strict=True)}
        for each in classes:
            if members.get(each, 0) < 2:
                raise TaskError(
                    f"class {each:g} of {name} has {members.get(each, 0)} members in training and "
                    "needs 2 or more; take a wider part, or a target with fewer classes"
                )
        return TargetEncoding("classification", chosen, classes)
    if chosen in ("ic", "rank_ic"):
        return TargetEncoding("ranking", chosen, np.empty(0))
    return TargetEncoding("regression", chosen, np.empty(0), float(seen.mean()), float(seen.std()))


def temperature(outputs: Tensor, number: Tensor) -> float:
    """What logits [B, K] have to be divided by for the smallest log loss of classes int64 [B] (Guo 2017)."""
    scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale], max_iter=50)
    logits, wanted = outputs.detach().double().cpu(), number.cpu()

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(logits / scale.exp(), wanted)
        value.backward()
        return value

    optimiser.step(loss)
    return float(scale.detach().exp().clamp(0.05, 20.0))
