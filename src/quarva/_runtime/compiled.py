"""`compiled`: Numba's njit as Quarva uses it, with a cache on disk that cannot go stale.

Numba keys its cache by the file of the function alone, so a change in a function called from another file,
in a constant, or in the fields of an argument's type would go unseen. Here the name of the cache folder is
a digest of the function's file and of all files that it imports, and of the values of the constants and
compiled functions that it sees.

Kernels release the interpreter lock (threads of one process share the work) and divide as NumPy does (x / 0
is not an exception). Unless they say so they allocate no array: they are then compiled without reference
counts, whose atomic increments at every slice cost more than a row of twenty numbers (an addition of 32
numbers between slices: 17 ns instead of 48)."""

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

_SOURCES = "sources"  # folder of the cache that keeps the digests of source files


def digest_of(function: Callable) -> str:
    """What the machine code of a function depends on, as 24 hexadecimal digits; see above."""
    memo = cache_home() / _SOURCES
    seen = hashlib.sha256(numba.__version__.encode() + source_digest(__file__, memo))
    seen.update(source_digest(function.__code__.co_filename, memo))
    # Values, not only sources: a constant may depend on the machine, and a function may be made at run time.
    for name, value in sorted(function.__globals__.items(), key=lambda item: item[0]):
        if hasattr(value, DIGEST):
            seen.update(getattr(value, DIGEST).encode())
        elif isinstance(value, set):
            seen.update(f"{name}={sorted(value)}".encode())
        elif isinstance(value, int | float | np.generic) and not name.startswith("__"):
            seen.update(f"{name}={value!r}".encode())
        elif isinstance(value, np.ndarray):
            seen.update(f"{name}={value.dtype}{value.shape}".encode() + value.tobytes())
    return seen.hexdigest()[:24]


def compiled(function: Callable | None = None, /, *, allocates: bool = False, **options: Any) -> Any:
    """Compile `function` to machine code at its first call; `options` go to `numba.njit`.

    Use as `@compiled` or `@compiled(allocates=True)`, the latter for a function that makes an array itself.
    """
    if function is None:
        return lambda decorated: compiled(decorated, allocates=allocates, **options)
    setattr(function, DIGEST, digest_of(function))
    settings = {"nogil": True, "error_model": "numpy", "_nrt": allocates} | options
    dispatcher = numba.njit(**settings)(function)
    with suppress(RuntimeError):  # no folder to keep the cache in: compile anew in every process
        dispatcher._cache = KernelCache(function)
    setattr(dispatcher, DIGEST, getattr(function, DIGEST))
    return dispatcher


def is_cached(dispatcher: Any) -> bool:
    """Whether machine code of a compiled function lies on the disk, so that its first call is quick."""
    cache = getattr(dispatcher, "_cache", None)
    path = getattr(cache, "cache_path", None)
    return path is not None and any(Path(path).glob(f"*.{dispatcher.py_func.__name__}-*.nbi"))
