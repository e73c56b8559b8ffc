"""Atomic file writes."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from quarva.errors import RunError

__all__ = ["make_folder", "write_atomically"]


def write_atomically(path: str | os.PathLike[str], content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write a file atomically: a reader sees the old file or the new one, never a part.

    The content is written to a temporary file in the same folder and flushed to disk. The temporary file then
    replaces `path` in one step.

    Parameters
    ----------
    path : str or os.PathLike
        File to write. Its folder must exist.
    content : bytes or callable
        The bytes, or a function that writes them to the binary file that it is given.

    Raises
    ------
    RunError
        The folder is missing or not writable, or the disk is full. No temporary file is left behind.
    """
    path = Path(path)
    temporary = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        raise RunError(_explain(path, error)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def make_folder(path: str | os.PathLike[str]) -> bool:
    """Create a folder and its parents.

    Parameters
    ----------
    path : str or os.PathLike
        The folder.

    Returns
    -------
    bool
        True if the folder is new, False if it existed.

    Raises
    ------
    RunError
        The folder cannot be created.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return False
        path.mkdir(parents=True)
    except OSError as error:
        raise RunError(_explain(path, error)) from error
    return True


def _umask() -> int:
    """The umask of the process: `mkstemp` creates a private file, but the result must respect the umask."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Flush the new directory entry to disk, which only POSIX systems can do."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explain(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path} cannot be written: the disk is full; free some space, or name another path"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} cannot be written: no permission; name a path that you may write to"
    if error.errno == errno.ENOENT:
        return f"{path} cannot be written: there is no folder {path.parent}; create it, or name another path"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{path} cannot be created: a file of that name is in the way; name another path"
    return f"{path} cannot be written: {error.strerror or error}"
