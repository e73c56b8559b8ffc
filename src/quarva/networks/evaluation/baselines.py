"""What a network has to beat: a constant, the last known value, and a straight line through its inputs.

All are fitted on the windows that the network learns from, which leaves out those that it is stopped by, and
judged on the cells that it is judged on.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.networks.data.samples import Samples
from quarva.networks.data.target_encoding import TargetEncoding
from quarva.networks.data.windows import LOOKED_AT

__all__ = ["baselines"]

_RIDGE = 1e-6  # of the mean square of the inputs, so that inputs that say the same do no harm
_RAREST = 1e-3  # chance that a baseline gives at least


def baselines(
    framing: TargetEncoding,
    known: NDArray[np.float32] | None,
    training: Samples,
    judged: Samples,
    own: tuple[Tensor, Tensor],
) -> dict[str, float]:
    """The figure of each baseline by name.

    Args:
        framing: what is asked. known: float32 [T, N], the target's last value that was known on a day; None
            where there is none to give.
        training, judged: windows with a target, encoded as the loss reads it.
        own: the target in its own units on training and judged windows, float64 [B] each.
    """
    answers = {"constant": _constant(framing, training, own[0], len(judged))}
    if known is not None:
        last = [
            torch.from_numpy(known.reshape(-1)[part.places.numpy()]).double() for part in (training, judged)
        ]
        answers["last value"] = _last_value(framing, last, training, own[0])
    answers["linear"] = _linear(framing, training, judged, own[0])
    return {name: framing.judge(each, own[1], judged.day) for name, each in answers.items()}


def _shares(framing: TargetEncoding, number: Tensor) -> Tensor:
    """Share of each class, [K], none of them 0."""
    many = torch.bincount(number.long(), minlength=framing.outputs).double() + 1.0
    return many / many.sum()


def _constant(framing: TargetEncoding, training: Samples, own: Tensor, many: int) -> Tensor:
    """The mean of the target that is learned from, the classes' shares there, or no order at all."""
    if framing.kind == "classification":
        return _shares(framing, training.target).expand(many, -1)
    constant = float(own.mean()) if framing.kind == "regression" else 0.0
    return torch.full((many, 1), constant, dtype=torch.float64)


def _last_value(framing: TargetEncoding, last: list[Tensor], training: Samples, own: Tensor) -> Tensor:
    """The last known value, the constant where there is none; of classes their shares after such a class."""
    there = torch.isfinite(last[1])
    out = _constant(framing, training, own, len(last[1])).clone()
    if framing.kind != "classification":
        out[there, 0] = last[1][there]
        return out
    before, now = (torch.from_numpy(framing.encode(each.numpy())) for each in last)
    for k in range(framing.outputs):
        if bool((before == k).any()):
            out[now == k] = _shares(framing, training.target[before == k])
    return out


def _linear(framing: TargetEncoding, training: Samples, judged: Samples, own: Tensor) -> Tensor:
    """Least squares on all inputs of a window; of classes on the membership in each, cut to chances."""
    # The ridge penalises the constant, too, which must then not be far from 0.
    shift = framing.mean if framing.precision == "float64" else 0.0
    if framing.kind == "classification":
        wanted = torch.nn.functional.one_hot(training.target.long(), framing.outputs).double()
    elif framing.kind == "ranking":
        wanted = _day_ranks(own, training.day)[:, None]
    else:
        wanted = (own - shift)[:, None]
    size = training.windows.length * training.windows.values.shape[0] + 1
    products = torch.zeros(size, size, dtype=torch.float64)
    sides = torch.zeros(size, wanted.shape[1], dtype=torch.float64)
    for chosen in training.in_order(LOOKED_AT, False):
        x = _inputs(training, chosen)
        products += x.T @ x
        sides += x.T @ wanted[chosen]
    products += _RIDGE * products.diagonal().mean() * torch.eye(size, dtype=torch.float64)
    weights = torch.linalg.solve(products, sides)
    out = torch.cat([_inputs(judged, chosen) @ weights for chosen in judged.in_order(LOOKED_AT, False)])
    if framing.kind == "classification":
        out = out.clamp(_RAREST, 1.0)
        out = out / out.sum(1, keepdim=True)
    return out + shift


def _inputs(samples: Samples, chosen: Tensor) -> Tensor:
    x = samples.windows.batch(samples.places[chosen], "features").double()
    return torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], 1)


def _day_ranks(values: Tensor, day: Tensor) -> Tensor:
    """Ranks within the day, from −1 to 1, in order of the values, float64 [B]; ties in any order."""
    _, number, many = torch.unique_consecutive(day, return_inverse=True, return_counts=True)
    order = torch.argsort(values, stable=True)
    order = order[torch.argsort(number[order], stable=True)]
    rank = torch.empty(len(values), dtype=torch.float64)
    first = (many.cumsum(0) - many)[number]
    rank[order] = torch.arange(len(values), dtype=torch.float64)
    rank -= first
    return 2.0 * rank / (many[number] - 1).clamp_min(1) - 1.0
