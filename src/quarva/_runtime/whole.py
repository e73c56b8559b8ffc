"""Whole numbers, as people give them: 100, 1e2, numpy.int64(100)."""

import operator
from typing import SupportsFloat

from quarva.errors import QuarvaError, RecipeError

__all__ = ["whole"]


def whole(
    name: str, value: object, least: int = 1, error: type[QuarvaError] = RecipeError, unit: str = ""
) -> int:
    """Check a number that must be whole.

    Parameters
    ----------
    name : str
        What the number is, for the message.
    value : int or float
        A float is accepted where it has no fraction, such as 1e5.
    least : int
        The smallest number allowed.
    error : type of QuarvaError
        What to raise.
    unit : str
        What the number counts, for the message: `days`.

    Returns
    -------
    int
        The number.

    Raises
    ------
    QuarvaError
        The value is no whole number, or below `least`.
    """
    number = None
    if not isinstance(value, bool):
        try:
            number = operator.index(value)  # type: ignore[arg-type]
        except TypeError:
            if isinstance(value, SupportsFloat) and not isinstance(value, str) and float(value).is_integer():
                number = int(float(value))
    if number is None:
        raise error(f"{name} must be a whole number, not {value!r}")
    if number < least:
        raise error(f"{name} must be {least} or more{' ' + unit if unit else ''}, not {number}")
    return number
