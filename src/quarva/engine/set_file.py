"""Sets as files: TOML with the formula and the weight of each member."""

import tomllib
from os import PathLike
from pathlib import Path

import numpy as np

from quarva.engine.formula import Formula
from quarva.engine.formula_set import Set
from quarva.errors import FormulaError
from quarva.panel import Panel

__all__ = ["SET_FILE", "read_set", "set_text"]

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


def read_set(path: str | PathLike[str], panel: Panel | None = None) -> Set:
    """Read a set from a file; see `Set.read`."""
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
