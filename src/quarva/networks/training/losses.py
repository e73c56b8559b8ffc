"""Losses of networks, by name in `LOSSES`.

Each loss takes the outputs of M networks for the same B windows, float32 of shape (M, B, K), the encoded
targets of shape (B,), and the day of each window, int64 of shape (B,) and ascending. It returns float32 of
shape (M,). The gradients of different networks are independent.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "LOSSES",
    "Loss",
    "average_ranks",
    "by_day",
    "correlation",
    "cross_entropy",
    "ic",
    "mse",
    "rank_ic",
]

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

_SOFTNESS = 0.1  # scale of the sigmoid in standard deviations of the day's predictions


def mse(outputs: Tensor, target: Tensor, day: Tensor) -> Tensor:
    """Mean squared error of the single output."""
    return ((outputs[..., 0] - target) ** 2).mean(1)


def huber(outputs: Tensor, target: Tensor, day: Tensor) -> Tensor:
    """Huber loss with threshold 1, in standard deviations of a scaled target (Huber 1964)."""
    errors = functional.huber_loss(outputs[..., 0], target.expand(outputs.shape[:2]), reduction="none")
    return errors.mean(1)


def cross_entropy(outputs: Tensor, target: Tensor, day: Tensor) -> Tensor:
    """Mean negative log-likelihood of the class; outputs are logits and the target is the class index."""
    logits = functional.log_softmax(outputs, dim=2)
    return -logits.gather(2, target.long().expand(outputs.shape[:2])[..., None])[..., 0].mean(1)


def ic(outputs: Tensor, target: Tensor, day: Tensor) -> Tensor:
    """1 minus the mean daily Pearson correlation of the single output with the target."""
    return 1.0 - correlation(*by_day(outputs[..., 0], target, day))


def rank_ic(outputs: Tensor, target: Tensor, day: Tensor) -> Tensor:
    """1 minus the mean daily correlation of the output's soft ranks with the target's ranks.

    The soft rank of a value is a sum of sigmoids of its differences from the others. Differences are measured
    in standard deviations of the day, so that the scale of the outputs does not matter.

    References
    ----------
    Qin, T., Liu, T.-Y. and Li, H. (2010). A general approximation framework for direct optimization of
    information retrieval measures. Information Retrieval 13.
    """
    signal, padded, mask = by_day(outputs[..., 0], target, day)
    signal = _standardised(signal, mask) / _SOFTNESS
    pairs = torch.sigmoid(signal[..., :, None] - signal[..., None, :]) * mask[..., None, :]
    return 1.0 - correlation(pairs.sum(-1), average_ranks(padded, mask), mask)


LOSSES: dict[str, Loss] = {
    "mse": mse, "huber": huber, "cross_entropy": cross_entropy, "ic": ic, "rank_ic": rank_ic,
}  # fmt: skip


def by_day(signal: Tensor, target: Tensor, day: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Arrange samples as days × assets, padded with zeros.

    Parameters
    ----------
    signal : Tensor of float, shape (M, B)
        Outputs.
    target : Tensor of float, shape (B,)
        Targets.
    day : Tensor of int64, shape (B,)
        Day of each sample, ascending.

    Returns
    -------
    signal : Tensor of float, shape (M, D, W)
        Outputs of D days with at most W samples each.
    target : Tensor of float, shape (D, W)
        Targets.
    mask : Tensor of float, shape (D, W)
        1 where there is a sample, 0 for padding.
    """
    _, row, counts = torch.unique_consecutive(day, return_inverse=True, return_counts=True)
    first = counts.cumsum(0) - counts
    column = torch.arange(len(day), device=day.device) - first[row]
    shape = (len(counts), int(counts.max()))
    mask = torch.zeros(shape, dtype=signal.dtype, device=signal.device)
    mask[row, column] = 1.0
    padded_signal, padded_target = signal.new_zeros(*signal.shape[:-1], *shape), target.new_zeros(shape)
    padded_signal[..., row, column] = signal
    padded_target[row, column] = target
    return padded_signal, padded_target, mask


def correlation(left: Tensor, right: Tensor, mask: Tensor) -> Tensor:
    """Mean over days of the Pearson correlation over the assets under the mask.

    Parameters
    ----------
    left, right : Tensor of float, shape (..., D, W)
        Values; shapes are broadcast.
    mask : Tensor of float, shape (D, W)
        1 for values, 0 for padding.

    Returns
    -------
    Tensor of float, shape (...)
        A day on which either side is constant counts as 0.
    """
    one, other = _centred(left, mask), _centred(right, mask)
    squares = (one * one).sum(-1) * (other * other).sum(-1)
    # The square root has no gradient at 0: replace such days before it and zero them after it.
    flat = squares <= 1e-24
    daily = (one * other).sum(-1) / torch.where(flat, torch.ones_like(squares), squares).sqrt()
    return torch.where(flat, torch.zeros_like(daily), daily).mean(-1)


def average_ranks(values: Tensor, mask: Tensor) -> Tensor:
    """Average ranks of the values under the mask.

    Parameters
    ----------
    values : Tensor of float, shape (..., D, W)
        The values.
    mask : Tensor of float, shape (D, W)
        1 for values, 0 for padding.

    Returns
    -------
    Tensor of float, shape (..., D, W)
        Ranks from 0 along the last axis. 0 for padding.
    """
    below = (values[..., :, None] > values[..., None, :]).to(mask.dtype) * mask[..., None, :]
    equal = (values[..., :, None] == values[..., None, :]).to(mask.dtype) * mask[..., None, :]
    return (below.sum(-1) + (equal.sum(-1) - 1.0) / 2.0) * mask


def _centred(values: Tensor, mask: Tensor) -> Tensor:
    mean = (values * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)
    return (values - mean) * mask


def _standardised(values: Tensor, mask: Tensor) -> Tensor:
    centred = _centred(values, mask)
    spread = ((centred**2).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True) + 1e-12).sqrt()
    return centred / spread
