"""A search on disk: numbers and arrays by name in one .npz, written whole or not at all, never pickled."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from quarva.atomic import write_atomically
from quarva.errors import RunError

__all__ = ["CHECKPOINT_VERSION", "load", "save"]

CHECKPOINT_VERSION = 1


def save(path: Path, state: dict[str, dict[str, Any]], identity: dict[str, str]) -> None:
    """Write `state` (room → name → array or number); `identity` names the search that it belongs to.

    Raises:
        RunError: the folder can not be written, or the disk is full; the old checkpoint stays.
    """
    arrays = {
        f"{room}.{name}": np.asarray(value) for room, part in state.items() for name, value in part.items()
    }
    arrays |= {f"identity.{name}": np.asarray(text) for name, text in identity.items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, version=np.asarray(CHECKPOINT_VERSION), **arrays)
    write_atomically(path, buffer.getvalue())


def load(path: Path, identity: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Read what `save` wrote.

    Raises:
        RunError: there is none, it is damaged, of another version, or of another search.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise RunError(
            f"{path} is missing: the run was stopped before its first checkpoint; start it anew"
        ) from None
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise RunError(f"{path} can not be read ({error}): start the run anew") from None
    version = int(found.pop("version", np.asarray(0)))
    if version != CHECKPOINT_VERSION:
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
            raise RunError(
                f"{path} belongs to another search: its {name} was {written.get(name, 'not given')}, "
                f"and is {value} now"
            )
    return state
