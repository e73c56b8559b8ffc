"""What tells one search from another: the content of its data, the settings of its searcher."""

import hashlib
from dataclasses import fields, is_dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["digest", "settings_of"]


def digest(*arrays: NDArray) -> str:
    """The content of arrays in 16 hexadecimal digits; every NaN counts as the same."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.where(np.isnan(array), np.nan, array).astype(array.dtype).tobytes())
    return digest.hexdigest()[:16]


def settings_of(searcher: object) -> str:
    """Numbers and words that a searcher was made with, where it is a dataclass."""
    if not is_dataclass(searcher):
        return ""
    values = {each.name: getattr(searcher, each.name) for each in fields(searcher) if each.init}
    plain = {name: value for name, value in values.items() if isinstance(value, int | float | str)}
    return " ".join(f"{name}={value}" for name, value in plain.items())
