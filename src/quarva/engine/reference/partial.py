"""What a rolling operator says of a window that need not be full: the rules of Qlib's expression engine.

They are pyqlib 0.9.7's, which are largely pandas' `rolling(w, min_periods=1)`; in words they stand in
`quarva.panel.conventions`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, ratio, root, where_defined
from quarva.engine.reference.quantile import quantile

__all__ = ["PARTIAL", "Part", "carried_ema", "part_of_share"]

_FLAT = 2e-5
"""Qlib gives no corr and no rsquare where a window's std is at most this."""


@dataclass(frozen=True)
class Part:
    """Windows of which some days may be missing.

    x: [days, N, w], the last axis from the oldest day to today, 0 where there is no value.
    here: bool, the same shape, where there is one.
    rows: int [days, N], how many rows of the window the asset has had, 0 … w.
    """

    x: Tensor
    here: Tensor
    rows: Tensor

    @classmethod
    def of(cls, windows: Tensor, rows: Tensor) -> "Part":
        """From windows [days, N, w] with NaN where there is no value."""
        here = ~windows.isnan()
        return cls(torch.where(here, windows, 0.0), here, rows)

    def where(self, also: Tensor) -> "Part":
        """The same with values only where `also`, bool of the same shape."""
        here = self.here & also
        return Part(torch.where(here, self.x, 0.0), here, self.rows)

    @property
    def n(self) -> Tensor:
        """How many values there are, as a float [days, N]; 1 where there are none, and nothing is asked."""
        return self.here.sum(-1).clamp(min=1).to(self.x.dtype)

    @property
    def age(self) -> Tensor:
        """k of x_k along the last axis: w − 1 (oldest) … 0 (today)."""
        w = self.x.shape[-1]
        return torch.arange(w - 1, -1, -1, dtype=self.x.dtype, device=self.x.device)

    def least(self, n: int, value: Tensor) -> Tensor:
        """`value` [days, N] where there are at least n values, else NaN."""
        return torch.where(self.here.sum(-1) >= n, value, NAN)

    def today(self, value: Tensor) -> Tensor:
        """`value` [days, N] where there is one today, else NaN."""
        return torch.where(self.here[..., -1], value, NAN)

    def centre(self, of: Tensor) -> tuple[Tensor, Tensor]:
        """Mean [days, N] of the values there, and deviations from it, 0 elsewhere.

        Taken about the oldest value: deviations are exactly 0 where all values are equal.
        """
        oldest = of.detach().gather(-1, self.here.to(torch.int8).argmax(-1, keepdim=True))
        shifted = torch.where(self.here, of - oldest, 0.0)
        mean = shifted.sum(-1, keepdim=True) / self.n[..., None]
        return (oldest + mean).squeeze(-1), torch.where(self.here, shifted - mean, 0.0)

    def spread(self) -> Tensor:
        """std [days, N], with n − 1; 0 for one value."""
        squares = self.centre(self.x)[1].square().sum(-1)
        return root(squares / (self.n - 1).clamp(min=1))


def part_of_share(part: Part, share: float) -> Tensor:
    """The window's quantile: what a share of its values is below."""
    ordered = torch.where(part.here, part.x, torch.inf).sort(-1).values
    return part.least(1, quantile(ordered, part.here.sum(-1), share))


def carried_ema(x: Tensor, window: int) -> Tensor:
    """Mean of x [T, N] with weights (1 − 2/(w + 1))^age over all days; missing days carry the last one on."""
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


def _mean(part: Part) -> Tensor:
    return part.least(1, part.centre(part.x)[0])


def _var(part: Part) -> Tensor:
    return part.least(2, part.centre(part.x)[1].square().sum(-1) / (part.n - 1).clamp(min=1))


def _std(part: Part) -> Tensor:
    return part.least(2, part.spread())


def _standardised(part: Part) -> Tensor:
    """(x − mean) / std, 0 where there is no value; NaN where std = 0."""
    return ratio(part.centre(part.x)[1], part.spread()[..., None])


def _skew(part: Part) -> Tensor:
    n = part.n.clamp(min=3)
    return part.least(3, n / ((n - 1) * (n - 2)) * _standardised(part).pow(3).sum(-1))


def _kurt(part: Part) -> Tensor:
    n = part.n.clamp(min=4)
    fourth = n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) * _standardised(part).pow(4).sum(-1)
    return part.least(4, fourth - 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))


def _mad(part: Part) -> Tensor:
    return part.least(1, part.centre(part.x)[1].abs().sum(-1) / part.n)


def _product(part: Part) -> Tensor:
    days = torch.where(part.here, part.x, 1.0).unbind(-1)
    return part.least(1, where_defined(lambda *each: torch.stack(each, -1).prod(-1), *days))


def _largest(part: Part) -> Tensor:
    """Largest value there, NaN where there is none."""
    return part.least(1, torch.where(part.here, part.x, -torch.inf).amax(-1))


def _smallest(part: Part) -> Tensor:
    return part.least(1, torch.where(part.here, part.x, torch.inf).amin(-1))


def _oldest_age(at: Tensor, age: Tensor) -> Tensor:
    """k of the oldest True of `at` bool [days, N, w]; −1 where there is none."""
    return torch.where(at, age, -1.0).amax(-1)


def _place(part: Part, extreme: Tensor) -> Tensor:
    """Place 1 … rows of the oldest value that is `extreme` [days, N]; of the oldest gap if there is one.

    That a gap wins is numpy's argmax and argmin of NaN, which pyqlib calls on the rows it has.
    """
    gap = ~part.here & (part.age < part.rows[..., None])
    extremes = part.here & (part.x == extreme[..., None])
    at = torch.where(gap.any(-1, keepdim=True), gap, extremes)
    return part.least(1, part.rows.to(part.x.dtype) - _oldest_age(at, part.age))


def _days_since(part: Part, extreme: Tensor) -> Tensor:
    return part.least(1, _oldest_age(part.here & (part.x == extreme[..., None]), part.age))


def _rank(part: Part) -> Tensor:
    today = part.x[..., -1:]
    smaller = (part.here & (part.x < today)).sum(-1)
    equal = (part.here & (part.x == today)).sum(-1)
    return part.today((smaller + (equal + 1) / 2).to(part.x.dtype) / part.n)


def _sign_changes(part: Part) -> Tensor:
    sign, both = part.x.sign(), part.here[..., 1:] & part.here[..., :-1]
    return part.least(1, (both & (sign[..., 1:] != sign[..., :-1])).sum(-1).to(part.x.dtype))


def _drawdown(part: Part) -> Tensor:
    largest = torch.where(part.here, part.x, -torch.inf).amax(-1)
    return part.today(ratio(part.x[..., -1], torch.where(part.here[..., -1], largest, 1.0)) - 1)


def _zscore(part: Part) -> Tensor:
    return part.today(part.least(2, _standardised(part)[..., -1]))


def _decay_linear(part: Part) -> Tensor:
    rows = part.rows.to(part.x.dtype)
    weighted = ((rows[..., None] - part.age) * part.x).sum(-1)
    return part.least(1, weighted / (rows * (rows + 1) / 2).clamp(min=1) / part.n)


def _line(part: Part) -> tuple[Tensor, Tensor, Tensor]:
    """Deviations of x, deviations of the days from theirs, and the slope of least squares."""
    _, dx = part.centre(part.x)
    _, days = part.centre((-part.age).expand_as(part.x))
    return dx, days, ratio((dx * days).sum(-1), days.square().sum(-1))


def _slope(part: Part) -> Tensor:
    return part.least(2, _line(part)[2])


def _resi(part: Part) -> Tensor:
    dx, days, slope = _line(part)
    return part.today(part.least(2, dx[..., -1] - slope * days[..., -1]))


def _rsquare(part: Part) -> Tensor:
    dx, days, _ = _line(part)
    share = ratio((dx * days).sum(-1).square(), dx.square().sum(-1) * days.square().sum(-1))
    return part.least(2, torch.where(part.spread() <= _FLAT, NAN, share))


def _cov(x: Part, y: Part) -> Tensor:
    x, y = x.where(y.here), y.where(x.here)
    together = (x.centre(x.x)[1] * y.centre(y.x)[1]).sum(-1)
    return x.least(2, together / (x.n - 1).clamp(min=1))


def _corr(x: Part, y: Part) -> Tensor:
    # Each window by itself: Qlib looks at the std of all its values, also of days that only it has.
    flat = (x.least(2, x.spread()) <= _FLAT) | (y.least(2, y.spread()) <= _FLAT)
    x, y = x.where(y.here), y.where(x.here)
    dx, dy = x.centre(x.x)[1], y.centre(y.x)[1]
    value = ratio((dx * dy).sum(-1), root(dx.square().sum(-1)) * root(dy.square().sum(-1)))
    return x.least(2, torch.where(flat, NAN, value))


PARTIAL: dict[str, Callable[..., Tensor]] = {
    "mean": _mean,
    "sum": lambda part: part.least(1, part.x.sum(-1)),
    "product": _product,
    "std": _std,
    "var": _var,
    "skew": _skew,
    "kurt": _kurt,
    "mad": _mad,
    "ts_min": _smallest,
    "ts_max": _largest,
    "ts_argmin": lambda part: _place(part, _smallest(part)),
    "ts_argmax": lambda part: _place(part, _largest(part)),
    "days_since_min": lambda part: _days_since(part, _smallest(part)),
    "days_since_max": lambda part: _days_since(part, _largest(part)),
    "ts_rank": _rank,
    "median": lambda part: part_of_share(part, 0.5),
    "sign_changes": _sign_changes,
    "drawdown": _drawdown,
    "ts_zscore": _zscore,
    "decay_linear": _decay_linear,
    "slope": _slope,
    "rsquare": _rsquare,
    "resi": _resi,
    "corr": _corr,
    "cov": _cov,
}
