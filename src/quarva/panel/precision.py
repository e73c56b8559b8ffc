"""The precision of a table: float32, unless that would blur one of its columns."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Precision", "blur_of", "note_of"]

Precision = Literal["float32", "float64"]
"""Types in which formulas are computed."""

# Rounding a column to float32 costs the formula that equals it an R² of at most the square of this.
_BLUR = 1e-5
_WHOLE = 2.0**53  # integers beyond this are not exact in float64 either


def blur_of(values: NDArray[np.float64]) -> float | None:
    """What float32 takes from a column, if that matters.

    It matters where whole numbers would change, and where the largest rounding error is above 1e-5 of the
    column's standard deviation: for a large offset, such as seconds since 1970.

    Parameters
    ----------
    values : ndarray of float64, shape (rows,)
        The column; NaN and infinite cells are skipped, and so are cells beyond float32.

    Returns
    -------
    float or None
        The largest rounding error in the column's unit; None where float32 serves.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = values.astype(np.float32)
    known = np.isfinite(rounded)
    exact = values[known]
    error = float(np.abs(rounded[known] - exact).max(initial=0.0))
    if error == 0.0 or exact.min() == exact.max():
        return None
    is_whole = bool((np.abs(exact) <= _WHOLE).all() and (exact == np.rint(exact)).all())
    return error if is_whole or error > _BLUR * float(exact.std()) else None


def note_of(columns: Mapping[str, NDArray[np.float64]]) -> str | None:
    """The note that a table is computed in float64, and why; None where float32 serves all its columns."""
    blurred = {name: blur for name, values in columns.items() if (blur := blur_of(values)) is not None}
    if not blurred:
        return None
    shown = ", ".join(f"{name!r} by up to {blur:.3g}" for name, blur in list(blurred.items())[:5])
    more = f" and {len(blurred) - 5} more columns" if len(blurred) > 5 else ""
    return f"the table is computed in float64, because float32 would change {shown}{more}"
