"""Precision of a table: float32, unless its rounding errors would matter in some column."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["TOLERANCE", "Precision", "precision_note", "rounding_error"]

Precision = Literal["float32", "float64"]
"""Types in which formulas are evaluated."""

TOLERANCE = 1e-5
"""Largest tolerated rounding error of float32, in standard deviations: an R² loses at most its square."""
_LARGEST_INTEGER = 2.0**53  # integers beyond this are not exact in float64 either


def rounding_error(values: NDArray[np.float64]) -> float | None:
    """Largest rounding error of float32 in a column, if it matters.

    It matters if integers would change or if the error exceeds 1e-5 of the column's standard deviation, as it
    does with a large offset such as seconds since 1970.

    Parameters
    ----------
    values : ndarray of float64, shape (rows,)
        The column. NaN, infinite values and values that overflow float32 are skipped.

    Returns
    -------
    float or None
        The error in the unit of the column; None if float32 is sufficient.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = values.astype(np.float32)
    known = np.isfinite(rounded)
    exact = values[known]
    error = float(np.abs(rounded[known] - exact).max(initial=0.0))
    if error == 0.0 or exact.min() == exact.max():
        return None
    is_integral = bool((np.abs(exact) <= _LARGEST_INTEGER).all() and (exact == np.rint(exact)).all())
    return error if is_integral or error > TOLERANCE * float(exact.std()) else None


def precision_note(columns: Mapping[str, NDArray[np.float64]]) -> str | None:
    """Note on why a table is evaluated in float64; None if float32 is sufficient for all columns."""
    errors = {
        name: error for name, values in columns.items() if (error := rounding_error(values)) is not None
    }
    if not errors:
        return None
    listing = ", ".join(f"{name!r} by up to {error:.3g}" for name, error in list(errors.items())[:5])
    more = f" and {len(errors) - 5} more columns" if len(errors) > 5 else ""
    return f"the table is computed in float64 because float32 would change {listing}{more}"
