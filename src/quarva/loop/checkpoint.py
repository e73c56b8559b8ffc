"""Checkpoints of a search: named numbers and arrays in an .npz file, written atomically and never pickled."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from quarva._runtime.arrays import DamagedFile, read_arrays
from quarva._runtime.files import write_atomically
from quarva.errors import RunError

__all__ = ["CHECKPOINT_VERSION", "evaluations", "load", "save"]

CHECKPOINT_VERSION = 8

_LONGEST = 80  # characters up to which both sides of a difference are shown in full


def save(path: Path, state: dict[str, dict[str, Any]], identity: dict[str, str]) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    path : Path
        The file.
    state : dict of str to dict of str to number, str or ndarray
        The state of each part of the search.
    identity : dict of str to str
        Properties of the search that a later `load` must match.

    Raises
    ------
    RunError
        The file cannot be written (the old checkpoint is kept), or a value is not a number, a text or an
        array of them.
    """
    arrays = {
        f"{part}.{name}": np.asarray(value)
        for part, values in state.items()
        for name, value in values.items()
    }
    for name, array in arrays.items():
        if array.dtype.hasobject:
            part, _, key = name.partition(".")
            raise RunError(f"the {part}'s state '{key}' must be a number, a text or an array of these")
    arrays |= {f"identity.{name}": np.asarray(text) for name, text in identity.items()}
    arrays["version"] = np.asarray(CHECKPOINT_VERSION)

    def write(file: BinaryIO) -> None:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # no array has the name of an option of savez

    write_atomically(path, write)
    # Temporary files of a killed process.
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink(missing_ok=True)


def load(path: Path, identity: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Read a checkpoint that `save` wrote.

    Parameters
    ----------
    path : Path
        The file.
    identity : dict of str to str
        Properties of the search that is to be resumed.

    Returns
    -------
    dict of str to dict of str to ndarray
        The state.

    Raises
    ------
    RunError
        The file is missing or damaged, has another version, or belongs to another search.
    """
    found = _read(path)
    version = found.pop("version", np.asarray(0))
    if version.shape or version != CHECKPOINT_VERSION:
        raise RunError(
            f"{path} has version {version}, but this Quarva reads version {CHECKPOINT_VERSION}; "
            "resume it with the Quarva that wrote it"
        )
    state: dict[str, dict[str, Any]] = {}
    for name, array in found.items():
        part, _, key = name.partition(".")
        state.setdefault(part, {})[key] = array
    written = {key: str(value) for key, value in state.pop("identity", {}).items()}
    for name, value in identity.items():
        if written.get(name) != value:
            difference = _difference(name, written.get(name), value)
            raise RunError(f"{path} belongs to another search: {difference}; start it in another folder")
    return state


def evaluations(path: Path) -> int:
    """Number of evaluations in a checkpoint.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    int
        0 if there is no checkpoint.

    Raises
    ------
    RunError
        The checkpoint is damaged.
    """
    return int(_read(path, "loop.evaluations")["loop.evaluations"]) if path.exists() else 0


def _read(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Read the arrays with these names, or all arrays without names."""
    try:
        return read_arrays(path, *names)
    except FileNotFoundError:
        raise RunError(
            f"{path} is missing, because the run stopped before its first checkpoint; start it again"
        ) from None
    except (DamagedFile, OSError) as error:
        raise RunError(f"{path} is damaged ({' '.join(str(error).split())}); start the run again") from None


def _difference(name: str, written: str | None, requested: str) -> str:
    """Describe a property that differs from the checkpoint. For long texts, show only words that differ."""
    if written is None:
        return f"it has no {name}"
    if max(len(written), len(requested)) <= _LONGEST:
        return f"its {name} was {written} and is now {requested}"
    before, now = written.split(), requested.split()
    removed = [word for word in before if word not in now][:5]
    added = [word for word in now if word not in before][:5]
    had, has = (" ".join(words) or "nothing more" for words in (removed, added))
    return f"its {name} had {had} and now has {has}"
