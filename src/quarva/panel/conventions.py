"""Conventions for rolling windows that are not yet full or contain missing days.

`"quarva"`, the default: a window that is not full or contains NaN gives NaN; comparisons with NaN give NaN.

`"qlib"`: the results of Qlib's expression engine (pyqlib 0.9.7), so that formulas written for it keep their
values. The rows of an asset begin with its first day that has any value and end with its last; other results
are NaN, since Qlib has no such rows. A suspended asset whose values return keeps its rows; a delisted asset
has none. On the last days of a panel the two cannot be distinguished, and an asset without a value today has
no signal today. Below, n is the number of values in a window of length w, and L ≤ w is the number of its rows
since the asset's first row.

- Rolling operators skip NaN and have a result from the first value on (pandas `rolling(w, min_periods=1)`):
  mean, sum, ts_min, ts_max, median, quantile and mad of the n values; std, var and cov with n − 1 (NaN for
  n = 1); adjusted skew and kurt (NaN for n < 3 and n < 4); count is never NaN.
- `corr` and `cov` use the days with both values; `corr` is NaN if the std of either window alone (all its
  values) is ≤ 2e-5. `rsquare` is NaN if the window's std is ≤ 2e-5.
- `ts_rank`: average rank of today's value among the n values, divided by n; NaN if today's value is NaN.
- `ts_argmax`, `ts_argmin`: position 1 … L, counted from the oldest row, of the first maximum (minimum). If
  the L rows contain NaN, the position of the oldest NaN; NaN for n = 0.
- `ema`: pandas `ewm(span=w, adjust=True, min_periods=1)`: unbounded memory, weights by age in days, and the
  last mean is carried over missing days.
- `decay_linear`, Qlib's WMA: Σ (L − k) x_k / (L (L + 1) / 2) / n over the values, that is, the usual weighted
  mean divided by n.
- `slope`, `rsquare`, `resi`: least squares over the n values at days 1 … w, where w is today; NaN for n < 2;
  `resi` is also NaN if today's value is NaN.
- Comparisons with NaN are 0 (`ne`: 1); `if_else` takes its first branch if the condition is NaN.
- Operators without a counterpart in Qlib use partial windows in the same way: product, drawdown (of today),
  ts_zscore (of today), days_since_max and days_since_min (of the values; the older of ties), sign_changes
  (between consecutive days that both have a value; NaN for n = 0).
- Lags and all other elementwise, cross-sectional and group operators are the same. Results that are not
  finite are NaN.
"""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from quarva.errors import PanelError
from quarva.panel.names import nearest

__all__ = ["CONVENTIONS", "Conventions", "check_conventions", "first_rows", "last_rows"]

Conventions = Literal["quarva", "qlib"]

CONVENTIONS: tuple[Conventions, ...] = get_args(Conventions)
"""Names accepted by `Panel.with_conventions`."""


def check_conventions(name: str, panel: str) -> None:
    """Raise PanelError, with the name `panel`, unless `name` is in `CONVENTIONS`."""
    if name not in CONVENTIONS:
        raise PanelError(f"{panel}: unknown conventions {name!r}; {nearest(str(name), CONVENTIONS)}")


def first_rows(values: NDArray[Any]) -> NDArray[np.int64]:
    """First row with a value in any field, by asset.

    Parameters
    ----------
    values : ndarray of float, shape (F, T, N)
        NaN where missing.

    Returns
    -------
    ndarray of int64, shape (N,)
        T for an asset without values.
    """
    present = ~np.isnan(values).all(axis=0)
    days = np.arange(len(present))[:, None]
    return np.where(present, days, len(present)).min(axis=0, initial=len(present)).astype(np.int64)


def last_rows(values: NDArray[Any]) -> NDArray[np.int64]:
    """Last row with a value in any field, by asset.

    Parameters
    ----------
    values : ndarray of float, shape (F, T, N)
        NaN where missing.

    Returns
    -------
    ndarray of int64, shape (N,)
        −1 for an asset without values.
    """
    present = ~np.isnan(values).all(axis=0)
    days = np.arange(len(present))[:, None]
    return np.where(present, days, -1).max(axis=0, initial=-1).astype(np.int64)
