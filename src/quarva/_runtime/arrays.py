"""Reading NumPy archives (.npz) safely: checksums are verified and nothing is unpickled."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["DamagedFile", "read_arrays"]


class DamagedFile(Exception):
    """The content of the file is not what was written; the message says why, in one line."""


def read_arrays(path: Path, *names: str) -> dict[str, NDArray]:
    """Read arrays from an .npz file.

    Parameters
    ----------
    path : Path
        The .npz file.
    *names : str
        Names of the arrays to read. Without names, all arrays are read.

    Returns
    -------
    dict of str to ndarray
        The arrays by name.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        As raised by `open`.
    DamagedFile
        The file cannot be read for any other reason.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
            # The directory of the archive has no checksum. A flipped bit there can turn the entries that
            # follow into a comment.
            commented = [member.filename for member in archive.infolist() if member.comment]
        if broken is not None:
            raise zipfile.BadZipFile(f"bad checksum of {broken}")
        if commented:
            raise zipfile.BadZipFile(f"unexpected comment on {commented[0]}")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names or archive.files}
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedFile(" ".join(str(error).split())) from None
