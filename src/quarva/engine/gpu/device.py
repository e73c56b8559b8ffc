"""The GPU itself: whether there is one, what it is called, and what it can hold."""

import importlib.util
from dataclasses import dataclass
from functools import cache

from quarva.errors import DeviceError

__all__ = ["Device", "find_device", "is_installed", "why_no_device"]

_BLOCKS = 2  # blocks of 256 threads that a multiprocessor runs at a time, by its registers (see `jit`)
_SHARE = 0.6  # of the memory that is free, for scratch and results
_MOST = 2**40


@dataclass(frozen=True)
class Device:
    """A CUDA device.

    Attributes:
        name: as its driver calls it.
        blocks: of threads that it is given at a time.
        threads: of a block, a power of two.
        team: fewest threads that share a day, a power of two.
    """

    name: str
    blocks: int
    threads: int
    team: int

    def room(self) -> int:
        """Bytes that may be taken now."""
        from numba import cuda

        return int(min(_SHARE * cuda.current_context().get_memory_info().free, _MOST))


def is_installed() -> bool:
    """Whether numba-cuda is, the package of the extra `gpu`; nothing is imported to find out."""
    return importlib.util.find_spec("numba_cuda") is not None


@cache
def why_no_device() -> str:
    """Why there is no GPU to run on, in words; nothing where there is one."""
    try:
        from numba import cuda

        if cuda.is_available():
            return ""
    except ImportError as error:
        return f"numba-cuda can not be loaded ({' '.join(str(error).split())})"
    if not is_installed():
        return "numba-cuda is not installed; pip install 'quarva[gpu]'"
    return "no NVIDIA GPU with its driver and compiler is found"


@cache
def find_device() -> Device:
    """The first CUDA device, or Numba's simulator of one where NUMBA_ENABLE_CUDASIM asks for it.

    Raises:
        DeviceError: there is none; the message says why.
    """
    why = why_no_device()
    if why:
        raise DeviceError(f"device 'cuda': {why}; or use the device 'cpu'")
    from numba import cuda
    from numba.core import config

    if getattr(config, "ENABLE_CUDASIM", 0):
        return Device("simulator", blocks=2, threads=4, team=2)
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    return Device(name, _BLOCKS * device.MULTIPROCESSOR_COUNT, threads=256, team=32)
