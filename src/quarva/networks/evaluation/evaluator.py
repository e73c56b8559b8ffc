"""Judging: trained networks on the task's own yardstick, and beside their baselines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.networks.data.inputs import Inputs
from quarva.networks.data.samples import Samples
from quarva.networks.data.target_encoding import TargetEncoding, temperature
from quarva.networks.data.training_data import TrainingData
from quarva.networks.evaluation.baselines import baselines
from quarva.networks.learner.fitted import Fitted
from quarva.networks.models.stack import Stack
from quarva.networks.training.trained import Trained
from quarva.tasks import lend

__all__ = ["Evaluator"]


@dataclass(frozen=True, eq=False)
class Evaluator:
    """What all networks that are shown the same are judged by.

    Attributes:
        parts: windows to learn from, to stop by and to be judged on.
    """

    material: TrainingData
    framing: TargetEncoding
    inputs: Inputs
    parts: tuple[Samples, ...]

    def fitted(self, network: str, settings: Mapping[str, Any], trained: Trained) -> Fitted:
        """Calibrate, score, and hold against the baselines."""
        task, stack = self.material.task, trained.stack
        _, stopping, judged = self.parts
        framing = self.framing
        if framing.kind == "classification":
            logits = torch.cat([each.mean(0) for _, each in stack.over(stopping.windows, stopping.places)])
            framing = replace(framing, temperature=temperature(logits, stopping.target.long()))
        fitted = Fitted(network, settings, stack, self.inputs, framing, task.describe())
        signal, apart = fitted.moments(judged.windows)
        lent, formula = lend(task, signal[None], self.inputs.lookback)
        scores = lent.score(formula)
        looked = stack.over(judged.windows, judged.places)
        answers = torch.cat([framing.answer(outputs).mean(0) for _, outputs in looked])
        target = self._own[1]
        return replace(
            fitted,
            train=float(scores.train[0]),
            validation=float(scores.validation[0]),
            stopping=trained.stopping,
            judged=self.material.judged[0],
            figure=framing.judge(answers, target, judged.day),
            baselines=self._baselines,
            calibration=_calibration(framing, answers, target),
            uncertainty=_uncertainty(stack, *(each.reshape(-1)[judged.places] for each in (signal, apart))),
            history=trained.history,
            ended=trained.ended,
            notes=(*task.notes, *trained.notes),
        )

    @cached_property
    def _own(self) -> tuple[Tensor, Tensor]:
        """The target in its own units, float64, where it was learned and where it is judged."""
        flat = self.material.target.reshape(-1)
        learned, _, judged = (torch.from_numpy(flat[part.places.numpy()]).double() for part in self.parts)
        return learned, judged

    @cached_property
    def _baselines(self) -> dict[str, float]:
        learned, _, judged = self.parts
        return baselines(self.framing, self.material.known, learned, judged, self._own)


def _uncertainty(stack: Stack, signal: NDArray[np.floating], apart: NDArray[np.floating]) -> float:
    """Mean of how far networks are apart, in standard deviations of their mean; NaN of one network."""
    return float(apart.mean() / signal.std()) if len(stack) > 1 and signal.std() > 0 else float("nan")


def _calibration(framing: TargetEncoding, answers: Tensor, target: Tensor) -> float:
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
