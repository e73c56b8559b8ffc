"""Conventions: what a rolling window does before it is full and around missing days.

`"quarva"`, the default: a window that is not full, or holds a NaN, gives NaN; whatever compares a NaN is NaN.

`"qlib"`: the numbers of Qlib's expression engine (pyqlib 0.9.7), so that formulas written for it keep
their values. An asset's rows begin with its first day that has any value and end with its last: outside of
them everything is NaN, as Qlib has no such rows. A suspended asset, whose values come back, keeps its rows; a
delisted one has none. On the last days of a panel the two cannot be told apart, and an asset without a value
today has no signal today. n is the number of values in a window, L ≤ w the number of its rows since the
asset began.

- Rolling operators skip NaN and answer from the first value on (pandas `rolling(w, min_periods=1)`):
  mean, sum, ts_min, ts_max, median, quantile, mad of the n values; std, var, cov with n − 1 (NaN for n = 1);
  skew and kurt adjusted (NaN for n < 3 and n < 4); count never NaN.
- `corr` and `cov`: over the days that have both values; `corr` is NaN where the std of either window by
  itself (all its values) is ≤ 2e-5. `rsquare` is NaN where the window's std is ≤ 2e-5.
- `ts_rank`: average rank of today among the n values, over n; NaN where today is NaN.
- `ts_argmax`, `ts_argmin`: place 1 … L, counted from the oldest row, of the first largest (smallest); if
  the L rows hold a NaN, place of the oldest NaN; NaN for n = 0.
- `ema`: pandas `ewm(span=w, adjust=True, min_periods=1)`: no end, weights by age in days, the last mean
  carried over missing days.
- `decay_linear`, Qlib's WMA: Σ (L − k) x_k / (L (L + 1) / 2) / n over the values; so it is the usual
  weighted mean divided by n.
- `slope`, `rsquare`, `resi`: least squares over the n values at the days 1 … w, today being w; NaN for
  n < 2; `resi` also where today is NaN.
- Comparisons with a NaN are 0 (`ne`: 1); `if_else` takes its first branch where the condition is NaN.
- What Qlib does not have is partial in the same way: product, drawdown (of today), ts_zscore (of today),
  days_since_max, days_since_min (of values, the older of equals), sign_changes (between neighbouring days
  that both have a value; NaN for n = 0).
- Lags, all else that is elementwise, cross-sectional and group operators do not differ; what is not
  finite is NaN.
"""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from quarva.errors import PanelError
from quarva.panel.names import nearest

__all__ = ["CONVENTIONS", "Conventions", "check_conventions", "first_rows", "last_rows"]

Conventions = Literal["quarva", "qlib"]

CONVENTIONS: tuple[Conventions, ...] = get_args(Conventions)
"""The names that `Panel.with_conventions` takes."""


def check_conventions(name: str, panel: str) -> None:
    """Raise PanelError unless `name` is one of `CONVENTIONS`; `panel` is named in the message."""
    if name not in CONVENTIONS:
        raise PanelError(f"{panel}: no conventions {name!r}; {nearest(str(name), CONVENTIONS)}")


def first_rows(values: NDArray[Any]) -> NDArray[np.int64]:
    """Row of each asset's first day with a value in any field.

    Parameters
    ----------
    values : ndarray of float, shape (F, T, N)
        NaN marks a missing value.

    Returns
    -------
    ndarray of int64, shape (N,)
        T for an asset without a value.
    """
    there = ~np.isnan(values).all(axis=0)
    days = np.arange(len(there))[:, None]
    return np.where(there, days, len(there)).min(axis=0, initial=len(there)).astype(np.int64)


def last_rows(values: NDArray[Any]) -> NDArray[np.int64]:
    """Row of each asset's last day with a value in any field.

    Parameters
    ----------
    values : ndarray of float, shape (F, T, N)
        NaN marks a missing value.

    Returns
    -------
    ndarray of int64, shape (N,)
        −1 for an asset without a value.
    """
    there = ~np.isnan(values).all(axis=0)
    days = np.arange(len(there))[:, None]
    return np.where(there, days, -1).max(axis=0, initial=-1).astype(np.int64)
