"""The quantile of sorted values, between two of them by a straight line (Hyndman and Fan 1996, type 7)."""

import torch
from torch import Tensor

__all__ = ["quantile"]


def quantile(ordered: Tensor, n: Tensor, share: float) -> Tensor:
    """What a share of the first n values is below, [...]; 0 where n = 0.

    ordered: [..., w], ascending in its first n places, +inf behind them. n: int [...].
    """
    behind = torch.arange(ordered.shape[-1], device=ordered.device) >= n[..., None]
    ordered = torch.where(behind, 0.0, ordered)
    last = (n - 1).clamp(min=0)
    at = share * last.to(ordered.dtype)
    below = at.floor().long()
    above = torch.minimum(below + 1, last)
    low = ordered.gather(-1, below[..., None]).squeeze(-1)
    high = ordered.gather(-1, above[..., None]).squeeze(-1)
    return low + (high - low) * (at - below)
