"""Validation of whole numbers, which users may write as 100, 1e2 or numpy.int64(100)."""

import operator
from typing import SupportsFloat

from quarva.errors import QuarvaError, RecipeError

__all__ = ["whole"]


def whole(
    name: str, value: object, least: int = 1, error: type[QuarvaError] = RecipeError, unit: str = ""
) -> int:
    """Check that a number is whole and convert it to int.

    Parameters
    ----------
    name : str
        Name of the number, for the message.
    value : int or float
        The number. A float without a fraction, such as 1e5, is accepted.
    least : int
        Smallest valid number.
    error : type of QuarvaError
        Class of the error to raise.
    unit : str
        Unit for the message, such as "days".

    Returns
    -------
    int
        The number.

    Raises
    ------
    QuarvaError
        The value is not a whole number, or it is below `least`.
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
