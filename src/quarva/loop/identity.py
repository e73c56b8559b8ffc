"""Identity of a search: a digest of its data and the settings of its searcher."""

import hashlib
from dataclasses import fields, is_dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["digest", "settings_of"]


def digest(*arrays: NDArray) -> str:
    """Digest of the content of arrays.

    Parameters
    ----------
    *arrays : ndarray of number
        The arrays. All NaNs are treated as equal.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.where(np.isnan(array), np.nan, array).astype(array.dtype).tobytes())
    return digest.hexdigest()[:16]


def settings_of(searcher: object) -> str:
    """Settings of a searcher as text.

    Parameters
    ----------
    searcher : object
        The searcher.

    Returns
    -------
    str
        name=value for each number and text among its fields; empty if it is not a dataclass.
    """
    if not is_dataclass(searcher):
        return ""
    values = {each.name: getattr(searcher, each.name) for each in fields(searcher) if each.init}
    plain = {name: value for name, value in values.items() if isinstance(value, int | float | str)}
    return " ".join(f"{name}={value}" for name, value in plain.items())
