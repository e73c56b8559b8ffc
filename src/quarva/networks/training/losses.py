"""What a network is asked to make small; each a few lines, by name in `LOSSES`.

All take outputs float32 [M, B, K] of M networks for the same B windows, targets [B], and the window's day
int64 [B], and give float32 [M]. Gradients of networks do not touch each other.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "LOSSES",
    "Loss",
    "by_day",
    "correlation",
    "cross_entropy",
    "ic",
    "mse",
    "rank_ic",
    "standard_ranks",
]

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

_SOFTNESS = 0.1  # standard deviations of the answers between which a pair counts as ordered


def mse(outputs: Tensor, target: Tensor, day: Tensor) -> Tensor:
    """Mean squared error of the one output."""
    return ((outputs[..., 0] - target) ** 2).mean(1)


def huber(outputs: Tensor, target: Tensor, day: Tensor) -> Tensor:
    """Squared error up to one (of a scaled target: one standard deviation), linear beyond (Huber 1964)."""
    errors = functional.huber_loss(outputs[..., 0], target.expand(outputs.shape[:2]), reduction="none")
    return errors.mean(1)


def cross_entropy(outputs: Tensor, target: Tensor, day: Tensor) -> Tensor:
    """Mean negative log-likelihood of the class, target being its number; outputs are logits."""
    logits = functional.log_softmax(outputs, dim=2)
    return -logits.gather(2, target.long().expand(outputs.shape[:2])[..., None])[..., 0].mean(1)


def ic(outputs: Tensor, target: Tensor, day: Tensor) -> Tensor:
    """1 − mean over days of the Pearson correlation of the one output and the target."""
    return 1.0 - correlation(*by_day(outputs[..., 0], target, day))


def rank_ic(outputs: Tensor, target: Tensor, day: Tensor) -> Tensor:
    """1 − mean over days of the correlation of soft ranks of the output with ranks of the target.

    A rank is a count of those below; softly, a sum of sigmoids of differences (Qin, Liu and Li 2010), in
    units of the day's standard deviation so that the scale of the answers changes nothing.
    """
    signal, ranked, there = by_day(outputs[..., 0], target, day)
    signal = _standardised(signal, there) / _SOFTNESS
    pairs = torch.sigmoid(signal[..., :, None] - signal[..., None, :]) * there[..., None, :]
    return 1.0 - correlation(pairs.sum(-1), standard_ranks(ranked, there), there)


LOSSES: dict[str, Loss] = {
    "mse": mse, "huber": huber, "cross_entropy": cross_entropy, "ic": ic, "rank_ic": rank_ic,
}  # fmt: skip


def by_day(signal: Tensor, target: Tensor, day: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Answers [M, B] and targets [B] laid out as days × places, [M, D, W] and [D, W], and which are there.

    `day` is ascending: windows of a day stand together.
    """
    _, number, many = torch.unique_consecutive(day, return_inverse=True, return_counts=True)
    first = many.cumsum(0) - many
    place = torch.arange(len(day), device=day.device) - first[number]
    shape = (len(many), int(many.max()))
    there = torch.zeros(shape, dtype=signal.dtype, device=signal.device)
    there[number, place] = 1.0
    laid, wanted = signal.new_zeros(*signal.shape[:-1], *shape), target.new_zeros(shape)
    laid[..., number, place] = signal
    wanted[number, place] = target
    return laid, wanted, there


def correlation(left: Tensor, right: Tensor, there: Tensor) -> Tensor:
    """Mean over days of the Pearson correlation over places, of those that are there; [..., D, W] → [...].

    A day on which either side is the same everywhere counts as 0.
    """
    one, other = _centred(left, there), _centred(right, there)
    squares = (one * one).sum(-1) * (other * other).sum(-1)
    # The root of 0 has no gradient: such days are replaced before it and left out after it.
    flat = squares <= 1e-24
    daily = (one * other).sum(-1) / torch.where(flat, torch.ones_like(squares), squares).sqrt()
    return torch.where(flat, torch.zeros_like(daily), daily).mean(-1)


def standard_ranks(values: Tensor, there: Tensor) -> Tensor:
    """Average ranks of what is there, ties sharing theirs, [..., D, W]; what is not there is 0."""
    below = (values[..., :, None] > values[..., None, :]).to(there.dtype) * there[..., None, :]
    equal = (values[..., :, None] == values[..., None, :]).to(there.dtype) * there[..., None, :]
    return (below.sum(-1) + (equal.sum(-1) - 1.0) / 2.0) * there


def _centred(values: Tensor, there: Tensor) -> Tensor:
    mean = (values * there).sum(-1, keepdim=True) / there.sum(-1, keepdim=True)
    return (values - mean) * there


def _standardised(values: Tensor, there: Tensor) -> Tensor:
    centred = _centred(values, there)
    spread = ((centred**2).sum(-1, keepdim=True) / there.sum(-1, keepdim=True) + 1e-12).sqrt()
    return centred / spread
