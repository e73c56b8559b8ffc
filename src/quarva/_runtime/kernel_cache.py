"""Numba's cache on disk, kept by what the code is, with a checksum behind each file.

Numba keeps compiled code by the path of its source and the time of its last change: a second clone, a
package installed again, a file merely touched would all compile anew. Here the digest of the code is the only
key (see `compiled`). The checksum lets damaged machine code be compiled anew instead of run: what is read
back is what this user's own process wrote, and it guards against discs and interrupted writes, not against
whoever may write there.
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
"""The attribute in which a compiled function carries its digest."""

_SEAL = 32  # bytes of a SHA-256
_told: set[str] = set()


def cache_home() -> Path:
    """Where compiled code is kept: QUARVA_CACHE, or the user's cache folder."""
    named = os.environ.get("QUARVA_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "quarva"


class _ByDigest(_CacheLocator):
    """A folder that is named by the function's digest, wherever its source lies and however old it is."""

    def __init__(self, digest: str) -> None:
        self._digest = digest

    @classmethod
    def from_function(cls, py_func: Callable, py_file: str) -> "_ByDigest | None":
        """None where the folder can not be written to."""
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


class _Where(CompileResultCacheImpl):
    """How results are written is Numba's, where they go is not."""

    _locator_classes = (_ByDigest,)


class KernelCache(FunctionCache):
    """The cache of a function that carries its digest.

    Raises:
        RuntimeError: there is no folder to keep it in.
    """

    _impl_class = _Where

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        where = self._impl
        self._cache_file = _SealedFiles(
            self._cache_path, where.filename_base, where.locator.get_source_stamp()
        )


class _SealedFiles(IndexDataCacheFile):
    """Index and data of one function; a seal stands behind what Numba writes, where it does not look."""

    def _dump(self, obj: Any) -> bytes:
        data = super()._dump(obj)
        return data + hashlib.sha256(data).digest()

    def load(self, key: Any) -> Any:
        """A cache entry, None if there is none or it is damaged."""
        index = Path(self._index_path)
        before = pickle.dumps(numba.__version__, protocol=-1)
        if index.exists() and not _is_sound(index, before):
            index.unlink(missing_ok=True)
            _tell(index.parent)
        return super().load(key)

    def _load_data(self, name: str) -> Any:
        path = Path(self._data_path(name))
        if not _is_sound(path, b""):
            _tell(path.parent)
            raise OSError(f"{path} is damaged")  # which Numba takes for a file that is gone
        return super()._load_data(name)


def _is_sound(path: Path, before: bytes) -> bool:
    data = path.read_bytes()
    body = data[len(before) : -_SEAL]
    return data.startswith(before) and hashlib.sha256(body).digest() == data[-_SEAL:]


def _tell(folder: Path) -> None:
    """Say once in a process that kernels are compiled anew."""
    if not _told:
        sys.stderr.write(f"quarva: compiled kernels in {folder.parent} are damaged: compiling them anew\n")
    _told.add(str(folder))
