"""Cross-sectional operators: all assets of one day, or those of one group.

An operator is written on rows: x [T, n] and present bool [T, n]; x is finite everywhere, its value in a
cell that is not present means nothing, and what the operator gives there is replaced by NaN.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, ratio, root
from quarva.engine.reference.quantile import quantile
from quarva.karva.expression import Symbol

__all__ = ["CROSS", "GROUP", "PAIRED", "cross", "group", "of_asset"]


def cross(symbol: Symbol, args: list[Tensor], universe: Tensor | None) -> Tensor:
    """The symbol's operator over all assets of a day, args each [T, N]: [T, N], NaN where one is NaN.

    Cells outside `universe` (bool [T, N]) count as NaN.
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
    """Operator `name` within each group of a day, x [T, N]: [T, N], NaN where x is NaN.

    codes: int [N], the group of each asset; −1: none, its values are NaN. Cells outside `universe` (bool
    [T, N]) count as NaN.
    """
    out = torch.full_like(x, NAN, requires_grad=False)
    for code in codes[codes >= 0].unique():
        members = codes == code
        inside = None if universe is None else universe[:, members]
        out[:, members] = _over_present(GROUP[name], [x[:, members]], inside)
    return out


def of_asset(x: Tensor, place: int) -> Tensor:
    """The column `place` of x [T, N] in every column; read outside the universe too, as a benchmark is."""
    return x[:, place : place + 1].expand_as(x)


def _over_present(operator: Callable[..., Tensor], args: list[Tensor], universe: Tensor | None) -> Tensor:
    present = ~torch.stack([arg.isnan() for arg in args]).any(0)
    if universe is not None:
        present = present & universe
    return torch.where(present, operator(*(torch.where(present, arg, 0.0) for arg in args), present), NAN)


def _count(x: Tensor, present: Tensor) -> Tensor:
    """n of each day, as a float [T, 1]; 1 for a day without values, where nothing is asked."""
    return present.sum(-1, keepdim=True).clamp(min=1).to(x.dtype)


def _demean(x: Tensor, present: Tensor) -> Tensor:
    """x − mean, taken about the smallest value: exactly 0 where all values are equal; 0 where not present."""
    smallest = torch.where(present, x.detach(), torch.inf).amin(-1, keepdim=True)
    shifted = torch.where(present, x - smallest, 0.0)
    return torch.where(present, shifted - shifted.sum(-1, keepdim=True) / _count(x, present), 0.0)


def _ascending(x: Tensor, present: Tensor) -> Tensor:
    """Present values of each day sorted, +inf behind them: absent cells sort behind everything."""
    return torch.where(present, x, torch.inf).sort(-1).values


def _twice_rank(x: Tensor, present: Tensor) -> Tensor:
    """Twice the average rank 1 … n among the day's present values: an integer."""
    ordered = _ascending(x.detach(), present).contiguous()
    smaller = torch.searchsorted(ordered, x.detach().contiguous(), right=False)
    return smaller + torch.searchsorted(ordered, x.detach().contiguous(), right=True) + 1


def _rank(x: Tensor, present: Tensor) -> Tensor:
    return _twice_rank(x, present).to(x.dtype) / 2 / _count(x, present)


def _bucket(x: Tensor, present: Tensor, count: int) -> Tensor:
    # In integers: in floats, rounding decides for values on the border of two parts.
    twice = 2 * present.sum(-1, keepdim=True).clamp(min=1)
    return ((_twice_rank(x, present) - 2) * count // twice + 1).to(x.dtype)


def _winsorise(x: Tensor, present: Tensor, share: float) -> Tensor:
    ordered, n = _ascending(x, present), present.sum(-1)
    low, high = quantile(ordered, n, share), quantile(ordered, n, 1 - share)
    return torch.minimum(torch.maximum(x, low[:, None]), high[:, None])


def _zscore(x: Tensor, present: Tensor) -> Tensor:
    deviation = _demean(x, present)
    # One value alone deviates by 0, so its std is 0 whatever it is divided by.
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
