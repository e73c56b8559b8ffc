"""`on_device`, `kernel`: numba-cuda's `cuda.jit`, marked with a digest as `compiled` marks its own.

No `cuda` stands among the names of a module that holds device functions, except in `kernel`: the barriers
are all there, and what runs between two of them is plain arithmetic.
"""

from collections.abc import Callable
from typing import Any

from numba import cuda
from numba.core import config

from quarva._runtime.compiled import DIGEST, cache_home, digest_of

__all__ = ["kernel", "on_device"]

# Of a thread. The kernel would take 172, and one block of 256 threads fill a multiprocessor; of 128 two fit,
# and 136 bytes are spilt; of 64 four, and 824 bytes (ptxas 12.9, sm_90). Which is faster: not yet measured.
_REGISTERS = 128

_SIMULATED = bool(getattr(config, "ENABLE_CUDASIM", 0))


def on_device(function: Callable) -> Any:
    """A function that kernels call."""
    # The simulator's wrapper changes names of the function's module at each call, which two threads can not
    # do at a time; functions of the kernel's own module see the simulated `cuda` without it.
    dispatcher = function if _SIMULATED else cuda.jit(device=True)(function)
    setattr(dispatcher, DIGEST, digest_of(function))
    return dispatcher


def kernel(function: Callable) -> Any:
    """A function that the host launches; its machine code is kept where `compiled` keeps the CPU's."""
    digest = digest_of(function)
    options = {} if _SIMULATED else {"cache": True, "max_registers": _REGISTERS}
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_home() / digest)
    try:
        dispatcher = cuda.jit(**options)(function)
    except RuntimeError:  # no folder to keep it in
        dispatcher = cuda.jit(**(options | {"cache": False}))(function)
    finally:
        config.CACHE_DIR = before
    setattr(dispatcher, DIGEST, digest)
    return dispatcher
