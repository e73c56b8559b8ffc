"""Validation of the bars and the universe of one day."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import PanelError

__all__ = ["bars_of", "universe_of"]


def bars_of(
    day: str, values: Mapping[str, Any] | NDArray, fields: Sequence[str], assets: Sequence[str]
) -> NDArray[np.float32]:
    """Copy the bars of a day to a float32 array.

    Parameters
    ----------
    day : str
        Date of the day, for error messages.
    values : mapping of str to array-like of shape (N,), or ndarray of shape (F, N)
        The bars by field name, or in the order of `fields`. NaN marks a missing value.
    fields : sequence of str
        The F fields.
    assets : sequence of str
        The N assets.

    Returns
    -------
    ndarray of float32, shape (F, N)

    Raises
    ------
    PanelError
        A field is missing or does not have length N, or a value is infinite.
    """
    n = len(assets)
    if isinstance(values, Mapping):
        missing = [name for name in fields if name not in values]
        if missing:
            raise PanelError(f"{day} has no field {missing[0]!r}; give {', '.join(fields)}")
        given = [values[name] for name in fields]
    elif np.ndim(values) == 2 and len(values) == len(fields):
        given = list(values)
    else:
        raise PanelError(
            f"the values of {day} must have shape {(len(fields), n)} (fields × assets), not"
            f" {np.shape(values)}; the fields are {', '.join(fields)}"
        )
    bars = np.empty((len(fields), n), np.float32)
    for row, name, numbers in zip(bars, fields, given, strict=True):
        if np.shape(numbers) != (n,):
            raise PanelError(
                f"field {name!r} of {day} has shape {np.shape(numbers)}; give a value for each of {n} assets"
            )
        with np.errstate(over="ignore"):
            row[:] = numbers
    wrong = np.argwhere(np.isinf(bars))
    if len(wrong):
        field, asset = fields[wrong[0][0]], assets[wrong[0][1]]
        raise PanelError(
            f"field {field!r} of asset {asset!r} on {day} is infinite, or beyond 3.4e38; give NaN where"
            " there is no value"
        )
    return bars


def universe_of(day: str, universe: Any, required: bool, assets: int) -> NDArray[np.bool_] | None:
    """Copy the universe of a day.

    Parameters
    ----------
    day : str
        Date of the day, for error messages.
    universe : array-like of bool, shape (N,), or None
        True for the assets that belong to the universe.
    required : bool
        True if the days before have a universe.
    assets : int
        Number N of assets.

    Returns
    -------
    ndarray of bool, shape (N,), or None
        None if no universe is required.

    Raises
    ------
    PanelError
        The day lacks a universe and the days before have one, or the other way round, or the length is wrong.
    """
    if universe is None and required:
        raise PanelError(f"{day} has no universe, but the days before have one; give a universe")
    if universe is not None and not required:
        raise PanelError(
            f"{day} has a universe, but the days before have none; start again with a panel that has one"
        )
    if universe is None:
        return None
    inside = np.array(universe, np.bool_)
    if inside.shape != (assets,):
        raise PanelError(
            f"the universe of {day} has shape {inside.shape}; give true or false for each of {assets} assets"
        )
    return inside
