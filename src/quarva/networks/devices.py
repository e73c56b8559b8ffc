"""Where torch computes, and on how many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from quarva.errors import DeviceError

__all__ = ["device_named", "torch_threads"]


def device_named(name: str) -> torch.device:
    """The device of that name. Raises DeviceError where it is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((each for each in ("cuda", "mps") if there[each]), "cpu"))
    if name not in there:
        raise DeviceError(f"there is no device '{name}'; name one of auto, {', '.join(there)}")
    if not there[name]:
        raise DeviceError(f"torch finds no device '{name}' here; take the device 'cpu', or 'auto'")
    return torch.device(name)


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """Torch on so many threads, None as many as it has; what the caller had set is set again."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
