"""File format of a stream: an .npz file of arrays, one of which holds the metadata as JSON.

Reading a file never executes any of its content.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.arrays import DamagedFile, read_arrays
from quarva._runtime.files import write_atomically
from quarva.errors import RunError
from quarva.panel import CONVENTIONS, GroupCodes

__all__ = ["STATE_VERSION", "State", "read_state", "write_state"]

STATE_VERSION = 1

_TEXTS = ("names", "formulas", "fields", "assets")
_KIND = "quarva stream"
_REMEDY = "restore a copy, or create it again (quarva stream init)"


@dataclass(frozen=True)
class State:
    """The content of a stream.

    Attributes
    ----------
    names, formulas : tuple of str, length P
        Names of the formulas, and the formulas in infix notation.
    fields, assets : tuple of str, length F and N
        Names of the fields and assets.
    groups : mapping of str to GroupCodes
        The groups that the formulas name, as in `Panel.groups`.
    conventions : str
        See `Panel.conventions`.
    first : int
        Number of the first stored day, counted from the first day of the stream.
    begins : ndarray of float32, shape (N,)
        Number of the day of each asset's first value, infinite if it has none.
    dates : ndarray of datetime64[D] or datetime64[ns], shape (K,)
        The stored days, ascending.
    values : ndarray of float32, shape (F, K, N)
        The bars of these days. NaN marks a missing value.
    universe : ndarray of bool, shape (K, N), or None
        The universe of these days.
    """

    names: tuple[str, ...]
    formulas: tuple[str, ...]
    fields: tuple[str, ...]
    assets: tuple[str, ...]
    groups: Mapping[str, GroupCodes]
    conventions: str
    first: int
    begins: NDArray[np.float32]
    dates: NDArray[np.datetime64]
    values: NDArray[np.float32]
    universe: NDArray[np.bool_] | None


def write_state(path: str | os.PathLike[str], state: State) -> None:
    """Write a state to a file atomically.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    state : State
        The state.

    Raises
    ------
    RunError
        The file cannot be written.
    """
    about = {
        "kind": _KIND,
        "version": STATE_VERSION,
        **{name: getattr(state, name) for name in _TEXTS},
        "groups": {name: group.labels for name, group in state.groups.items()},
        "conventions": state.conventions,
        "first": state.first,
    }
    arrays: dict[str, Any] = {
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
        "begins": state.begins,
        "dates": state.dates,
        "values": state.values,
    }
    for number, group in enumerate(state.groups.values()):
        arrays[f"codes_{number}"] = group.codes
    if state.universe is not None:
        arrays["universe"] = state.universe

    def write(file: BinaryIO) -> None:
        np.savez(file, **arrays)

    write_atomically(path, write)
    # Temporary files of a killed process.
    for leftover in Path(path).parent.glob(f".{Path(path).name}.*"):
        leftover.unlink(missing_ok=True)


def read_state(path: str | os.PathLike[str]) -> State:
    """Read a state that `write_state` wrote.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    State

    Raises
    ------
    RunError
        The file does not exist, is not a state, is damaged, or has another version.
    """
    found = _read(Path(path))
    try:
        about = json.loads(found["about"].tobytes())
        kind, version = about["kind"], about["version"]
    except (KeyError, ValueError, TypeError):
        kind = version = None
    if kind != _KIND:
        raise RunError(f"{path} is not the state of a stream; name the file that quarva stream init wrote")
    if version != STATE_VERSION:
        raise RunError(
            f"{path} has version {version}, but this Quarva reads version {STATE_VERSION}; use the Quarva"
            " that wrote it, or create it again (quarva stream init)"
        )
    try:
        state = _state_of(about, found)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RunError(f"{path} is damaged ({' '.join(str(error).split())}): {_REMEDY}") from None
    fault = _fault_of(state)
    if fault:
        raise RunError(f"{path} is damaged ({fault}): {_REMEDY}")
    return state


def _read(path: Path) -> dict[str, NDArray]:
    """Read the arrays of a file. Raises RunError if that fails."""
    try:
        return read_arrays(path)
    except FileNotFoundError:
        raise RunError(f"{path}: no such file; quarva stream init creates one") from None
    except IsADirectoryError:
        raise RunError(f"{path} is a folder; name the file that quarva stream init wrote") from None
    except PermissionError:
        raise RunError(f"{path} cannot be read: no permission; change its permissions") from None
    except DamagedFile as error:
        raise RunError(f"{path} is damaged ({error}): {_REMEDY}") from None


def _state_of(about: Mapping[str, Any], found: Mapping[str, NDArray]) -> State:
    groups = {
        name: GroupCodes(found[f"codes_{number}"].astype(np.int32, casting="same_kind"), _texts(labels, name))
        for number, (name, labels) in enumerate(about["groups"].items())
    }
    names, formulas, fields, assets = (_texts(about[name], name) for name in _TEXTS)
    return State(
        names, formulas, fields, assets, groups, str(about["conventions"]), int(about["first"]),
        found["begins"], found["dates"], found["values"], found.get("universe"),
    )  # fmt: skip


def _fault_of(state: State) -> str:
    """Describe the first inconsistency of a state; empty if there is none."""
    days, assets = len(state.dates), len(state.assets)
    if not state.names or len(state.names) != len(state.formulas):
        return "names and formulas do not match"
    if state.dates.dtype.str[1:] not in ("M8[D]", "M8[ns]") or state.dates.ndim != 1:
        return "dates have a wrong type"
    if not (state.dates[1:] > state.dates[:-1]).all() or state.first < 0:
        return "dates do not ascend"
    if state.values.dtype != np.float32 or state.values.shape != (len(state.fields), days, assets):
        return "bars do not have the shape of fields, dates and assets"
    if state.begins.dtype != np.float32 or state.begins.shape != (assets,):
        return "first days do not have the shape of the assets"
    universe = state.universe
    if universe is not None and (universe.dtype != np.bool_ or universe.shape != (days, assets)):
        return "the universe does not have the shape of dates and assets"
    for name, group in state.groups.items():
        codes = group.codes
        if codes.shape != (assets,) or (codes < -1).any() or (codes >= len(group.labels)).any():
            return f"group '{name}' does not fit the assets"
    return "" if state.conventions in CONVENTIONS else "unknown conventions"


def _texts(texts: Any, name: str) -> tuple[str, ...]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{name} are not text")
    return tuple(texts)
