"""Returns of positions that are held across missing prices, and delistings.

A position can only be changed at a close that exists. While the price is missing, the position is kept and
earns nothing. On the day the price is back, it earns the whole change since the last known price.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.strategies.kernels import ABSENT, DELISTED, REOPENED, SUSPENDED, TRADED

__all__ = ["HoldingReturns", "check_delisting_return", "holding_returns"]


@dataclass(frozen=True, eq=False)
class HoldingReturns:
    """Returns of held positions for T days and N assets.

    Attributes
    ----------
    gain : ndarray of float64, shape (T, N)
        Return on day s of a position held since the close of day s − 1. It is 0 where the price is missing
        and before the first price, and never NaN.
    state : ndarray of int8, shape (T, N)
        TRADED: the asset has a price. REOPENED: it has a price after at least one day without. SUSPENDED: it
        has no price between two known ones. DELISTED: the day after its last price. ABSENT: before the first
        price or after the delisting.
    flags : ndarray of uint8, shape (T,)
        Bit 0 is set if some asset has no price, and bit 1 if some asset is REOPENED, SUSPENDED or DELISTED.
    delisting_return : float
        Return on a DELISTED day.
    """

    gain: NDArray[np.float64]
    state: NDArray[np.int8]
    flags: NDArray[np.uint8]
    delisting_return: float = 0.0

    @property
    def open(self) -> NDArray[np.bool_]:
        """True where there is a price, so that a position can be changed at the close, shape (T, N)."""
        return self.state <= REOPENED

    @property
    def held(self) -> NDArray[np.bool_]:
        """True where a position of the day before still exists, shape (T, N).

        That is after the first price, and until the delisting.
        """
        out = np.zeros(self.state.shape, np.bool_)
        out[1:] = (self.state[1:] != ABSENT) & (self.state[:-1] != ABSENT)
        return out

    def first(self, days: int) -> "HoldingReturns":
        """The returns of the first `days` days, with states that take later days into account."""
        return HoldingReturns(self.gain[:days], self.state[:days], self.flags[:days], self.delisting_return)


def check_delisting_return(delisting_return: float) -> None:
    """Raise TaskError unless a delisting return is finite and at least −1 (a total loss)."""
    if not (delisting_return >= -1 and np.isfinite(delisting_return)):
        raise TaskError(
            f"the delisting return must be at least -1 (a total loss), not {delisting_return}; -0.3 is -30 %"
        )


def holding_returns(close: NDArray[np.floating], delisting_return: float = 0.0) -> HoldingReturns:
    """Compute returns of held positions from closing prices.

    On a day s with a price, the return is close[s] / (last known close before s) − 1. An asset whose prices
    end before the last day earns `delisting_return` on the day after its last price, and nothing later.

    Parameters
    ----------
    close : ndarray of float, shape (T, N)
        Prices above 0. NaN or an infinite value means no price on that day.
    delisting_return : float, default 0.0
        Return on the day after the last price, at least −1. With 0, the holder receives the last price, as in
        a cash merger, the most frequent kind of delisting. For delistings due to failure, −0.3 is common for
        NYSE and AMEX stocks and −0.55 for Nasdaq.

    Returns
    -------
    HoldingReturns

    Raises
    ------
    TaskError
        The delisting return is below −1 or not finite.

    Notes
    -----
    Prices do not distinguish a delisting from a suspension that lasts beyond the end of the data. Both are
    treated as delistings.

    References
    ----------
    Shumway, T. (1997). The delisting bias in CRSP data. Journal of Finance 52.
    Shumway, T. and Warther, V. A. (1999). The delisting bias in CRSP's Nasdaq data. Journal of Finance 54.
    """
    check_delisting_return(delisting_return)
    price = np.asarray(close, np.float64)
    days = len(price)
    gain, state = np.zeros(price.shape), np.full(price.shape, TRADED, np.int8)
    known = np.isfinite(price)
    if known.all():
        gain[1:] = price[1:] / price[:-1] - 1.0
        return HoldingReturns(gain, state, np.zeros(days, np.uint8), delisting_return)
    day = np.arange(days)[:, None]
    last_known = np.maximum.accumulate(np.where(known, day, -1), axis=0)
    before = np.full(price.shape, -1)
    before[1:] = last_known[:-1]
    earns = known & (before >= 0)
    rows, columns = np.nonzero(earns)
    gain[rows, columns] = price[rows, columns] / price[before[earns], columns] - 1.0
    final = last_known[-1]  # −1 for an asset without any price
    state[known & (before >= 0) & (before < day - 1)] = REOPENED
    state[~known] = ABSENT
    state[~known & (before >= 0) & (day < final)] = SUSPENDED
    delisted = np.flatnonzero((final >= 0) & (final < days - 1))
    state[final[delisted] + 1, delisted] = DELISTED
    gain[final[delisted] + 1, delisted] = delisting_return
    event = (state == REOPENED) | (state == SUSPENDED) | (state == DELISTED)
    flags = ~known.all(axis=1) + 2 * event.any(axis=1)
    return HoldingReturns(gain, state, flags.astype(np.uint8), delisting_return)
