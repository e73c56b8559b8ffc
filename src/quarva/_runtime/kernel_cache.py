"""Numba's disk cache, keyed by the content of the code and protected by checksums.

Numba keys compiled code by the path of its source and its modification time. A second clone, a reinstalled
package or a touched file would all be compiled again. Here the digest of the code is the only key (see
`compiled`).

A checksum follows the data in each file, so that damaged machine code is compiled again instead of executed.
It protects against disk errors and interrupted writes. It does not protect against another process that can
write to the folder.
"""

import hashlib
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, _CacheLocator

__all__ = ["DIGEST", "KernelCache", "cache_home"]

DIGEST = "__quarva_digest__"
"""Name of the attribute that holds the digest of a compiled function."""

_CHECKSUM_BYTES = 32  # of SHA-256
_warned: set[str] = set()


def cache_home() -> Path:
    """Folder of the cache: the environment variable QUARVA_CACHE, or `quarva` in the user's cache folder."""
    named = os.environ.get("QUARVA_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "quarva"


class _DigestLocator(_CacheLocator):
    """Locates the cache folder by the function's digest, not by the path and age of its source."""

    def __init__(self, digest: str) -> None:
        self._digest = digest

    @classmethod
    def from_function(cls, py_func: Callable, py_file: str) -> "_DigestLocator | None":
        """Return None if the folder is not writable."""
        locator = cls(getattr(py_func, DIGEST))
        try:
            locator.ensure_cache_path()
        except OSError:
            return None
        return locator

    def get_cache_path(self) -> str:
        return str(cache_home() / self._digest)

    def get_source_stamp(self) -> str:
        return self._digest

    def get_disambiguator(self) -> str:
        return self._digest[:8]


class _DigestCacheImpl(CompileResultCacheImpl):
    """Numba's serialisation of results with the folder of `_DigestLocator`."""

    _locator_classes = (_DigestLocator,)


class KernelCache(FunctionCache):
    """Disk cache of a function that has the attribute `DIGEST`.

    Parameters
    ----------
    function : callable
        The Python function.

    Raises
    ------
    RuntimeError
        The cache folder is not writable.
    """

    _impl_class = _DigestCacheImpl

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        impl = self._impl
        self._cache_file = _ChecksummedFiles(
            self._cache_path, impl.filename_base, impl.locator.get_source_stamp()
        )


class _ChecksummedFiles(IndexDataCacheFile):
    """Index and data files of one function, each followed by a checksum, which Numba's reader ignores."""

    def _dump(self, obj: Any) -> bytes:
        data = super()._dump(obj)
        return data + hashlib.sha256(data).digest()

    def load(self, key: Any) -> Any:
        """Return a cache entry, or None if it is missing or damaged."""
        index = Path(self._index_path)
        header = pickle.dumps(numba.__version__, protocol=-1)
        if index.exists() and not _is_intact(index, header):
            index.unlink(missing_ok=True)
            _warn_once(index.parent)
        return super().load(key)

    def _load_data(self, name: str) -> Any:
        path = Path(self._data_path(name))
        if not _is_intact(path, b""):
            _warn_once(path.parent)
            raise OSError(f"{path} is damaged")  # Numba treats this as a missing file
        return super()._load_data(name)


def _is_intact(path: Path, header: bytes) -> bool:
    data = path.read_bytes()
    body = data[len(header) : -_CHECKSUM_BYTES]
    return data.startswith(header) and hashlib.sha256(body).digest() == data[-_CHECKSUM_BYTES:]


def _warn_once(folder: Path) -> None:
    """Report damaged files on standard error, once per process."""
    if not _warned:
        sys.stderr.write(f"quarva: compiled kernels in {folder.parent} are damaged: compiling them again\n")
    _warned.add(str(folder))
