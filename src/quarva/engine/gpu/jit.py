"""`on_device` and `kernel`: numba-cuda's `cuda.jit` with a digest of the code, like `compiled` for the CPU.

Modules with device functions must not have a global named `cuda`, except the module `kernel`. All barriers
are in that module; the code between two barriers is plain arithmetic.
"""

from collections.abc import Callable
from typing import Any

from numba import cuda
from numba.core import config

from quarva._runtime.compiled import DIGEST, cache_home, digest_of

__all__ = ["kernel", "on_device"]

# Registers per thread. Without a limit the kernel takes 172, and one block of 256 threads fills a
# multiprocessor. With 128 two blocks fit and 136 bytes are spilled; with 64 four blocks fit and 824 bytes are
# spilled (ptxas 12.9, sm_90). Which is fastest has not been measured yet.
_REGISTERS = 128

_SIMULATED = bool(getattr(config, "ENABLE_CUDASIM", 0))


def on_device(function: Callable) -> Any:
    """Compile a function that kernels call.

    Parameters
    ----------
    function : callable
        The Python function.

    Returns
    -------
    numba dispatcher
        With the digest of the code as an attribute.
    """
    # The simulator's wrapper changes globals of the function's module at each call, which is not thread-safe.
    # Without the wrapper, functions in the module of the kernel still see the simulated `cuda`.
    dispatcher = function if _SIMULATED else cuda.jit(device=True)(function)
    setattr(dispatcher, DIGEST, digest_of(function))
    return dispatcher


def kernel(function: Callable) -> Any:
    """Compile a function that the host launches. Its machine code is cached in the folder of `compiled`.

    Parameters
    ----------
    function : callable
        The Python function.

    Returns
    -------
    numba dispatcher
        With the digest of the code as an attribute.
    """
    digest = digest_of(function)
    options = {} if _SIMULATED else {"cache": True, "max_registers": _REGISTERS}
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_home() / digest)
    try:
        dispatcher = cuda.jit(**options)(function)
    except RuntimeError:  # the cache folder is not writable
        dispatcher = cuda.jit(**(options | {"cache": False}))(function)
    finally:
        config.CACHE_DIR = before
    setattr(dispatcher, DIGEST, digest)
    return dispatcher
