"""Whether a network reads what its layout says, found out before the first step of training."""

import torch
from torch import Tensor, nn

from quarva.errors import TaskError
from quarva.networks.data.layout import LAYOUTS, Layout, arrange, axes_of, shape_of

__all__ = ["check_layout", "layout_of"]


def layout_of(network: nn.Module) -> Layout:
    """The layout that a network declares. Raises TaskError where it declares none, or none that is known."""
    declared = getattr(network, "layout", None)
    if declared not in LAYOUTS:
        said = "declares no layout" if declared is None else f"declares the layout {declared!r}"
        raise TaskError(
            f"{type(network).__name__} {said}: give it an attribute layout, one of "
            + ", ".join(f"'{name}' {axes_of(name)}" for name in LAYOUTS)
        )
    return declared


def check_layout(
    network: nn.Module, features: int, length: int, outputs: int, layout: Layout | None = None
) -> None:
    """Show a network two small batches, and see whether it answers each window by itself.

    An answer of the right shape is not enough: a recurrent layer that takes days for windows gives one too.
    So the windows are shown again with one of them changed, and no answer but that one's may change.

    Args:
        network: takes windows, gives [B, outputs]. Its weights, mode and random numbers stay as they are.
        features, length: F and S of the windows. outputs: numbers that are wanted for each.
        layout: in which it will be shown windows; None is the one that it declares.

    Raises:
        TaskError: it can not read them, or answers in another shape, or answers one window by another; with
            the shapes, and the layout that would do.
    """
    shown = layout_of(network) if layout is None else layout
    was_training = network.training
    network.eval()  # what normalises over a batch would mix the windows on purpose
    try:
        fault = _fault(network, features, length, outputs, shown)
        if fault is None:
            return
        fitting = [name for name in LAYOUTS if _fault(network, features, length, outputs, name) is None]
    finally:
        network.train(was_training)
    batch = _batch_of(features, length)
    mend = " or ".join(f"'{name}' {shape_of(name, batch, length, features)}" for name in fitting)
    raise TaskError(
        f"{type(network).__name__} can not read '{shown}' {axes_of(shown)}, here "
        f"{shape_of(shown, batch, length, features)} for {batch} windows of {length} days and {features} "
        f"features: {fault}; "
        + (f"it reads {mend}: declare that layout" if fitting else "it reads no layout with these sizes")
    )


def _batch_of(features: int, length: int) -> int:
    """A number of windows that is no other size, so that no axis passes for another."""
    return next(n for n in range(3, 8) if n not in (features, length, features * length))


def _fault(network: nn.Module, features: int, length: int, outputs: int, layout: Layout) -> str | None:
    """What is wrong with what a network answers, or None."""
    batch = _batch_of(features, length)
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    source = torch.Generator().manual_seed(0)
    windows = torch.randn(batch, length, features, generator=source)
    other = windows.clone()
    other[0] += 1.0
    try:
        with torch.no_grad():
            answers = network(arrange(windows, layout).to(device))
            again = network(arrange(other, layout).to(device))
    except (RuntimeError, ValueError, IndexError, AssertionError, TypeError) as error:
        return str(error).splitlines()[0]
    if not isinstance(answers, Tensor) or answers.shape != (batch, outputs):
        found = tuple(answers.shape) if isinstance(answers, Tensor) else type(answers).__name__
        return f"it answers {found} where {(batch, outputs)} is wanted"
    if not torch.allclose(answers[1:], again[1:], rtol=1e-4, atol=1e-5):
        return "the answer to one window changes with another window"
    return None
