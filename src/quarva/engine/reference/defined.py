"""NaN rules whose gradients are never NaN.

`torch.where(undefined, NaN, f(x))` has the right value, but its gradient is 0 · f'(x), which is NaN if f'(x)
is not finite. The functions of this module therefore pass a harmless argument to f in undefined cells.
"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["FLOAT32_MAX", "NAN", "ratio", "representable", "root", "where_defined"]

NAN = float("nan")
FLOAT32_MAX = torch.finfo(torch.float32).max


def representable(x: Tensor) -> Tensor:
    """True where a value is finite in float32, bool of the shape of x."""
    return x.abs() <= FLOAT32_MAX


def where_defined(formula: Callable[..., Tensor], *args: Tensor) -> Tensor:
    """Apply an elementwise function where it is defined.

    Parameters
    ----------
    formula : callable
        An elementwise function whose derivative is finite if all arguments are 1.
    *args : Tensor
        Arguments of equal shape.

    Returns
    -------
    Tensor
        NaN where an argument is NaN or the value is not finite in float32.
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
    """x / y with broadcasting; NaN where y = 0."""
    zero = y == 0
    return torch.where(zero, NAN, x / torch.where(zero, 1.0, y))


def root(x: Tensor) -> Tensor:
    """Square root of x ≥ 0. Its gradient at 0 is defined as 0 instead of infinity."""
    zero = x == 0
    return torch.where(zero, 0.0, torch.where(zero, 1.0, x).sqrt())
