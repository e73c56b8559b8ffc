"""Sums and means: mean, sum, product, ema, decay_linear."""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, where_defined
from quarva.engine.reference.windows.full import age, average
from quarva.engine.reference.windows.gapped import Part

__all__ = ["FULL", "GAPPED", "carried_ema"]


def _mean(x: Tensor) -> Tensor:
    return average(x, torch.ones_like(age(x)))


def _product(x: Tensor) -> Tensor:
    return where_defined(lambda *days: torch.stack(days, -1).prod(-1), *x.unbind(-1))


def _ema(x: Tensor) -> Tensor:
    return average(x, (1 - 2 / (x.shape[-1] + 1)) ** age(x))


def _decay_linear(x: Tensor) -> Tensor:
    return average(x, x.shape[-1] - age(x))


FULL: dict[str, Callable[..., Tensor]] = {
    "mean": _mean,
    "sum": lambda x: x.sum(-1),
    "product": _product,
    "ema": _ema,
    "decay_linear": _decay_linear,
}


# Windows with gaps


def _gapped_mean(part: Part) -> Tensor:
    return part.least(1, part.centre(part.x)[0])


def _gapped_product(part: Part) -> Tensor:
    days = torch.where(part.here, part.x, 1.0).unbind(-1)
    return part.least(1, where_defined(lambda *each: torch.stack(each, -1).prod(-1), *days))


def carried_ema(x: Tensor, window: int) -> Tensor:
    """Weighted mean of all days up to each day, with weights (1 − 2/(w + 1))^age.

    Parameters
    ----------
    x : Tensor, shape (T, N)
        NaN marks a missing value.
    window : int
        The window w.

    Returns
    -------
    Tensor, shape (T, N)
        On a missing day, that of the day before; NaN before the first value.
    """
    fade = 1 - 2 / (window + 1)
    mean, weight = torch.zeros_like(x[0]), torch.zeros_like(x[0], requires_grad=False)
    begun = torch.zeros_like(x[0], dtype=torch.bool)  # a weight may underflow to 0 in a long gap
    out = []
    for today in x:
        here = ~today.isnan()
        begun = begun | here
        weight = weight * fade + here.to(x.dtype)
        step = (torch.where(here, today, 0.0) - mean) / torch.where(here, weight, 1.0)
        mean = mean + torch.where(here, step, 0.0)
        out.append(torch.where(begun, mean, NAN))
    return torch.stack(out)


def _gapped_decay_linear(part: Part) -> Tensor:
    rows = part.rows.to(part.x.dtype)
    weighted = ((rows[..., None] - part.age) * part.x).sum(-1)
    return part.least(1, weighted / (rows * (rows + 1) / 2).clamp(min=1) / part.n)


GAPPED: dict[str, Callable[..., Tensor]] = {
    "mean": _gapped_mean,
    "sum": lambda part: part.least(1, part.x.sum(-1)),
    "product": _gapped_product,
    "decay_linear": _gapped_decay_linear,
}
