"""Discovery of the GPU: availability, name and memory."""

import importlib.util
from dataclasses import dataclass
from functools import cache

from quarva.errors import DeviceError

__all__ = ["Device", "find_device", "is_installed", "why_no_device"]

_BLOCKS = 2  # blocks of 256 threads per multiprocessor, as limited by its registers (see `jit`)
_SHARE = 0.6  # of the free memory, for scratch and results
_MOST = 2**40  # bytes


@dataclass(frozen=True)
class Device:
    """A CUDA device.

    Attributes
    ----------
    name : str
        Name reported by the driver.
    blocks : int
        Number of blocks of a launch.
    threads : int
        Number of threads of a block, a power of two.
    team : int
        Minimal number of threads that compute a day, a power of two.
    """

    name: str
    blocks: int
    threads: int
    team: int

    def room(self) -> int:
        """Bytes of memory that may be allocated now."""
        from numba import cuda

        return int(min(_SHARE * cuda.current_context().get_memory_info().free, _MOST))


def is_installed() -> bool:
    """True if numba-cuda, the package of the extra `gpu`, is installed. Nothing is imported."""
    return importlib.util.find_spec("numba_cuda") is not None


@cache
def why_no_device() -> str:
    """Reason why no GPU is available.

    Returns
    -------
    str
        Empty if a GPU is available.
    """
    try:
        from numba import cuda

        if cuda.is_available():
            return ""
    except ImportError as error:
        return f"numba-cuda cannot be loaded ({' '.join(str(error).split())})"
    if not is_installed():
        return "numba-cuda is not installed; pip install 'quarva[gpu]'"
    return "no NVIDIA GPU with its driver and compiler is found"


@cache
def find_device() -> Device:
    """Find the first CUDA device.

    Returns
    -------
    Device
        Numba's simulator if NUMBA_ENABLE_CUDASIM is set.

    Raises
    ------
    DeviceError
        No device is available; the message says why.
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
