"""Rolling operators on full windows.

Each operator maps windows, a tensor of shape (days, N, w) without NaN whose last axis runs from the oldest
day to today, to a tensor of shape (days, N).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import ratio, root, where_defined
from quarva.engine.reference.quantile import quantile

__all__ = ["WINDOWS", "window_quantile"]


def window_quantile(x: Tensor, share: float) -> Tensor:
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


def _age(x: Tensor) -> Tensor:
    """Age in days along the last axis: w − 1 (oldest day) … 0 (today)."""
    return torch.arange(x.shape[-1] - 1, -1, -1, dtype=x.dtype, device=x.device)


def _average(x: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean. Today's value is subtracted first, so that the mean of equal values is exact."""
    today = x[..., -1]
    return today + ((x - today[..., None]) * weight).sum(-1) / weight.sum()


def _deviation(x: Tensor) -> Tensor:
    """x − mean. The oldest value is subtracted first, so that the deviation of equal values is exactly 0."""
    shifted = x - x[..., :1].detach()
    return shifted - shifted.mean(-1, keepdim=True)


def _mean(x: Tensor) -> Tensor:
    return _average(x, torch.ones_like(_age(x)))


def _product(x: Tensor) -> Tensor:
    return where_defined(lambda *days: torch.stack(days, -1).prod(-1), *x.unbind(-1))


def _cov(x: Tensor, y: Tensor) -> Tensor:
    return (_deviation(x) * _deviation(y)).sum(-1) / (x.shape[-1] - 1)


def _var(x: Tensor) -> Tensor:
    return _deviation(x).square().sum(-1) / (x.shape[-1] - 1)


def _std(x: Tensor) -> Tensor:
    return root(_var(x))


def _standardised(x: Tensor) -> Tensor:
    """(x − mean) / std; NaN where std = 0."""
    return ratio(_deviation(x), _std(x)[..., None])


def _skew(x: Tensor) -> Tensor:
    w = x.shape[-1]
    return w / ((w - 1) * (w - 2)) * _standardised(x).pow(3).sum(-1)


def _kurt(x: Tensor) -> Tensor:
    w = x.shape[-1]
    fourth = w * (w + 1) / ((w - 1) * (w - 2) * (w - 3)) * _standardised(x).pow(4).sum(-1)
    return fourth - 3 * (w - 1) ** 2 / ((w - 2) * (w - 3))


def _corr(x: Tensor, y: Tensor) -> Tensor:
    dx, dy = _deviation(x), _deviation(y)
    return ratio((dx * dy).sum(-1), root(dx.square().sum(-1)) * root(dy.square().sum(-1)))


def _oldest_position(mask: Tensor) -> Tensor:
    """Position of the oldest True of a mask (days, N, w): 1 (oldest day) … w (today)."""
    w = mask.shape[-1]
    positions = torch.arange(1, w + 1, device=mask.device)
    return torch.where(mask, positions, w).amin(-1)


def _argmin(x: Tensor) -> Tensor:
    return _oldest_position(x == x.amin(-1, keepdim=True)).to(x.dtype)


def _argmax(x: Tensor) -> Tensor:
    return _oldest_position(x == x.amax(-1, keepdim=True)).to(x.dtype)


def _rank(x: Tensor) -> Tensor:
    today = x[..., -1:]
    smaller = (x < today).sum(-1).to(x.dtype)
    equal = (x == today).sum(-1).to(x.dtype)
    return (smaller + (equal + 1) / 2) / x.shape[-1]


def _median(x: Tensor) -> Tensor:
    ordered, w = x.sort(-1).values, x.shape[-1]
    return (ordered[..., (w - 1) // 2] + ordered[..., w // 2]) / 2


def _sign_changes(x: Tensor) -> Tensor:
    sign = x.sign()
    return (sign[..., 1:] != sign[..., :-1]).sum(-1).to(x.dtype)


def _drawdown(x: Tensor) -> Tensor:
    return ratio(x[..., -1], x.amax(-1)) - 1


def _ema(x: Tensor) -> Tensor:
    return _average(x, (1 - 2 / (x.shape[-1] + 1)) ** _age(x))


def _decay_linear(x: Tensor) -> Tensor:
    return _average(x, x.shape[-1] - _age(x))


def _days(x: Tensor) -> Tensor:
    """The days 1 … w minus their mean: the regressor of the least-squares line."""
    return (x.shape[-1] - 1) / 2 - _age(x)


def _slope(x: Tensor) -> Tensor:
    return (_deviation(x) * _days(x)).sum(-1) / _days(x).square().sum()


def _rsquare(x: Tensor) -> Tensor:
    deviation, days = _deviation(x), _days(x)
    return ratio((deviation * days).sum(-1).square(), deviation.square().sum(-1) * days.square().sum())


def _resi(x: Tensor) -> Tensor:
    return _deviation(x)[..., -1] - _slope(x) * _days(x)[-1]


WINDOWS: dict[str, Callable[..., Tensor]] = {
    "mean": _mean,
    "sum": lambda x: x.sum(-1),
    "product": _product,
    "std": _std,
    "var": _var,
    "skew": _skew,
    "kurt": _kurt,
    "mad": lambda x: _deviation(x).abs().mean(-1),
    "ts_min": lambda x: x.amin(-1),
    "ts_max": lambda x: x.amax(-1),
    "ts_argmin": _argmin,
    "ts_argmax": _argmax,
    "days_since_min": lambda x: x.shape[-1] - _argmin(x),
    "days_since_max": lambda x: x.shape[-1] - _argmax(x),
    "ts_rank": _rank,
    "median": _median,
    "sign_changes": _sign_changes,
    "drawdown": _drawdown,
    "ts_zscore": lambda x: _standardised(x)[..., -1],
    "ema": _ema,
    "decay_linear": _decay_linear,
    "slope": _slope,
    "rsquare": _rsquare,
    "resi": _resi,
    "corr": _corr,
    "cov": _cov,
}
