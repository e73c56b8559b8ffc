"""`compiled`: Numba's njit as Quarva uses it, with a cache on disk that can not go stale.

Numba keys its cache by the file of the function alone, so a change in a function called from another
file, or in a constant, would go unseen. Here the cache folder's name is a digest of the function's file,
of the constants it sees, of every compiled function it can call and of the files of intrinsics.

Kernels release the interpreter lock (threads of one process share the work) and divide as NumPy does
(x / 0 is not an exception). Unless they say so they allocate no array: they are then compiled without
reference counts, whose atomic increments at every slice cost more than a row of twenty numbers
(an addition of 32 numbers between slices: 17 ns instead of 48).
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core.extending import _Intrinsic

from quarva import sealed
from quarva.sealed import DIGEST, SealedCache, cache_home

__all__ = ["DIGEST", "cache_home", "compiled", "digest_of", "is_cached"]


@cache
def _file_digest(path: str) -> bytes:
    return hashlib.sha256(Path(path).read_bytes()).digest()


def digest_of(function: Callable) -> str:
    """What the machine code of a function depends on, 24 hexadecimal digits; see above."""
    seen = hashlib.sha256(numba.__version__.encode() + _file_digest(sealed.__file__))
    seen.update(_file_digest(function.__code__.co_filename))
    for name, value in sorted(function.__globals__.items(), key=lambda item: item[0]):
        if hasattr(value, DIGEST):
            seen.update(getattr(value, DIGEST).encode())
        elif isinstance(value, _Intrinsic):
            seen.update(_file_digest(value._defn.__code__.co_filename))
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
        dispatcher._cache = SealedCache(function)
    setattr(dispatcher, DIGEST, getattr(function, DIGEST))
    return dispatcher


def is_cached(dispatcher: Any) -> bool:
    """Whether machine code of a compiled function lies on the disk, so that its first call is quick."""
    cache = getattr(dispatcher, "_cache", None)
    path = getattr(cache, "cache_path", None)
    return path is not None and any(Path(path).glob(f"*.{dispatcher.py_func.__name__}-*.nbi"))
