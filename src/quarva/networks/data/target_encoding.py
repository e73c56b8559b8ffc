"""Target encodings: how a target is presented to a loss, and how outputs become predictions.

A regression predicts a number in the target's units. A classification predicts the probability of each class,
and its signal is the expected class. A ranking predicts an order of the assets of a day, without units.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.errors import TaskError
from quarva.networks.data.training_data import TrainingData
from quarva.networks.training.losses import LOSSES, average_ranks, by_day, correlation
from quarva.panel.names import nearest
from quarva.panel.precision import TOLERANCE, Precision

__all__ = ["TargetEncoding", "choose_encoding", "fit_temperature"]

_MAX_CLASSES = 20


@dataclass(frozen=True, eq=False)
class TargetEncoding:
    """Encoding of a target for a loss, and decoding of a network's outputs.

    Attributes
    ----------
    kind : {"regression", "classification", "ranking"}
        Kind of prediction.
    loss : str
        Name of the loss in `LOSSES`.
    classes : ndarray of float64, shape (K,)
        Values of the classes, ascending. Empty unless `kind` is "classification".
    mean, scale : float
        Mean and standard deviation of the target in training. A regression learns (target − mean) / scale.
    temperature : float
        Divisor of the logits, 1 until it is fitted by `fit_temperature`.

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. (2017). On calibration of modern neural networks. ICML.
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
        """Number of outputs that the network needs."""
        return len(self.classes) if self.kind == "classification" else 1

    @property
    def whole_days(self) -> bool:
        """True if the loss compares the assets of a day."""
        return self.loss in ("ic", "rank_ic")

    @property
    def metric(self) -> str:
        """Name of the metric that `score` computes: "mse", "log loss" or "rank IC"."""
        return {"regression": "mse", "classification": "log loss", "ranking": "rank IC"}[self.kind]

    @property
    def minimised(self) -> bool:
        """True if a lower metric is better."""
        return self.kind != "ranking"

    def encode(self, target: NDArray[np.floating]) -> NDArray[np.float64]:
        """Encode a target.

        Parameters
        ----------
        target : ndarray of float
            Target in its own units.

        Returns
        -------
        ndarray of float64, same shape
            The scaled target, or the index of its class. NaN where the target is NaN or not one of the
            classes.
        """
        values = target.astype(np.float64)
        if self.kind != "classification":
            return (values - self.mean) / self.scale
        number = np.searchsorted(self.classes, np.nan_to_num(values, nan=self.classes[0]))
        known = np.isin(values, self.classes)
        return np.where(known, number.astype(np.float64), np.nan)

    def predict(self, outputs: Tensor) -> Tensor:
        """Decode outputs of shape (..., K): numbers in the target's units, or class probabilities."""
        if self.kind == "classification":
            return torch.softmax(outputs / self.temperature, dim=-1)
        return (outputs.double() if self.precision == "float64" else outputs) * self.scale + self.mean

    def signal(self, predictions: Tensor) -> Tensor:
        """Reduce predictions of shape (..., K) to a signal of shape (...), the expected target."""
        if self.kind == "classification":
            return predictions @ torch.as_tensor(
                self.classes, dtype=predictions.dtype, device=predictions.device
            )
        return predictions[..., 0]

    def score(self, predictions: Tensor, target: Tensor, day: Tensor) -> float:
        """Compute the metric.

        Parameters
        ----------
        predictions : Tensor of float, shape (B, K)
            Decoded outputs; see `predict`.
        target : Tensor of float64, shape (B,)
            Target in its own units.
        day : Tensor of int64, shape (B,)
            Day of each sample, ascending.

        Returns
        -------
        float
            Mean squared error, mean log loss, or mean daily rank IC.

        Notes
        -----
        The rank IC ignores days on which all targets are equal. A day on which all predictions are equal
        counts as 0, so that a constant prediction has a defined score.
        """
        if self.kind == "regression":
            return float(((predictions[:, 0].double() - target) ** 2).mean())
        if self.kind == "classification":
            number = torch.as_tensor(self.encode(target.cpu().numpy()), device=predictions.device).long()
            chance = predictions.gather(1, number[:, None])[:, 0].double().clamp_min(1e-12)
            return float(-chance.log().mean())
        signal, expected, present = by_day(predictions[:, 0].double()[None], target.double(), day)
        # Day by day, because all pairs of assets are compared: a year of 500 assets would take gigabytes.
        days = zip(signal[0].split(1), expected.split(1), present.split(1), strict=True)
        daily = [
            correlation(average_ranks(one, mask), average_ranks(other, mask), mask)
            for one, other, mask in days
            if _varies(other, mask)
        ]
        return float(torch.stack(daily).mean()) if daily else float("nan")


def _varies(values: Tensor, mask: Tensor) -> bool:
    """True if the values under the mask are not all equal."""
    known = values[mask > 0]
    return bool((known != known[0]).any())


def choose_encoding(data: TrainingData, loss: str | None) -> TargetEncoding:
    """Choose the encoding of a task's target for a loss.

    Parameters
    ----------
    data : TrainingData
        The training data.
    loss : str, optional
        Name of the loss. Defaults to "cross_entropy" for targets with classes and to "mse" otherwise.

    Returns
    -------
    TargetEncoding

    Raises
    ------
    TaskError
        The loss is unknown or does not fit the target, the target is constant in training, or a class has
        fewer than two members there.
    """
    task = data.task
    chosen = loss or ("cross_entropy" if task.classes else "mse")
    if chosen not in LOSSES:
        raise TaskError(f"unknown loss '{chosen}'; {nearest(chosen, LOSSES)}")
    data.check_loss(chosen)
    name = task.target_names[0]
    known = data.target[data.training & np.isfinite(data.target)].astype(np.float64)
    values, counts = np.unique(known, return_counts=True)
    if len(values) < 2:
        raise TaskError(f"the target {name} is {values[0]:g} throughout training; choose one that varies")
    if chosen == "cross_entropy":
        classes = np.array(task.classes) if task.classes else values
        if len(classes) > _MAX_CLASSES:
            raise TaskError(
                f"the target {name} has {len(classes)} values, too many for classes; use the loss mse, ic "
                "or rank_ic, or a target such as direction_5"
            )
        members = {value: int(count) for value, count in zip(values, counts, strict=True)}
        for each in classes:
            if members.get(each, 0) < 2:
                raise TaskError(
                    f"class {each:g} of {name} has {members.get(each, 0)} members in training but needs at "
                    "least 2; use a longer training part, or a target with fewer classes"
                )
        return TargetEncoding("classification", chosen, classes)
    if chosen in ("ic", "rank_ic"):
        return TargetEncoding("ranking", chosen, np.empty(0))
    return TargetEncoding("regression", chosen, np.empty(0), float(known.mean()), float(known.std()))


def fit_temperature(logits: Tensor, classes: Tensor) -> float:
    """Fit the temperature that minimises the log loss on held-out data (Guo et al. 2017).

    Parameters
    ----------
    logits : Tensor of float, shape (B, K)
        Outputs of the network.
    classes : Tensor of int64, shape (B,)
        Index of the class of each sample.

    Returns
    -------
    float
        The divisor of the logits, from 0.05 to 20.
    """
    scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale], max_iter=50)
    logits, classes = logits.detach().double().cpu(), classes.cpu()

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(logits / scale.exp(), classes)
        value.backward()
        return value

    optimiser.step(loss)
    return float(scale.detach().exp().clamp(0.05, 20.0))
