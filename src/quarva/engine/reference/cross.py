"""Cross-sectional operators: all assets of one day, or those of one group.

An operator is written on rows: x [T, n] and present bool [T, n]; x is finite everywhere, its value in a
cell that is not present means nothing, and what the operator gives there is replaced by NaN.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, ratio, root

__all__ = ["CROSS", "GROUP", "cross", "group"]


def cross(name: str, x: Tensor, universe: Tensor | None) -> Tensor:
    """Operator `name` over all assets of a day, x [T, N]: [T, N], NaN where x is NaN.

    Cells outside `universe` (bool [T, N]) count as NaN.
    """
    return _over_present(CROSS[name], x, universe)


def group(name: str, x: Tensor, codes: Tensor, universe: Tensor | None) -> Tensor:
    """Operator `name` within each group of a day, x [T, N]: [T, N], NaN where x is NaN.

    codes: int [N], the group of each asset; −1: none, its values are NaN. Cells outside `universe` (bool
    [T, N]) count as NaN.
    """
    out = torch.full_like(x, NAN, requires_grad=False)
    for code in codes[codes >= 0].unique():
        members = codes == code
        inside = None if universe is None else universe[:, members]
        out[:, members] = _over_present(GROUP[name], x[:, members], inside)
    return out


def _over_present(operator: Callable[[Tensor, Tensor], Tensor], x: Tensor, universe: Tensor | None) -> Tensor:
    present = ~x.isnan() if universe is None else ~x.isnan() & universe
    return torch.where(present, operator(torch.where(present, x, 0.0), present), NAN)


def _count(x: Tensor, present: Tensor) -> Tensor:
    """n of each day, as a float [T, 1]; 1 for a day without values, where nothing is asked."""
    return present.sum(-1, keepdim=True).clamp(min=1).to(x.dtype)


def _demean(x: Tensor, present: Tensor) -> Tensor:
    """x − mean, taken about the smallest value: exactly 0 where all values are equal; 0 where not present."""
    smallest = torch.where(present, x.detach(), torch.inf).amin(-1, keepdim=True)
    shifted = torch.where(present, x - smallest, 0.0)
    return torch.where(present, shifted - shifted.sum(-1, keepdim=True) / _count(x, present), 0.0)


def _rank(x: Tensor, present: Tensor) -> Tensor:
    # Absent cells sort behind everything, so positions among the sorted count present values only.
    ordered = torch.where(present, x.detach(), torch.inf).sort(-1).values.contiguous()
    smaller = torch.searchsorted(ordered, x.detach().contiguous(), right=False).to(x.dtype)
    not_larger = torch.searchsorted(ordered, x.detach().contiguous(), right=True).to(x.dtype)
    return (smaller + not_larger + 1) / 2 / _count(x, present)


def _zscore(x: Tensor, present: Tensor) -> Tensor:
    deviation = _demean(x, present)
    # One value alone deviates by 0, so its std is 0 whatever it is divided by.
    freedom = (_count(x, present) - 1).clamp(min=1)
    return ratio(deviation, root(deviation.square().sum(-1, keepdim=True) / freedom))


def _scale(x: Tensor, present: Tensor) -> Tensor:
    return ratio(x, x.abs().sum(-1, keepdim=True))


CROSS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "rank": _rank,
    "zscore": _zscore,
    "demean": _demean,
    "scale": _scale,
}

GROUP: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"group_demean": _demean}
