"""Where a value is defined: NaN rules that send back no NaN gradient.

`torch.where(bad, NaN, f(x))` gives the right value, but its gradient is 0 · f'(x), and that is NaN where
f'(x) is not finite. So every function here hands f a harmless argument in the cells that are masked anyway.
"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["FLOAT32_MAX", "NAN", "ratio", "representable", "root", "where_defined"]

NAN = float("nan")
FLOAT32_MAX = torch.finfo(torch.float32).max


def representable(x: Tensor) -> Tensor:
    """bool, the shape of x: whether a finite float32 can hold the value. False for NaN."""
    return x.abs() <= FLOAT32_MAX


def where_defined(formula: Callable[..., Tensor], *args: Tensor) -> Tensor:
    """`formula(*args)` cell by cell, NaN where an argument is NaN or the value is no finite float32.

    args: tensors of one shape. formula: elementwise, with a finite derivative where all arguments are 1.
    """
    with torch.no_grad():
        value = formula(*args)
        defined = representable(value)
        for arg in args:
            defined &= ~arg.isnan()
    if not any(arg.requires_grad for arg in args):
        return torch.where(defined, value, NAN)
    return torch.where(defined, formula(*(torch.where(defined, arg, 1.0) for arg in args)), NAN)


def ratio(x: Tensor, y: Tensor) -> Tensor:
    """x / y, shapes that broadcast; NaN where y = 0."""
    zero = y == 0
    return torch.where(zero, NAN, x / torch.where(zero, 1.0, y))


def root(x: Tensor) -> Tensor:
    """Square root of x ≥ 0. At 0, where the slope is infinite, the gradient is taken as 0."""
    zero = x == 0
    return torch.where(zero, 0.0, torch.where(zero, 1.0, x).sqrt())
