"""`on_device`, `kernel`: numba-cuda's `cuda.jit`, marked with a digest as `quarva.compiled` marks its own.

No `cuda` stands among the names of a module that holds device functions, except in `kernel`: the barriers
are all there, and what runs between two of them is plain arithmetic.
"""

from collections.abc import Callable
from typing import Any

from numba import cuda

from quarva.compiled import DIGEST, digest_of

__all__ = ["kernel", "on_device"]

# Of a thread. The kernel would take 172, and one block of 256 threads fill a multiprocessor; of 128 two fit,
# and 136 bytes are spilt; of 64 four, and 824 bytes (ptxas 12.9, sm_90). Which is faster: not yet measured.
_REGISTERS = 128


def on_device(function: Callable) -> Any:
    """A function that kernels call."""
    dispatcher = cuda.jit(device=True)(function)
    setattr(dispatcher, DIGEST, digest_of(function))
    return dispatcher


def kernel(function: Callable) -> Any:
    """A function that the host launches."""
    dispatcher = cuda.jit(max_registers=_REGISTERS)(function)
    setattr(dispatcher, DIGEST, digest_of(function))
    return dispatcher
