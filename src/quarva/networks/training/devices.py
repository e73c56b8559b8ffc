"""Where torch computes, on how many threads, with which random numbers."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from quarva.errors import DeviceError, RunError

__all__ = [
    "device_named",
    "enough_memory",
    "forked",
    "is_memory",
    "machine_memory",
    "seeded",
    "torch_threads",
]


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


def forked(device: torch.device) -> AbstractContextManager[None]:
    """After it torch's own random numbers, on the CPU and a device, go on where they were before it."""
    return torch.random.fork_rng([device] if device.type == "cuda" else [])


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's own random numbers from a seed on; what the caller draws after it is as without it."""
    with forked(device):
        torch.manual_seed(seed)
        yield


def is_memory(error: BaseException) -> bool:
    """Whether torch could not get memory, on a GPU or from the system."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def machine_memory() -> float:
    """Bytes of memory of this machine; infinite where the system does not tell."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):  # no sysconf on Windows
        return float("inf")


@contextmanager
def enough_memory() -> Iterator[None]:
    """Raise RunError where memory does not do, with the way to mend it."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_memory(error):
            raise
        raise RunError(
            "not enough memory for this fit: take a smaller network, a shorter window, fewer members"
        ) from error


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """Torch on so many threads, None as many as it has; what the caller had set is set again."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
