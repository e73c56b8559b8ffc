"""Elementwise operators: one cell in (of each argument), the same cell out."""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, root, where_defined

__all__ = ["ELEMENTWISE", "elementwise"]


def elementwise(name: str, args: list[Tensor], conventions: str = "quarva") -> Tensor:
    """Operator `name` on `args` (each [T, N]): [T, N], NaN where an argument is, or the value undefined.

    `if_else` asks only for the argument it chooses. By the conventions "qlib" a comparison with NaN is
    false, and a condition that is NaN is true.
    """
    if name == "if_else":
        condition, x, y = args
        chosen = torch.where(condition != 0, x, y)
        return chosen if conventions == "qlib" else torch.where(condition.isnan(), NAN, chosen)
    if conventions == "qlib" and name in _COMPARISONS:
        return _COMPARISONS[name](*args).to(args[0].dtype)
    return where_defined(ELEMENTWISE[name], *args)


def _power(x: Tensor, y: Tensor) -> Tensor:
    """x to the power y in the reals: 0⁰ = 1; NaN for 0 to a negative and a negative to a non-integer power.

    Two slopes are taken as 0, because there is none: along y where x ≤ 0 (beside an integer y nothing is
    real), and along x at x = 0 (it is infinite for y < 1).
    """
    zero, negative = x == 0, x < 0
    magnitude = torch.where(zero, 1.0, x.abs()) ** torch.where(x > 0, y, y.detach())
    odd = torch.fmod(y.detach(), 2).abs() == 1
    value = torch.where(negative & odd, -magnitude, magnitude)
    value = torch.where(negative & (y != y.floor()), NAN, value)
    of_zero = torch.where(y == 0, 1.0, torch.where(y > 0, 0.0, NAN)).to(value.dtype)
    return torch.where(zero, of_zero, value)


def _signed_power(x: Tensor, y: Tensor) -> Tensor:
    """sign(x) · |x|^y: 0 for x = 0, NaN there for y < 0. The slope at x = 0 is taken as 0."""
    zero = x == 0
    value = torch.sign(x) * torch.where(zero, 1.0, x.abs()) ** y
    return torch.where(zero, torch.where(y < 0, NAN, 0.0).to(value.dtype), value)


def _sqrt(x: Tensor) -> Tensor:
    return torch.where(x < 0, NAN, root(x))


def _log(x: Tensor) -> Tensor:
    return torch.where(x > 0, x.log(), NAN)


def _as_number(truth: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that answers 1 or 0 in the type of its first argument."""
    return lambda x, *more: truth(x, *more).to(x.dtype)


_COMPARISONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "lt": torch.lt,
    "le": torch.le,
    "gt": torch.gt,
    "ge": torch.ge,
    "eq": torch.eq,
    "ne": torch.ne,
}

ELEMENTWISE: dict[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "power": _power,
    "signed_power": _signed_power,
    "min": torch.minimum,
    "max": torch.maximum,
    "neg": torch.neg,
    "abs": torch.abs,
    "sign": torch.sign,
    "log": _log,
    "exp": torch.exp,
    "sqrt": _sqrt,
    "square": torch.square,
    "inv": torch.reciprocal,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    **{name: _as_number(compare) for name, compare in _COMPARISONS.items()},
    "and": _as_number(torch.logical_and),
    "or": _as_number(torch.logical_or),
    "not": _as_number(torch.logical_not),
}
