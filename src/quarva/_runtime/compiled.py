"""`compiled`: Numba's `njit` with the settings that Quarva needs and a disk cache that cannot go stale.

Numba keys its cache by the function's own file. It does not notice a change in a function called from
another file, in a constant, or in the fields of an argument's type. Here the name of the cache folder is a
digest of the function's file, of all files that it imports, and of the values of the constants and compiled
functions that it uses.

Kernels release the global interpreter lock, so that threads of one process share the work. They divide as
NumPy does: x / 0 is not an exception. A kernel that allocates an array has to say so. All others are compiled
without reference counts, because the atomic increment at every slice costs more than a row of twenty numbers
(an addition of 32 numbers between slices takes 17 ns instead of 48).
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
import numpy as np

from quarva._runtime.kernel_cache import DIGEST, KernelCache, cache_home
from quarva._runtime.source_digest import source_digest

__all__ = ["DIGEST", "cache_home", "compiled", "digest_of", "is_cached"]

_SOURCES = "sources"  # subfolder of the cache that keeps the digests of source files


def digest_of(function: Callable) -> str:
    """Digest of everything that the machine code of a function depends on.

    Parameters
    ----------
    function : callable
        The Python function, before compilation.

    Returns
    -------
    str
        24 hexadecimal digits.
    """
    memo = cache_home() / _SOURCES
    digest = hashlib.sha256(numba.__version__.encode() + source_digest(__file__, memo))
    digest.update(source_digest(function.__code__.co_filename, memo))
    # Sources are not enough: a constant may depend on the machine, and a function may be made at run time.
    for name, value in sorted(function.__globals__.items(), key=lambda item: item[0]):
        if hasattr(value, DIGEST):
            digest.update(getattr(value, DIGEST).encode())
        elif isinstance(value, set):
            digest.update(f"{name}={sorted(value)}".encode())
        elif isinstance(value, int | float | np.generic) and not name.startswith("__"):
            digest.update(f"{name}={value!r}".encode())
        elif isinstance(value, np.ndarray):
            digest.update(f"{name}={value.dtype}{value.shape}".encode() + value.tobytes())
    return digest.hexdigest()[:24]


def compiled(function: Callable | None = None, /, *, allocates: bool = False, **options: Any) -> Any:
    """Compile a function to machine code at its first call.

    Use it as `@compiled` or `@compiled(allocates=True)`.

    Parameters
    ----------
    function : callable, optional
        The function to compile. Without it, a decorator is returned.
    allocates : bool, default False
        True for a function that creates an array itself.
    **options
        Passed on to `numba.njit`.

    Returns
    -------
    numba dispatcher or decorator
    """
    if function is None:
        return lambda decorated: compiled(decorated, allocates=allocates, **options)
    setattr(function, DIGEST, digest_of(function))
    settings = {"nogil": True, "error_model": "numpy", "_nrt": allocates} | options
    dispatcher = numba.njit(**settings)(function)
    with suppress(RuntimeError):  # the cache folder is not writable: every process compiles again
        dispatcher._cache = KernelCache(function)
    setattr(dispatcher, DIGEST, getattr(function, DIGEST))
    return dispatcher


def is_cached(dispatcher: Any) -> bool:
    """True if the machine code of a compiled function is in the disk cache, so its first call is fast."""
    cache = getattr(dispatcher, "_cache", None)
    path = getattr(cache, "cache_path", None)
    return path is not None and any(Path(path).glob(f"*.{dispatcher.py_func.__name__}-*.nbi"))
