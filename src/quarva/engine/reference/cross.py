"""Cross-sectional operators: over all assets of a day, or over those of a group.

The private operators take rows x of shape (T, n) and `present`, bool of shape (T, n). x is finite everywhere.
Cells that are not present have an arbitrary value, and their results are replaced by NaN.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, ratio, root
from quarva.engine.reference.quantile import quantile
from quarva.karva.expression import Symbol

__all__ = ["CROSS", "GROUP", "PAIRED", "cross", "group", "of_asset"]


def cross(symbol: Symbol, args: list[Tensor], universe: Tensor | None) -> Tensor:
    """Apply the operator of a symbol to all assets of each day.

    Parameters
    ----------
    symbol : Symbol
        A symbol with a cross-sectional operator.
    args : list of Tensor, shape (T, N)
        The arguments.
    universe : Tensor of bool, shape (T, N), or None
        Cells outside the universe are treated as NaN.

    Returns
    -------
    Tensor, shape (T, N)
        NaN where an argument is NaN.
    """
    assert symbol.operator is not None
    name = symbol.operator.name
    if symbol.share is not None:
        share = symbol.share
        return _over_present(lambda x, present: _winsorise(x, present, share), args, universe)
    if symbol.count is not None:
        count = symbol.count
        return _over_present(lambda x, present: _bucket(x, present, count), args, universe)
    return _over_present(PAIRED[name] if name in PAIRED else CROSS[name], args, universe)


def group(name: str, x: Tensor, codes: Tensor, universe: Tensor | None) -> Tensor:
    """Apply a group operator to the assets of each group on each day.

    Parameters
    ----------
    name : str
        Name of the operator.
    x : Tensor, shape (T, N)
        The argument.
    codes : Tensor of int, shape (N,)
        The group of each asset. The result of an asset without a group (−1) is NaN.
    universe : Tensor of bool, shape (T, N), or None
        Cells outside the universe are treated as NaN.

    Returns
    -------
    Tensor, shape (T, N)
        NaN where x is NaN.
    """
    out = torch.full_like(x, NAN, requires_grad=False)
    for code in codes[codes >= 0].unique():
        members = codes == code
        inside = None if universe is None else universe[:, members]
        out[:, members] = _over_present(GROUP[name], [x[:, members]], inside)
    return out


def of_asset(x: Tensor, column: int) -> Tensor:
    """Broadcast one column of x, shape (T, N), to all columns. It need not belong to the universe."""
    return x[:, column : column + 1].expand_as(x)


def _over_present(operator: Callable[..., Tensor], args: list[Tensor], universe: Tensor | None) -> Tensor:
    """Apply an operator to the cells in which all arguments have a value."""
    present = ~torch.stack([arg.isnan() for arg in args]).any(0)
    if universe is not None:
        present = present & universe
    return torch.where(present, operator(*(torch.where(present, arg, 0.0) for arg in args), present), NAN)


def _count(x: Tensor, present: Tensor) -> Tensor:
    """Number of values of each day, float of shape (T, 1); at least 1, to avoid a division by zero."""
    return present.sum(-1, keepdim=True).clamp(min=1).to(x.dtype)


def _demean(x: Tensor, present: Tensor) -> Tensor:
    """x − mean, or 0 in cells that are not present.

    The smallest value is subtracted first, so that the result is exactly 0 if all values are equal.
    """
    smallest = torch.where(present, x.detach(), torch.inf).amin(-1, keepdim=True)
    shifted = torch.where(present, x - smallest, 0.0)
    return torch.where(present, shifted - shifted.sum(-1, keepdim=True) / _count(x, present), 0.0)


def _ascending(x: Tensor, present: Tensor) -> Tensor:
    """The values of each day in ascending order, followed by +inf for cells that are not present."""
    return torch.where(present, x, torch.inf).sort(-1).values


def _twice_rank(x: Tensor, present: Tensor) -> Tensor:
    """Twice the average rank 1 … n among the values of a day, which is an integer."""
    ordered = _ascending(x.detach(), present).contiguous()
    smaller = torch.searchsorted(ordered, x.detach().contiguous(), right=False)
    return smaller + torch.searchsorted(ordered, x.detach().contiguous(), right=True) + 1


def _rank(x: Tensor, present: Tensor) -> Tensor:
    return _twice_rank(x, present).to(x.dtype) / 2 / _count(x, present)


def _bucket(x: Tensor, present: Tensor, count: int) -> Tensor:
    # Integers are used, because rounding would decide about values on the border of two buckets.
    twice = 2 * present.sum(-1, keepdim=True).clamp(min=1)
    return ((_twice_rank(x, present) - 2) * count // twice + 1).to(x.dtype)


def _winsorise(x: Tensor, present: Tensor, share: float) -> Tensor:
    ordered, n = _ascending(x, present), present.sum(-1)
    low, high = quantile(ordered, n, share), quantile(ordered, n, 1 - share)
    return torch.minimum(torch.maximum(x, low[:, None]), high[:, None])


def _zscore(x: Tensor, present: Tensor) -> Tensor:
    deviation = _demean(x, present)
    # The deviation of a single value is 0, so its standard deviation is 0 for any divisor.
    freedom = (_count(x, present) - 1).clamp(min=1)
    return ratio(deviation, root(deviation.square().sum(-1, keepdim=True) / freedom))


def _scale(x: Tensor, present: Tensor) -> Tensor:
    return ratio(x, x.abs().sum(-1, keepdim=True))


def _residual(x: Tensor, y: Tensor, present: Tensor) -> Tensor:
    dx, dy = _demean(x, present), _demean(y, present)
    spread = dy.square().sum(-1, keepdim=True)
    no_line = (spread == 0) | (_count(x, present) < 3)
    slope = (dx * dy).sum(-1, keepdim=True) / torch.where(no_line, 1.0, spread)
    return torch.where(no_line, NAN, dx - slope * dy)


CROSS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "rank": _rank,
    "zscore": _zscore,
    "demean": _demean,
    "scale": _scale,
}

PAIRED: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"residual": _residual}

GROUP: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "group_demean": _demean,
    "group_rank": _rank,
    "group_zscore": _zscore,
}
