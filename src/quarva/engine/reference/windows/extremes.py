"""Extremes: ts_min, ts_max, ts_argmin, ts_argmax, days_since_min, days_since_max, drawdown."""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import ratio
from quarva.engine.reference.windows.gapped import Part

__all__ = ["FULL", "GAPPED"]


def _oldest_position(mask: Tensor) -> Tensor:
    """Position of the oldest True of a mask (days, N, w): 1 (oldest day) … w (today)."""
    w = mask.shape[-1]
    positions = torch.arange(1, w + 1, device=mask.device)
    return torch.where(mask, positions, w).amin(-1)


def _argmin(x: Tensor) -> Tensor:
    return _oldest_position(x == x.amin(-1, keepdim=True)).to(x.dtype)


def _argmax(x: Tensor) -> Tensor:
    return _oldest_position(x == x.amax(-1, keepdim=True)).to(x.dtype)


def _drawdown(x: Tensor) -> Tensor:
    return ratio(x[..., -1], x.amax(-1)) - 1


FULL: dict[str, Callable[..., Tensor]] = {
    "ts_min": lambda x: x.amin(-1),
    "ts_max": lambda x: x.amax(-1),
    "ts_argmin": _argmin,
    "ts_argmax": _argmax,
    "days_since_min": lambda x: x.shape[-1] - _argmin(x),
    "days_since_max": lambda x: x.shape[-1] - _argmax(x),
    "drawdown": _drawdown,
}


# Windows with gaps


def _gapped_largest(part: Part) -> Tensor:
    """Largest value of each window; NaN if it has no values."""
    return part.least(1, torch.where(part.here, part.x, -torch.inf).amax(-1))


def _gapped_smallest(part: Part) -> Tensor:
    return part.least(1, torch.where(part.here, part.x, torch.inf).amin(-1))


def _gapped_oldest_age(at: Tensor, age: Tensor) -> Tensor:
    """Age in days of the oldest True of a mask (days, N, w); −1 if there is none."""
    return torch.where(at, age, -1.0).amax(-1)


def _gapped_place(part: Part, extreme: Tensor) -> Tensor:
    """Position, 1 … rows, of the oldest value equal to `extreme`, or of the oldest missing row if any.

    A missing row takes precedence because pyqlib calls NumPy's argmax and argmin, which return the first NaN.
    `extreme` has shape (days, N).
    """
    gap = ~part.here & (part.age < part.rows[..., None])
    extremes = part.here & (part.x == extreme[..., None])
    at = torch.where(gap.any(-1, keepdim=True), gap, extremes)
    return part.least(1, part.rows.to(part.x.dtype) - _gapped_oldest_age(at, part.age))


def _gapped_days_since(part: Part, extreme: Tensor) -> Tensor:
    return part.least(1, _gapped_oldest_age(part.here & (part.x == extreme[..., None]), part.age))


def _gapped_drawdown(part: Part) -> Tensor:
    largest = torch.where(part.here, part.x, -torch.inf).amax(-1)
    return part.today(ratio(part.x[..., -1], torch.where(part.here[..., -1], largest, 1.0)) - 1)


GAPPED: dict[str, Callable[..., Tensor]] = {
    "ts_min": _gapped_smallest,
    "ts_max": _gapped_largest,
    "ts_argmin": lambda part: _gapped_place(part, _gapped_smallest(part)),
    "ts_argmax": lambda part: _gapped_place(part, _gapped_largest(part)),
    "days_since_min": lambda part: _gapped_days_since(part, _gapped_smallest(part)),
    "days_since_max": lambda part: _gapped_days_since(part, _gapped_largest(part)),
    "drawdown": _gapped_drawdown,
}
