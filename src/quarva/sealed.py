"""Numba's cache files with a checksum, so that damaged machine code is compiled anew instead of run.

What is read back is what this user's own process wrote to its cache folder; the checksum guards against discs
and interrupted writes, not against whoever may write there.
"""

import hashlib
import pickle
import sys
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import IndexDataCacheFile

__all__ = ["seal_cache"]

_SEAL = 32  # bytes of a SHA-256
_told: set[str] = set()


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


def seal_cache(dispatcher: Any) -> None:
    """Let a dispatcher of `numba.njit(cache=True)` check what it finds in its cache."""
    cache = dispatcher._cache
    where = cache._impl
    cache._cache_file = _SealedFiles(cache._cache_path, where.filename_base, where.locator.get_source_stamp())


def _is_sound(path: Path, before: bytes) -> bool:
    data = path.read_bytes()
    body = data[len(before) : -_SEAL]
    return data.startswith(before) and hashlib.sha256(body).digest() == data[-_SEAL:]


def _tell(folder: Path) -> None:
    """Say once in a process that kernels are compiled anew."""
    if not _told:
        home = folder.parent.parent
        sys.stderr.write(f"quarva: compiled kernels in {home} are damaged: compiling them anew\n")
    _told.add(str(folder))
