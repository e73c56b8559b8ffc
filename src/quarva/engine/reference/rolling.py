"""Rolling operators: the last w days of one asset.

A window operator is written on windows: a tensor [days, N, w] whose last axis runs from the oldest day to
today and holds no NaN; the full-window rule is applied around it, once for all.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, ratio, root, where_defined

__all__ = ["LAGS", "WINDOWS", "rolling"]

_BLOCK = 4_000_000
"""Most numbers of a block of windows: 32 MB in float64, so that a long window needs no T·N·w memory."""


def rolling(name: str, args: list[Tensor], window: int) -> Tensor:
    """Operator `name` over the last `window` days of `args` (each [T, N]): [T, N].

    Days before the first count as NaN; a window that holds a NaN gives NaN (a lag: the days it reads).
    """
    if name in LAGS:
        return LAGS[name](args[0], _lag(args[0], window))
    days, assets = args[0].shape
    if window > days:
        return torch.full_like(args[0], NAN, requires_grad=False)
    windows = [arg.unfold(0, window, 1) for arg in args]
    step = max(1, _BLOCK // (window * max(assets, 1)))
    blocks = [args[0].new_full((window - 1, assets), NAN)]
    blocks += [
        _over_full(WINDOWS[name], [w[start : start + step] for w in windows])
        for start in range(0, days - window + 1, step)
    ]
    return torch.cat(blocks)


def _over_full(operator: Callable[..., Tensor], windows: list[Tensor]) -> Tensor:
    """`operator` on windows [days, N, w] that are full: [days, N], NaN where one of them is not."""
    full = ~windows[0].isnan().any(-1)
    for other in windows[1:]:
        full = full & ~other.isnan().any(-1)
    value = operator(*(torch.where(full[..., None], w, 1.0) for w in windows))
    return torch.where(full, value, NAN)


# Lags: x_0 and x_w -------------------------------------------------------------------------------


def _lag(x: Tensor, window: int) -> Tensor:
    """x_w, the value `window` days ago; NaN where there was no day."""
    back = min(window, x.shape[0])
    return torch.cat([x.new_full((back, x.shape[1]), NAN), x[: x.shape[0] - back]])


def _delta(today: Tensor, before: Tensor) -> Tensor:
    return where_defined(torch.sub, today, before)


def _pct_change(today: Tensor, before: Tensor) -> Tensor:
    return where_defined(lambda x, y: x / y - 1, today, before)


LAGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ref": lambda today, before: before,
    "delta": _delta,
    "pct_change": _pct_change,
}


# Windows: [days, N, w] → [days, N] ---------------------------------------------------------------


def _age(x: Tensor) -> Tensor:
    """k of x_k along the last axis: w − 1 (oldest) … 0 (today)."""
    return torch.arange(x.shape[-1] - 1, -1, -1, dtype=x.dtype, device=x.device)


def _average(x: Tensor, weight: Tensor) -> Tensor:
    """Σ weight · x / Σ weight, taken about today's value: of equal values it is that very value."""
    today = x[..., -1]
    return today + ((x - today[..., None]) * weight).sum(-1) / weight.sum()


def _deviation(x: Tensor) -> Tensor:
    """x − mean, taken about the oldest value: exactly 0 where all values are equal, and only there."""
    shifted = x - x[..., :1].detach()
    return shifted - shifted.mean(-1, keepdim=True)


def _mean(x: Tensor) -> Tensor:
    return _average(x, torch.ones_like(_age(x)))


def _cov(x: Tensor, y: Tensor) -> Tensor:
    return (_deviation(x) * _deviation(y)).sum(-1) / (x.shape[-1] - 1)


def _var(x: Tensor) -> Tensor:
    return _deviation(x).square().sum(-1) / (x.shape[-1] - 1)


def _std(x: Tensor) -> Tensor:
    return root(_var(x))


def _skew(x: Tensor) -> Tensor:
    w = x.shape[-1]
    return w / ((w - 1) * (w - 2)) * ratio(_deviation(x), _std(x)[..., None]).pow(3).sum(-1)


def _zscore(x: Tensor) -> Tensor:
    return ratio(_deviation(x)[..., -1], _std(x))


def _corr(x: Tensor, y: Tensor) -> Tensor:
    dx, dy = _deviation(x), _deviation(y)
    return ratio((dx * dy).sum(-1), root(dx.square().sum(-1)) * root(dy.square().sum(-1)))


def _oldest_place(at: Tensor) -> Tensor:
    """Place of the oldest True of `at` bool [days, N, w]: 1 (oldest day) … w (today)."""
    w = at.shape[-1]
    places = torch.arange(1, w + 1, device=at.device)
    return torch.where(at, places, w).amin(-1)


def _argmin(x: Tensor) -> Tensor:
    return _oldest_place(x == x.amin(-1, keepdim=True)).to(x.dtype)


def _argmax(x: Tensor) -> Tensor:
    return _oldest_place(x == x.amax(-1, keepdim=True)).to(x.dtype)


def _rank(x: Tensor) -> Tensor:
    today = x[..., -1:]
    smaller = (x < today).sum(-1).to(x.dtype)
    equal = (x == today).sum(-1).to(x.dtype)
    return (smaller + (equal + 1) / 2) / x.shape[-1]


def _median(x: Tensor) -> Tensor:
    ordered, w = x.sort(-1).values, x.shape[-1]
    return (ordered[..., (w - 1) // 2] + ordered[..., w // 2]) / 2


def _ema(x: Tensor) -> Tensor:
    return _average(x, (1 - 2 / (x.shape[-1] + 1)) ** _age(x))


def _decay_linear(x: Tensor) -> Tensor:
    return _average(x, x.shape[-1] - _age(x))


WINDOWS: dict[str, Callable[..., Tensor]] = {
    "mean": _mean,
    "sum": lambda x: x.sum(-1),
    "std": _std,
    "var": _var,
    "skew": _skew,
    "ts_min": lambda x: x.amin(-1),
    "ts_max": lambda x: x.amax(-1),
    "ts_argmin": _argmin,
    "ts_argmax": _argmax,
    "ts_rank": _rank,
    "median": _median,
    "ts_zscore": _zscore,
    "ema": _ema,
    "decay_linear": _decay_linear,
    "corr": _corr,
    "cov": _cov,
}
