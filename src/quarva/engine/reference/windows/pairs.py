"""Pairs of windows: corr, cov."""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, ratio, root
from quarva.engine.reference.windows.full import deviation
from quarva.engine.reference.windows.gapped import FLAT, Part

__all__ = ["FULL", "GAPPED"]


def _cov(x: Tensor, y: Tensor) -> Tensor:
    return (deviation(x) * deviation(y)).sum(-1) / (x.shape[-1] - 1)


def _corr(x: Tensor, y: Tensor) -> Tensor:
    dx, dy = deviation(x), deviation(y)
    return ratio((dx * dy).sum(-1), root(dx.square().sum(-1)) * root(dy.square().sum(-1)))


FULL: dict[str, Callable[..., Tensor]] = {
    "corr": _corr,
    "cov": _cov,
}


# Windows with gaps


def _gapped_cov(x: Part, y: Part) -> Tensor:
    x, y = x.where(y.here), y.where(x.here)
    together = (x.centre(x.x)[1] * y.centre(y.x)[1]).sum(-1)
    return x.least(2, together / (x.n - 1).clamp(min=1))


def _gapped_corr(x: Part, y: Part) -> Tensor:
    # Each window by itself: Qlib looks at the std of all its values, also of days that only it has.
    flat = (x.least(2, x.spread()) <= FLAT) | (y.least(2, y.spread()) <= FLAT)
    x, y = x.where(y.here), y.where(x.here)
    dx, dy = x.centre(x.x)[1], y.centre(y.x)[1]
    value = ratio((dx * dy).sum(-1), root(dx.square().sum(-1)) * root(dy.square().sum(-1)))
    return x.least(2, torch.where(flat, NAN, value))


GAPPED: dict[str, Callable[..., Tensor]] = {
    "corr": _gapped_corr,
    "cov": _gapped_cov,
}
