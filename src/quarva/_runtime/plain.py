"""Conversion of values to types that JSON can represent."""

from collections.abc import Mapping
from typing import Any

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """Convert a value to types that JSON can represent.

    Parameters
    ----------
    value : Any
        A scalar, or a nesting of mappings, lists and tuples of scalars. NumPy scalars are allowed.

    Returns
    -------
    Any
        The same nesting of dicts and lists: keys as text, NumPy scalars as Python numbers, and None for every
        number that is not finite.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
