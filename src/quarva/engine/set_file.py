"""Sets as files: TOML with the formula and the weight of each member."""

import tomllib
from os import PathLike
from pathlib import Path

import numpy as np

from quarva._runtime.files import write_atomically
from quarva.engine.formula import Formula
from quarva.engine.formula_set import Set
from quarva.errors import FormulaError
from quarva.panel import Panel

__all__ = ["SET_FILE", "read_set", "set_text", "write_set"]

SET_FILE = "set.toml"
"""Name of the file in the folder of a run."""

_VERSION = 1


def set_text(own: Set) -> str:
    """A set as TOML."""
    import tomli_w

    members = [
        {"weight": weight, "formula": each.text}
        for each, weight in zip(own.members, own.weights.tolist(), strict=True)
    ]
    return tomli_w.dumps({"version": _VERSION, "member": members})


def write_set(own: Set, path: str | PathLike[str]) -> None:
    """Write the members and weights of a set to a TOML file; its scores and forecast are not written.

    Raises
    ------
    RunError
        The file cannot be written.
    """
    write_atomically(path, set_text(own).encode("utf-8"))


def read_set(path: str | PathLike[str], panel: Panel | None = None) -> Set:
    """Read a set that `write_set` or a run wrote.

    Parameters
    ----------
    path : path-like
        The file.
    panel : Panel, optional
        If given, fields, groups and assets must be those of the panel.

    Returns
    -------
    Set
        With the same signals, bit for bit. It has no scores and no forecast.

    Raises
    ------
    FormulaError
        The file cannot be read, is not such a file, or a formula is invalid.
    """
    try:
        given = tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise FormulaError(f"{path}: {error.strerror}; give a {SET_FILE} of a run") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FormulaError(f"{path} cannot be read as TOML ({error})") from None
    version, members = given.get("version"), given.get("member")
    if version != _VERSION:
        raise FormulaError(f"{path} has version {version}, but this Quarva reads sets of version {_VERSION}")
    if not isinstance(members, list) or not members or not all(isinstance(each, dict) for each in members):
        raise FormulaError(f"{path} has no [[member]] with a weight and a formula")
    formulas, weights = [], []
    for place, each in enumerate(members, 1):
        weight, text = each.get("weight"), each.get("formula")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not isinstance(text, str):
            raise FormulaError(f"{path}: member {place} needs a number 'weight' and a text 'formula'")
        try:
            formulas.append(Formula.parse(text, panel=panel))
        except FormulaError as error:
            raise FormulaError(f"{path}: member {place}: {error}") from None
        weights.append(float(weight))
    return Set(formulas, np.array(weights))
