"""The axes of what a network is shown: one batch of windows, four orders."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

__all__ = ["LAYOUTS", "Layout", "arrange", "axes_of", "shape_of"]

Layout = Literal["features", "sequence_first", "batch_first", "channels"]
"""features [B, S·F], the oldest day's features first; sequence_first [S, B, F], the default of torch's
recurrent layers; batch_first [B, S, F], of its transformers; channels [B, F, S], of its 1-D convolutions."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)


@dataclass(frozen=True)
class _Order:
    axes: str
    shape: Callable[[int, int, int], tuple[int, ...]]
    arrange: Callable[[Tensor], Tensor]


_ORDERS: dict[Layout, _Order] = {
    "features": _Order("[B, S·F]", lambda b, s, f: (b, s * f), lambda windows: windows.flatten(1)),
    "sequence_first": _Order("[S, B, F]", lambda b, s, f: (s, b, f), lambda windows: windows.transpose(0, 1)),
    "batch_first": _Order("[B, S, F]", lambda b, s, f: (b, s, f), lambda windows: windows),
    "channels": _Order("[B, F, S]", lambda b, s, f: (b, f, s), lambda windows: windows.transpose(1, 2)),
}


def arrange(windows: Tensor, layout: Layout) -> Tensor:
    """Windows [B, S, F] in the order of a layout: a view, but for `features` of windows that have gaps."""
    return _ORDERS[layout].arrange(windows)


def axes_of(layout: Layout) -> str:
    """How the axes are written: `[B, F, S]`."""
    return _ORDERS[layout].axes


def shape_of(layout: Layout, batch: int, length: int, features: int) -> tuple[int, ...]:
    """The shape of so many windows of so many days and features."""
    return _ORDERS[layout].shape(batch, length, features)
