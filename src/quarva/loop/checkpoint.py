"""A search on disk: numbers and arrays by name in one .npz, written whole or not at all, never pickled."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from quarva._runtime.arrays import DamagedFile, read_arrays
from quarva._runtime.files import write_atomically
from quarva.errors import RunError

__all__ = ["CHECKPOINT_VERSION", "evaluations", "load", "save"]

CHECKPOINT_VERSION = 7

_LONGEST = 80  # characters up to which both sides of a difference are shown whole


def save(path: Path, state: dict[str, dict[str, Any]], identity: dict[str, str]) -> None:
    """Write `state` (room → name → array or number); `identity` names the search that it belongs to.

    Raises:
        RunError: the folder can not be written, or the disk is full (the old checkpoint stays); a value that
            is neither number nor array.
    """
    arrays = {
        f"{room}.{name}": np.asarray(value) for room, part in state.items() for name, value in part.items()
    }
    for name, array in arrays.items():
        if array.dtype.hasobject:
            room, _, key = name.partition(".")
            raise RunError(f"the {room}'s state '{key}' is neither a number, a text nor an array of them")
    arrays |= {f"identity.{name}": np.asarray(text) for name, text in identity.items()}
    arrays["version"] = np.asarray(CHECKPOINT_VERSION)

    def write(file: BinaryIO) -> None:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # names never are those of its options

    write_atomically(path, write)
    # What a killed process was writing: nobody will finish it.
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink(missing_ok=True)


def load(path: Path, identity: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Read what `save` wrote.

    Raises:
        RunError: there is none, it is damaged, of another version, or of another search.
    """
    found = _read(path)
    version = found.pop("version", np.asarray(0))
    if version.shape or version != CHECKPOINT_VERSION:
        raise RunError(
            f"{path} is of version {version}, and this Quarva reads version {CHECKPOINT_VERSION}: "
            "resume it with the Quarva that wrote it"
        )
    state: dict[str, dict[str, Any]] = {}
    for name, array in found.items():
        room, _, key = name.partition(".")
        state.setdefault(room, {})[key] = array
    written = {key: str(value) for key, value in state.pop("identity", {}).items()}
    for name, value in identity.items():
        if written.get(name) != value:
            raise RunError(f"{path} belongs to another search: {_difference(name, written.get(name), value)}")
    return state


def evaluations(path: Path) -> int:
    """Evaluations that the checkpoint at `path` keeps, 0 where there is none; RunError if it is damaged."""
    return int(_read(path, "loop.evaluations")["loop.evaluations"]) if path.exists() else 0


def _read(path: Path, *names: str) -> dict[str, np.ndarray]:
    """The arrays of these names, else all."""
    try:
        return read_arrays(path, *names)
    except FileNotFoundError:
        raise RunError(
            f"{path} is missing: the run was stopped before its first checkpoint; start it anew"
        ) from None
    except (DamagedFile, OSError) as error:
        raise RunError(f"{path} is damaged ({' '.join(str(error).split())}): start the run anew") from None


def _difference(name: str, written: str | None, wanted: str) -> str:
    """What a checkpoint was made with and what is wanted now; of long texts the words that differ."""
    if written is None:
        return f"it does not say its {name}"
    if max(len(written), len(wanted)) <= _LONGEST:
        return f"its {name} was {written}, and is {wanted} now"
    before, now = written.split(), wanted.split()
    gone = [word for word in before if word not in now][:5]
    come = [word for word in now if word not in before][:5]
    had, has = (" ".join(words) or "nothing more" for words in (gone, come))
    return f"its {name} had {had}, and has {has} now"
