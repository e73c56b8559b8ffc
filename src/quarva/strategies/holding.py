"""What a position earns while it is held: returns across missing prices, and delistings.

A position can be changed only at a close that exists. While the price is missing the position stays as it is
and earns nothing; on the day the price is back it earns the whole change since the last known price.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.strategies.kernels import ABSENT, DELISTED, REOPENED, SUSPENDED, TRADED

__all__ = ["HoldingReturns", "check_delisting_return", "holding_returns"]


@dataclass(frozen=True, eq=False)
class HoldingReturns:
    """Returns of positions that are held through missing prices, T days × N assets.

    Attributes:
        gain: float64 [T, N], the return of day s of a position held at the close of day s − 1; 0 where the
            price is missing and before the first price, never NaN.
        state: int8 [T, N]: TRADED, a price; REOPENED, a price after at least one missing day; SUSPENDED, no
            price between two known ones; DELISTED, the day after the asset's last price; ABSENT, no price
            before the first one or after the delisting.
        flags: uint8 [T]: bit 0 where some asset has no price, bit 1 where some asset is REOPENED, SUSPENDED
            or DELISTED.
        delisting_return: return earned on a DELISTED day.
    """

    gain: NDArray[np.float64]
    state: NDArray[np.int8]
    flags: NDArray[np.uint8]
    delisting_return: float = 0.0

    @property
    def open(self) -> NDArray[np.bool_]:
        """Where there is a price, so that a position can be changed at the close, bool [T, N]."""
        return self.state <= REOPENED

    @property
    def held(self) -> NDArray[np.bool_]:
        """Where a position of the day before still exists: after the first price, and until the delisting."""
        out = np.zeros(self.state.shape, np.bool_)
        out[1:] = (self.state[1:] != ABSENT) & (self.state[:-1] != ABSENT)
        return out

    def first(self, days: int) -> "HoldingReturns":
        """The same for the first `days` days; what became of an asset after them is still known."""
        return HoldingReturns(self.gain[:days], self.state[:days], self.flags[:days], self.delisting_return)


def check_delisting_return(delisting_return: float) -> None:
    """Raise TaskError unless a delisting return is −1 (everything is lost) or more."""
    if not (delisting_return >= -1 and np.isfinite(delisting_return)):
        raise TaskError(
            f"the delisting return must be -1 (all is lost) or more, not {delisting_return}; -0.3 is -30 %"
        )


def holding_returns(close: NDArray[np.floating], delisting_return: float = 0.0) -> HoldingReturns:
    """Returns of held positions from closes.

    A price on day s earns close[s] / (last known close before s) − 1. An asset whose prices end before the
    last day earns `delisting_return` on the day after its last price and nothing later. Prices do not tell a
    delisting from a suspension that outlasts the data; both count as delistings.

    Parameters
    ----------
    close : array of float, shape (T, N)
        Prices above 0; NaN (or infinite) = no price that day.
    delisting_return : float, default 0.0
        Return on the day after the last price, −1 or more. With 0 the last price is what the holder gets,
        as in a cash merger, the commonest kind of delisting. Where delistings are failures, −0.3 is usual
        for NYSE and AMEX stocks and −0.55 for Nasdaq.

    Returns
    -------
    HoldingReturns

    Raises
    ------
    TaskError
        A delisting return below −1 or not finite.

    References
    ----------
    Shumway 1997, The Delisting Bias in CRSP Data, Journal of Finance 52.
    Shumway and Warther 1999, The Delisting Bias in CRSP's Nasdaq Data, Journal of Finance 54.
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
