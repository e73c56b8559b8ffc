"""Quantiles by linear interpolation between two sorted values (Hyndman and Fan 1996, type 7).

References
----------
Hyndman, R. and Fan, Y. (1996). Sample quantiles in statistical packages. The American Statistician 50.
"""

import torch
from torch import Tensor

__all__ = ["quantile"]


def quantile(ordered: Tensor, n: Tensor, share: float) -> Tensor:
    """Quantile of the first n of w sorted values.

    Parameters
    ----------
    ordered : Tensor, shape (..., w)
        Ascending values, followed by +inf from index n on.
    n : Tensor of int, shape (...)
        Number of values.
    share : float
        The quantile, from 0 to 1.

    Returns
    -------
    Tensor, shape (...)
        0 where n = 0.
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
