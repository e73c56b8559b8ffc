"""Least-squares lines: slope, rsquare, resi."""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, ratio
from quarva.engine.reference.windows.full import age, deviation
from quarva.engine.reference.windows.gapped import FLAT, Part

__all__ = ["FULL", "GAPPED"]


def _days(x: Tensor) -> Tensor:
    """The days 1 … w minus their mean: the regressor of the least-squares line."""
    return (x.shape[-1] - 1) / 2 - age(x)


def _slope(x: Tensor) -> Tensor:
    return (deviation(x) * _days(x)).sum(-1) / _days(x).square().sum()


def _rsquare(x: Tensor) -> Tensor:
    dx, days = deviation(x), _days(x)
    return ratio((dx * days).sum(-1).square(), dx.square().sum(-1) * days.square().sum())


def _resi(x: Tensor) -> Tensor:
    return deviation(x)[..., -1] - _slope(x) * _days(x)[-1]


FULL: dict[str, Callable[..., Tensor]] = {
    "slope": _slope,
    "rsquare": _rsquare,
    "resi": _resi,
}


# Windows with gaps


def _gapped_line(part: Part) -> tuple[Tensor, Tensor, Tensor]:
    """Deviations of x and of the days from their means, and the slope of the least-squares line."""
    _, dx = part.centre(part.x)
    _, days = part.centre((-part.age).expand_as(part.x))
    return dx, days, ratio((dx * days).sum(-1), days.square().sum(-1))


def _gapped_slope(part: Part) -> Tensor:
    return part.least(2, _gapped_line(part)[2])


def _gapped_resi(part: Part) -> Tensor:
    dx, days, slope = _gapped_line(part)
    return part.today(part.least(2, dx[..., -1] - slope * days[..., -1]))


def _gapped_rsquare(part: Part) -> Tensor:
    dx, days, _ = _gapped_line(part)
    share = ratio((dx * days).sum(-1).square(), dx.square().sum(-1) * days.square().sum(-1))
    return part.least(2, torch.where(part.spread() <= FLAT, NAN, share))


GAPPED: dict[str, Callable[..., Tensor]] = {
    "slope": _gapped_slope,
    "rsquare": _gapped_rsquare,
    "resi": _gapped_resi,
}
