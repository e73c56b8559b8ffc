"""Closing prices and daily returns of the assets."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError

if TYPE_CHECKING:
    from quarva.panel import Panel

__all__ = ["closes", "daily_returns"]


def closes(panel: "Panel") -> NDArray[np.float32]:
    """The closing prices of a panel.

    Parameters
    ----------
    panel : Panel
        The data, with a field `close`.

    Returns
    -------
    ndarray of float32, shape (T, N)
        NaN means no price.

    Raises
    ------
    TaskError
        There is no such field, or a price is not above 0.
    """
    if "close" not in panel.fields:
        raise TaskError(f"returns need a field 'close'; the panel has {', '.join(panel.fields)}")
    close = panel.field("close")
    wrong = np.argwhere(close <= 0)
    if len(wrong):
        day, asset = wrong[0]
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise TaskError(
            f"close of {panel.assets[asset]} on {panel.dates[day].astype('datetime64[D]')} is "
            f"{close[day, asset]:g}{more}; prices must be above 0: leave the cell empty where there is none"
        )
    return close


def daily_returns(close: NDArray[np.floating]) -> NDArray[np.float64]:
    """Daily returns close[t] / close[t − 1] − 1.

    Parameters
    ----------
    close : ndarray of float, shape (T, N)
        Closing prices.

    Returns
    -------
    ndarray of float64, shape (T, N)
        NaN in the first row and where either price is missing.

    Notes
    -----
    Positions earn `holding_returns` instead, which include returns across missing prices.
    """
    price = np.asarray(close, np.float64)
    out = np.full(price.shape, np.nan)
    out[1:] = price[1:] / price[:-1] - 1.0
    return out
