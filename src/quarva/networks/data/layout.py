"""Input layouts: four orders of the axes of a batch of windows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

__all__ = ["LAYOUTS", "Layout", "arrange", "axes_of", "shape_of"]

Layout = Literal["features", "sequence_first", "batch_first", "channels"]
"""Order of the axes of a batch of B windows of S days and F features.

`features` has shape (B, S·F), the oldest day first, and is read by fully connected layers. `sequence_first`
has shape (S, B, F), the default of torch's recurrent layers. `batch_first` has shape (B, S, F), as in
transformers. `channels` has shape (B, F, S) and is read by 1-D convolutions.
"""

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
    """Arrange windows in a layout.

    Parameters
    ----------
    windows : Tensor, shape (B, S, F)
        The windows.
    layout : Layout
        Order of the axes.

    Returns
    -------
    Tensor
        A view, except in the layout `features` if the windows are not contiguous.
    """
    return _ORDERS[layout].arrange(windows)


def axes_of(layout: Layout) -> str:
    """The axes of a layout as text, such as `[B, F, S]`."""
    return _ORDERS[layout].axes


def shape_of(layout: Layout, batch: int, length: int, features: int) -> tuple[int, ...]:
    """Shape of a batch in a layout.

    Parameters
    ----------
    layout : Layout
        Order of the axes.
    batch, length, features : int
        Numbers B of windows, S of days and F of features.

    Returns
    -------
    tuple of int
    """
    return _ORDERS[layout].shape(batch, length, features)
