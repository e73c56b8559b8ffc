"""Baselines for a network: a constant, the last known value, and a linear model of its inputs.

All are fitted on the samples that the network learns from, which exclude those for early stopping, and are
scored on the same cells as the network.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.networks.data.samples import Samples
from quarva.networks.data.target_encoding import TargetEncoding
from quarva.networks.data.windows import INFERENCE_BATCH

__all__ = ["baselines"]

_RIDGE = 1e-6  # penalty as a share of the mean square of the inputs, for collinear inputs
_MIN_PROBABILITY = 1e-3


def baselines(
    encoding: TargetEncoding,
    last_known: NDArray[np.float32] | None,
    training: Samples,
    evaluated: Samples,
    targets: tuple[Tensor, Tensor],
) -> dict[str, float]:
    """Score the baselines.

    Parameters
    ----------
    encoding : TargetEncoding
        Encoding of the target.
    last_known : ndarray of float32, shape (T, N), or None
        The last value of the target that is known on each day. Without it, the baseline "last value" is left
        out.
    training, evaluated : Samples
        The samples to fit on and to score on.
    targets : pair of Tensor of float64, shape (B,)
        Targets of these samples in their own units.

    Returns
    -------
    dict of str to float
        Score of each baseline; see `TargetEncoding.score`.
    """
    predictions = {"constant": _constant(encoding, training, targets[0], len(evaluated))}
    if last_known is not None:
        last = [
            torch.from_numpy(last_known.reshape(-1)[part.indices.numpy()]).double()
            for part in (training, evaluated)
        ]
        predictions["last value"] = _last_value(encoding, last, training, targets[0])
    predictions["linear"] = _linear(encoding, training, evaluated, targets[0])
    return {name: encoding.score(each, targets[1], evaluated.day) for name, each in predictions.items()}


def _class_frequencies(encoding: TargetEncoding, classes: Tensor) -> Tensor:
    """Relative frequency of each class, shape (K,), with one added to each count."""
    counts = torch.bincount(classes.long(), minlength=encoding.outputs).double() + 1.0
    return counts / counts.sum()


def _constant(encoding: TargetEncoding, training: Samples, targets: Tensor, count: int) -> Tensor:
    """Predict the mean target in training, the class frequencies, or no order."""
    if encoding.kind == "classification":
        return _class_frequencies(encoding, training.target).expand(count, -1)
    constant = float(targets.mean()) if encoding.kind == "regression" else 0.0
    return torch.full((count, 1), constant, dtype=torch.float64)


def _last_value(encoding: TargetEncoding, last: list[Tensor], training: Samples, targets: Tensor) -> Tensor:
    """Predict the last known value, or for classes their frequencies after the last known class.

    Where no value is known, the prediction is that of `_constant`.
    """
    known = torch.isfinite(last[1])
    out = _constant(encoding, training, targets, len(last[1])).clone()
    if encoding.kind != "classification":
        out[known, 0] = last[1][known]
        return out
    before, now = (torch.from_numpy(encoding.encode(each.numpy())) for each in last)
    for k in range(encoding.outputs):
        if bool((before == k).any()):
            out[now == k] = _class_frequencies(encoding, training.target[before == k])
    return out


def _linear(encoding: TargetEncoding, training: Samples, evaluated: Samples, targets: Tensor) -> Tensor:
    """Predict by least squares on all inputs of a window.

    Classes are regressed on their indicators, and the predictions are clipped to probabilities.
    """
    # The ridge also penalises the constant, which must therefore be close to 0.
    shift = encoding.mean if encoding.precision == "float64" else 0.0
    if encoding.kind == "classification":
        expected = torch.nn.functional.one_hot(training.target.long(), encoding.outputs).double()
    elif encoding.kind == "ranking":
        expected = _day_ranks(targets, training.day)[:, None]
    else:
        expected = (targets - shift)[:, None]
    size = training.windows.length * training.windows.values.shape[0] + 1
    products = torch.zeros(size, size, dtype=torch.float64)
    sides = torch.zeros(size, expected.shape[1], dtype=torch.float64)
    for chosen in training.in_order(INFERENCE_BATCH, False):
        x = _inputs(training, chosen)
        products += x.T @ x
        sides += x.T @ expected[chosen]
    products += _RIDGE * products.diagonal().mean() * torch.eye(size, dtype=torch.float64)
    weights = torch.linalg.solve(products, sides)
    out = torch.cat(
        [_inputs(evaluated, chosen) @ weights for chosen in evaluated.in_order(INFERENCE_BATCH, False)]
    )
    if encoding.kind == "classification":
        out = out.clamp(_MIN_PROBABILITY, 1.0)
        out = out / out.sum(1, keepdim=True)
    return out + shift


def _inputs(samples: Samples, chosen: Tensor) -> Tensor:
    x = samples.windows.batch(samples.indices[chosen], "features").double()
    return torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], 1)


def _day_ranks(values: Tensor, day: Tensor) -> Tensor:
    """Ranks within each day, scaled to [−1, 1], float64 of shape (B,). Ties are broken by order."""
    _, number, counts = torch.unique_consecutive(day, return_inverse=True, return_counts=True)
    order = torch.argsort(values, stable=True)
    order = order[torch.argsort(number[order], stable=True)]
    rank = torch.empty(len(values), dtype=torch.float64)
    first = (counts.cumsum(0) - counts)[number]
    rank[order] = torch.arange(len(values), dtype=torch.float64)
    rank -= first
    return 2.0 * rank / (counts[number] - 1).clamp_min(1) - 1.0
