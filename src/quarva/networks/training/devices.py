"""Torch devices, threads, random state and memory errors."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from quarva.errors import DeviceError, RunError

__all__ = [
    "explain_memory_errors",
    "find_device",
    "fork_rng",
    "is_out_of_memory",
    "machine_memory",
    "seeded",
    "torch_threads",
]


def find_device(name: str) -> torch.device:
    """The torch device with a given name.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}
        "auto" selects a GPU if there is one.

    Returns
    -------
    torch.device

    Raises
    ------
    DeviceError
        The name is unknown, or the device is not available.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((each for each in ("cuda", "mps") if available[each]), "cpu"))
    if name not in available:
        raise DeviceError(f"unknown device '{name}'; choose one of auto, {', '.join(available)}")
    if not available[name]:
        raise DeviceError(f"torch finds no device '{name}' on this machine; use 'cpu' or 'auto'")
    return torch.device(name)


def fork_rng(device: torch.device) -> AbstractContextManager[None]:
    """Context that restores torch's global random state, of the CPU and a device, on exit."""
    return torch.random.fork_rng([device] if device.type == "cuda" else [])


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Context in which torch's global random state starts from a seed; it is restored on exit."""
    with fork_rng(device):
        torch.manual_seed(seed)
        yield


def is_out_of_memory(error: BaseException) -> bool:
    """True if an exception says that memory could not be allocated, on a GPU or the CPU."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def machine_memory() -> float:
    """Memory of this machine in bytes, infinite if the system does not report it."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):  # no sysconf on Windows
        return float("inf")


@contextmanager
def explain_memory_errors() -> Iterator[None]:
    """Context that turns out-of-memory errors into a RunError with advice."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise RunError(
            "not enough memory for this fit; use a smaller network, a shorter window, or fewer members"
        ) from error


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """Context in which torch uses the given number of threads; None leaves it unchanged."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
