"""The bars of one day, as a caller hands them over."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import PanelError

__all__ = ["bars_of", "universe_of"]


def bars_of(
    day: str, values: Mapping[str, Any] | NDArray, fields: Sequence[str], assets: Sequence[str]
) -> NDArray[np.float32]:
    """A float32 copy, of shape (F, N), of (N,) for each field by name, or of (F, N) in the order of `fields`.

    Raises PanelError: a field is missing, or not of length N; an infinite value.
    """
    n = len(assets)
    if isinstance(values, Mapping):
        missing = [name for name in fields if name not in values]
        if missing:
            raise PanelError(f"{day} lacks the field {missing[0]!r}; give {', '.join(fields)}")
        given = [values[name] for name in fields]
    elif np.ndim(values) == 2 and len(values) == len(fields):
        given = list(values)
    else:
        raise PanelError(
            f"the values of {day} have shape {np.shape(values)}; fields × assets is {(len(fields), n)}:"
            f" {', '.join(fields)}"
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


def universe_of(day: str, universe: Any, wanted: bool, assets: int) -> NDArray[np.bool_] | None:
    """A copy of a day's universe, bool (N,); None where none is wanted.

    Raises PanelError: there is none where the days before have one, or the other way round; a wrong length.
    """
    if universe is None and wanted:
        raise PanelError(f"{day} lacks the universe; say which assets belong, as on the days before")
    if universe is not None and not wanted:
        raise PanelError(
            f"{day} has a universe, but the days before have none; begin anew with a panel that has one"
        )
    if universe is None:
        return None
    inside = np.array(universe, np.bool_)
    if inside.shape != (assets,):
        raise PanelError(
            f"the universe of {day} has shape {inside.shape}; give true or false for each of {assets} assets"
        )
    return inside
