"""Daily returns of the assets, from their closes."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError

if TYPE_CHECKING:
    from quarva.panel import Panel

__all__ = ["closes", "daily_returns"]


def closes(panel: "Panel") -> NDArray[np.float32]:
    """The panel's field `close`, float32 [T, N], NaN = not there.

    Raises:
        TaskError: no such field, or a price of 0 or less.
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
            f"{close[day, asset]:g}{more}; a return needs prices above 0: leave the cell empty instead"
        )
    return close


def daily_returns(close: NDArray[np.floating]) -> NDArray[np.float64]:
    """close[t] / close[t−1] − 1 of each asset, float64 [T, N]; NaN in row 0 and where either close is NaN.

    Positions earn `holding.holding_returns` instead, which also has the return across missing prices.
    """
    price = np.asarray(close, np.float64)
    out = np.full(price.shape, np.nan)
    out[1:] = price[1:] / price[:-1] - 1.0
    return out
