"""Elementwise operators: one cell in, the same cell out."""

from collections.abc import Callable

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, root, where_defined

__all__ = ["ELEMENTWISE", "elementwise"]


def elementwise(name: str, args: list[Tensor]) -> Tensor:
    """Operator `name` on `args` (each [T, N]): [T, N], NaN where an argument is, or the value undefined."""
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


def _sqrt(x: Tensor) -> Tensor:
    return torch.where(x < 0, NAN, root(x))


def _log(x: Tensor) -> Tensor:
    return torch.where(x > 0, x.log(), NAN)


ELEMENTWISE: dict[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "power": _power,
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
}
