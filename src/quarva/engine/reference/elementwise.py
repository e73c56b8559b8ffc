"""Elementwise operators: each cell of the result depends on the same cell of the arguments."""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, root, where_defined

__all__ = ["ELEMENTWISE", "elementwise"]


def elementwise(name: str, args: list[Tensor], conventions: str = "quarva") -> Tensor:
    """Apply an elementwise operator.

    Parameters
    ----------
    name : str
        Name of the operator.
    args : list of Tensor, shape (T, N)
        The arguments.
    conventions : {"quarva", "qlib"}
        With "qlib", a comparison with NaN is false and a condition that is NaN is true.

    Returns
    -------
    Tensor, shape (T, N)
        NaN where an argument is NaN or the value is undefined. The argument that `if_else` does not choose
        may be NaN.
    """
    if name == "if_else":
        condition, x, y = args
        chosen = torch.where(condition != 0, x, y)
        return chosen if conventions == "qlib" else torch.where(condition.isnan(), NAN, chosen)
    if conventions == "qlib" and name in _COMPARISONS:
        return _COMPARISONS[name](*args).to(args[0].dtype)
    return where_defined(ELEMENTWISE[name], *args)


def _power(x: Tensor, y: Tensor) -> Tensor:
    """x to the power y in the real numbers.

    0⁰ is 1. The power of 0 with y < 0, and of x < 0 with a non-integer y, is NaN. Two derivatives that do
    not exist are defined as 0: with respect to y for x ≤ 0, because x^y is not real near an integer y, and
    with respect to x at x = 0, because it is infinite for y < 1.
    """
    zero, negative = x == 0, x < 0
    magnitude = torch.where(zero, 1.0, x.abs()) ** torch.where(x > 0, y, y.detach())
    odd = torch.fmod(y.detach(), 2).abs() == 1
    value = torch.where(negative & odd, -magnitude, magnitude)
    value = torch.where(negative & (y != y.floor()), NAN, value)
    of_zero = torch.where(y == 0, 1.0, torch.where(y > 0, 0.0, NAN)).to(value.dtype)
    return torch.where(zero, of_zero, value)


def _signed_power(x: Tensor, y: Tensor) -> Tensor:
    """sign(x) · |x|^y. For x = 0 it is 0, or NaN if y < 0. The derivative at x = 0 is defined as 0."""
    zero = x == 0
    value = torch.sign(x) * torch.where(zero, 1.0, x.abs()) ** y
    return torch.where(zero, torch.where(y < 0, NAN, 0.0).to(value.dtype), value)


def _sqrt(x: Tensor) -> Tensor:
    return torch.where(x < 0, NAN, root(x))


def _log(x: Tensor) -> Tensor:
    return torch.where(x > 0, x.log(), NAN)


def _as_number(truth: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Convert the result of a predicate to 1 or 0 in the dtype of its first argument."""
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
