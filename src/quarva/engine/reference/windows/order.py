"""Order statistics: ts_rank, median, quantile."""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.quantile import quantile
from quarva.engine.reference.windows.gapped import Part

__all__ = ["FULL", "GAPPED"]


def _rank(x: Tensor) -> Tensor:
    today = x[..., -1:]
    smaller = (x < today).sum(-1).to(x.dtype)
    equal = (x == today).sum(-1).to(x.dtype)
    return (smaller + (equal + 1) / 2) / x.shape[-1]


def _median(x: Tensor) -> Tensor:
    ordered, w = x.sort(-1).values, x.shape[-1]
    return (ordered[..., (w - 1) // 2] + ordered[..., w // 2]) / 2


def _quantile(x: Tensor, share: float) -> Tensor:
    """Quantile of each window.

    Parameters
    ----------
    x : Tensor, shape (days, N, w)
        The windows.
    share : float
        The quantile, from 0 to 1.

    Returns
    -------
    Tensor, shape (days, N)
    """
    n = torch.full(x.shape[:-1], x.shape[-1], dtype=torch.long, device=x.device)
    return quantile(x.sort(-1).values, n, share)


FULL: dict[str, Callable[..., Tensor]] = {
    "ts_rank": _rank,
    "median": _median,
    "quantile": _quantile,
}


# Windows with gaps


def _gapped_rank(part: Part) -> Tensor:
    today = part.x[..., -1:]
    smaller = (part.here & (part.x < today)).sum(-1)
    equal = (part.here & (part.x == today)).sum(-1)
    return part.today((smaller + (equal + 1) / 2).to(part.x.dtype) / part.n)


def _gapped_quantile(part: Part, share: float) -> Tensor:
    ordered = torch.where(part.here, part.x, torch.inf).sort(-1).values
    return part.least(1, quantile(ordered, part.here.sum(-1), share))


GAPPED: dict[str, Callable[..., Tensor]] = {
    "ts_rank": _gapped_rank,
    "median": lambda part: _gapped_quantile(part, 0.5),
    "quantile": _gapped_quantile,
}
