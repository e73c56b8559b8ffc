"""Arrays read back from a file of NumPy's, of which nothing is taken unless its checksums agree."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["DamagedFile", "read_arrays"]


class DamagedFile(Exception):
    """The file holds something else than was written; its text says what, in one line."""


def read_arrays(path: Path, *names: str) -> dict[str, NDArray]:
    """The arrays of these names in an .npz file, else all; nothing is unpickled.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: as `open` does.
        DamagedFile: for all else that keeps it from being read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
            # Checksums say nothing of the directory, in which a comment may have swallowed what follows.
            commented = [member.filename for member in archive.infolist() if member.comment]
        if broken is not None:
            raise zipfile.BadZipFile(f"bad checksum of {broken}")
        if commented:
            raise zipfile.BadZipFile(f"a comment that nobody wrote, of {commented[0]}")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names or archive.files}
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedFile(" ".join(str(error).split())) from None
