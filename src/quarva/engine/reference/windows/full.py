"""Shared parts of the definitions on full windows: ages, weighted means and deviations.

x is a tensor of shape (days, N, w) without NaN whose last axis runs from the oldest day to today.
"""

import torch
from torch import Tensor

from quarva.engine.reference.defined import ratio, root

__all__ = ["age", "average", "deviation", "standardised", "std", "var"]


def age(x: Tensor) -> Tensor:
    """Age in days along the last axis: w − 1 (oldest day) … 0 (today)."""
    return torch.arange(x.shape[-1] - 1, -1, -1, dtype=x.dtype, device=x.device)


def average(x: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean. Today's value is subtracted first, so that the mean of equal values is exact."""
    today = x[..., -1]
    return today + ((x - today[..., None]) * weight).sum(-1) / weight.sum()


def deviation(x: Tensor) -> Tensor:
    """x − mean. The oldest value is subtracted first, so that the deviation of equal values is exactly 0."""
    shifted = x - x[..., :1].detach()
    return shifted - shifted.mean(-1, keepdim=True)


def var(x: Tensor) -> Tensor:
    return deviation(x).square().sum(-1) / (x.shape[-1] - 1)


def std(x: Tensor) -> Tensor:
    return root(var(x))


def standardised(x: Tensor) -> Tensor:
    """(x − mean) / std; NaN where std = 0."""
    return ratio(deviation(x), std(x)[..., None])
