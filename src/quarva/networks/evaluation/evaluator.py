"""Evaluation of trained networks with the scores of the task and against baselines."""

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
from quarva.networks.data.target_encoding import TargetEncoding, fit_temperature
from quarva.networks.data.training_data import TrainingData
from quarva.networks.evaluation.baselines import baselines
from quarva.networks.learner.fitted import Fitted
from quarva.networks.models.stack import Stack
from quarva.networks.training.trained import Trained
from quarva.tasks import attach_signals

__all__ = ["Evaluator"]


@dataclass(frozen=True, eq=False)
class Evaluator:
    """Evaluates networks that share a task, inputs and target encoding.

    Attributes
    ----------
    data : TrainingData
        The training data.
    encoding : TargetEncoding
        Encoding of the target.
    inputs : Inputs
        Features, window length and scaling.
    parts : tuple of Samples, length 3
        Samples to learn from, for early stopping, and to evaluate on.
    """

    data: TrainingData
    encoding: TargetEncoding
    inputs: Inputs
    parts: tuple[Samples, ...]

    def evaluate(self, network: str, settings: Mapping[str, Any], trained: Trained) -> Fitted:
        """Calibrate and score a trained network, and compare it with the baselines.

        Parameters
        ----------
        network : str
            Name of the network.
        settings : mapping of str to Any
            Settings that the network was made with.
        trained : Trained
            The trained stack and its training record.

        Returns
        -------
        Fitted
        """
        task, stack = self.data.task, trained.stack
        _, stopping, evaluated = self.parts
        encoding = self.encoding
        if encoding.kind == "classification":
            outputs = stack.predict(stopping.windows, stopping.indices)
            logits = torch.cat([each.mean(0) for _, each in outputs])
            encoding = replace(encoding, temperature=fit_temperature(logits, stopping.target.long()))
        fitted = Fitted(network, settings, stack, self.inputs, encoding, task.describe())
        signal, spread = fitted.moments(evaluated.windows)
        with_signal, formula = attach_signals(task, signal[None], self.inputs.lookback)
        scores = with_signal.score(formula)
        batches = stack.predict(evaluated.windows, evaluated.indices)
        predictions = torch.cat([encoding.predict(outputs).mean(0) for _, outputs in batches])
        target = self._targets[1]
        cells = evaluated.indices
        return replace(
            fitted,
            train=float(scores.train[0]),
            validation=float(scores.validation[0]),
            stopping=trained.stopping,
            evaluated_on=self.data.evaluated_on[0],
            metric=encoding.score(predictions, target, evaluated.day),
            baselines=self._baselines,
            calibration=_calibration(encoding, predictions, target),
            uncertainty=_uncertainty(stack, signal.reshape(-1)[cells], spread.reshape(-1)[cells]),
            history=trained.history,
            ended=trained.ended,
            notes=(*task.notes, *trained.notes),
        )

    @cached_property
    def _targets(self) -> tuple[Tensor, Tensor]:
        """Targets in their own units, float64, of the samples to learn from and to evaluate on."""
        flat = self.data.target.reshape(-1)
        learned, _, evaluated = (torch.from_numpy(flat[part.indices.numpy()]).double() for part in self.parts)
        return learned, evaluated

    @cached_property
    def _baselines(self) -> dict[str, float]:
        learned, _, evaluated = self.parts
        return baselines(self.encoding, self.data.last_known, learned, evaluated, self._targets)


def _uncertainty(stack: Stack, signal: NDArray[np.floating], spread: NDArray[np.floating]) -> float:
    """Mean spread between the networks over the standard deviation of the signal; NaN for one network."""
    return float(spread.mean() / signal.std()) if len(stack) > 1 and signal.std() > 0 else float("nan")


def _calibration(encoding: TargetEncoding, predictions: Tensor, target: Tensor) -> float:
    """Calibration of predictions: a slope for regressions, an expected error for classifications.

    For a regression, the slope of the target on the prediction, 1 if calibrated. For a classification, the
    expected calibration error of Guo et al. (2017), 0 if calibrated: the mean over ten bins of the distance
    between the largest probability and the accuracy, weighted by the number of samples. NaN for a ranking.
    """
    if encoding.kind == "ranking":
        return float("nan")
    if encoding.kind == "regression":
        forecast = predictions[:, 0].double()
        spread = forecast - forecast.mean()
        return float((spread * (target - target.mean())).sum() / (spread**2).sum())
    probability, predicted = predictions.double().max(1)
    correct = (predicted == torch.from_numpy(encoding.encode(target.numpy()))).double()
    bins = (probability * 10).long().clamp(0, 9)
    error = 0.0
    for k in range(10):
        inside = bins == k
        if bool(inside.any()):
            error += float(
                inside.double().mean() * (probability[inside].mean() - correct[inside].mean()).abs()
            )
    return error
