"""Check that a network reads the input layout that it declares, before it is trained."""

import torch
from torch import Tensor, nn

from quarva.errors import TaskError
from quarva.networks.data.layout import LAYOUTS, Layout, arrange, axes_of, shape_of

__all__ = ["check_layout", "layout_of"]


def layout_of(network: nn.Module) -> Layout:
    """The layout that a network declares.

    Parameters
    ----------
    network : torch.nn.Module
        A module with an attribute `layout`.

    Returns
    -------
    Layout

    Raises
    ------
    TaskError
        The module has no attribute `layout`, or its value is unknown.
    """
    declared = getattr(network, "layout", None)
    if declared not in LAYOUTS:
        fault = "declares no layout" if declared is None else f"declares the unknown layout {declared!r}"
        raise TaskError(
            f"{type(network).__name__} {fault}; give it an attribute 'layout', one of "
            + ", ".join(f"'{name}' {axes_of(name)}" for name in LAYOUTS)
        )
    return declared


def check_layout(
    network: nn.Module, features: int, length: int, outputs: int, layout: Layout | None = None
) -> None:
    """Check on two small batches that a network evaluates each window independently.

    The shape of the output alone is not sufficient: a recurrent layer that mistakes days for windows also
    returns the right shape. Therefore one window is changed in the second batch, and only its own output may
    change.

    Parameters
    ----------
    network : torch.nn.Module
        Maps a batch of windows to a tensor of shape (B, outputs). Its weights, mode and random state are left
        unchanged.
    features, length : int
        Number F of features and number S of days of the windows.
    outputs : int
        Number of outputs for each window.
    layout : Layout, optional
        Layout of the windows. Defaults to the one that the network declares.

    Raises
    ------
    TaskError
        The network fails, returns another shape, or lets one window affect the output of another. The message
        names the layouts that the network does read.
    """
    checked = layout_of(network) if layout is None else layout
    was_training = network.training
    network.eval()  # batch normalisation in training mode mixes the windows by design
    try:
        fault = _fault(network, features, length, outputs, checked)
        if fault is None:
            return
        fitting = [name for name in LAYOUTS if _fault(network, features, length, outputs, name) is None]
    finally:
        network.train(was_training)
    batch = _batch_size(features, length)
    remedy = " or ".join(f"'{name}' {shape_of(name, batch, length, features)}" for name in fitting)
    raise TaskError(
        f"{type(network).__name__} cannot read '{checked}' {axes_of(checked)}, here "
        f"{shape_of(checked, batch, length, features)} for {batch} windows of {length} days and {features} "
        f"features: {fault}; "
        + (f"it reads {remedy}: declare that layout" if fitting else "it reads no layout with these sizes")
    )


def _batch_size(features: int, length: int) -> int:
    """A batch size that differs from all other sizes, so that no axis is mistaken for another."""
    return next(n for n in range(3, 8) if n not in (features, length, features * length))


def _fault(network: nn.Module, features: int, length: int, outputs: int, layout: Layout) -> str | None:
    """Describe what is wrong with the outputs of the network; None if they are valid."""
    batch = _batch_size(features, length)
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    rng = torch.Generator().manual_seed(0)
    windows = torch.randn(batch, length, features, generator=rng)
    changed = windows.clone()
    changed[0] += 1.0
    try:
        with torch.no_grad():
            first = network(arrange(windows, layout).to(device))
            second = network(arrange(changed, layout).to(device))
    except (RuntimeError, ValueError, IndexError, AssertionError, TypeError) as error:
        return str(error).splitlines()[0]
    if not isinstance(first, Tensor) or first.shape != (batch, outputs):
        found = tuple(first.shape) if isinstance(first, Tensor) else type(first).__name__
        return f"it returns {found} instead of {(batch, outputs)}"
    if not torch.allclose(first[1:], second[1:], rtol=1e-4, atol=1e-5):
        return "the output for one window depends on another window"
    return None
