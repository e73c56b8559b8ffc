"""Files that are written whole or not at all."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from quarva.errors import RunError

__all__ = ["make_folder", "write_atomically"]


def write_atomically(path: str | os.PathLike[str], content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write `content` to `path`, so that at any moment the old file or the new one is there, never a part.

    The content goes to a temporary file in the same folder, is forced to the disk, and takes the place of
    `path` in one step.

    Parameters
    ----------
    path : file to write; its folder must exist.
    content : the bytes, or a function that writes them to the binary file it is given.

    Raises
    ------
    RunError : the folder is missing or not writable, or the disk is full; nothing is left behind.
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
    """Make the folder `path` and those above it; whether it is new. RunError where it can not be made."""
    path = Path(path)
    try:
        if path.is_dir():
            return False
        path.mkdir(parents=True)
    except OSError as error:
        raise RunError(_explain(path, error)) from error
    return True


def _umask() -> int:
    """The permissions this process withholds: a temporary file starts private, the result should not be."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Force the new name to the disk too, where the system can (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explain(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path} can not be written: the disk is full; free some space, or name another place"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} can not be written: no permission; name a place that you may write to"
    if error.errno == errno.ENOENT:
        return f"{path} can not be written: there is no folder {path.parent}; make it, or name another place"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{path} can not be made: a file of that name is in the way; name another place"
    return f"{path} can not be written: {error.strerror or error}"
