"""Rolling operators: over the last w days of an asset.

The package `windows` defines the operators. This module collects the days of each window, and defines the
operators that do not need windows.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, where_defined
from quarva.engine.reference.windows import FULL, GAPPED, Part, carried_ema
from quarva.karva.expression import Symbol

__all__ = ["LAGS", "rolling"]

_BLOCK = 4_000_000
"""Maximal number of values in a block of windows: 32 MB in float64 instead of T · N · w values at once."""


def rolling(symbol: Symbol, args: list[Tensor], begins: Tensor | None = None) -> Tensor:
    """Apply the operator of a symbol to the last w days.

    Parameters
    ----------
    symbol : Symbol
        A symbol with a rolling operator and a window w.
    args : list of Tensor, shape (T, N)
        The arguments. Days before the first one are treated as NaN.
    begins : Tensor of int, shape (N,), optional
        The first row of each asset. If given, Qlib's conventions apply (see `quarva.panel.conventions`).

    Returns
    -------
    Tensor, shape (T, N)
        NaN where the window has a NaN. A lag only reads today and the day w days ago.
    """
    assert symbol.operator is not None
    assert symbol.window is not None
    name, window = symbol.operator.name, symbol.window
    if name in LAGS:
        return LAGS[name](args[0], _lag(args[0], window))
    if name == "count":
        return _count(args[0], window)
    if begins is not None:
        return _over_part(symbol, args, begins)
    days, assets = args[0].shape
    if window > days:
        return torch.full_like(args[0], NAN, requires_grad=False)
    formula = FULL[name] if symbol.share is None else _with_share(FULL[name], symbol.share)
    first_days = args[0].new_full((window - 1, assets), NAN)
    return torch.cat([first_days, *(_over_full(formula, block) for _, block in _blocks(args, window))])


def _with_share(formula: Callable[..., Tensor], share: float) -> Callable[..., Tensor]:
    return lambda x: formula(x, share)


def _blocks(args: list[Tensor], window: int) -> Iterator[tuple[int, list[Tensor]]]:
    """Yield the windows of args in blocks of shape (days, N, w), each with the index of its first day."""
    windows = [arg.unfold(0, window, 1) for arg in args]
    step = max(1, _BLOCK // (window * max(args[0].shape[1], 1)))
    for start in range(0, len(windows[0]), step):
        yield start, [each[start : start + step] for each in windows]


def _over_full(formula: Callable[..., Tensor], windows: list[Tensor]) -> Tensor:
    """Apply a formula to windows (days, N, w); the result (days, N) is NaN where a window is not full."""
    full = ~torch.stack([each.isnan().any(-1) for each in windows]).any(0)
    value = formula(*(torch.where(full[..., None], each, 1.0) for each in windows))
    return torch.where(full, value, NAN)


def _over_part(symbol: Symbol, args: list[Tensor], begins: Tensor) -> Tensor:
    """Apply the operator of a symbol to windows that skip NaN and begin with the asset; shape (T, N)."""
    assert symbol.operator is not None
    assert symbol.window is not None
    name, window = symbol.operator.name, symbol.window
    if name == "ema":
        return carried_ema(args[0], window)
    formula = GAPPED[name] if symbol.share is None else _with_share(GAPPED[name], symbol.share)
    before = args[0].new_full((window - 1, args[0].shape[1]), NAN)
    out = []
    for start, block in _blocks([torch.cat([before, arg]) for arg in args], window):
        today = torch.arange(start, start + len(block[0]), device=begins.device)
        rows = (today[:, None] - begins + 1).clamp(0, window)
        out.append(formula(*(Part.of(each, rows) for each in block)))
    return torch.cat(out)


def _count(x: Tensor, window: int) -> Tensor:
    """Number of days of the window that have a value."""
    upto = torch.cat([x.new_zeros((1, x.shape[1])), (~x.isnan()).to(x.dtype).cumsum(0)])
    back = min(window, x.shape[0])
    return upto[1:] - torch.cat([x.new_zeros((back, x.shape[1])), upto[1 : x.shape[0] - back + 1]])


# Lags: x_0 and x_w -------------------------------------------------------------------------------


def _lag(x: Tensor, window: int) -> Tensor:
    """The value `window` days ago; NaN before the first day."""
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
