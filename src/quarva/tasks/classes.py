"""Targets with the classes −1, 0 and 1, computed from the days after a trade.

The classes are ordered, so signals can be scored against them as against numbers.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.strategies import closes, daily_returns
from quarva.tasks.forward import Forward, ForwardReturn, next_days

if TYPE_CHECKING:
    from quarva.panel import Panel

__all__ = ["Direction", "Quintile", "TripleBarrier"]

_DOWN, _FLAT, _UP = -1.0, 0.0, 1.0
_MONTH = 20  # days in the window of the realised volatility
_MIN_ASSETS = 5  # to form quintiles


@dataclass(frozen=True)
class _Scaled(Forward):
    """Base of classes that compare a price move with the realised volatility.

    The unit is √horizon × √ of the mean squared daily return over the 20 days up to the signal. A fixed band
    would class calm periods as flat and volatile ones as never flat.
    """

    width: float = 0.5

    classes = (_DOWN, _FLAT, _UP)
    is_return = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.width < np.inf:
            raise TaskError(f"{self.name}: the width must be a finite number above 0, not {self.width}")

    def _band(self, panel: "Panel") -> NDArray[np.float64]:
        """Half-width of the band by the day of the signal, shape (T − delay − horizon, N)."""
        squares = daily_returns(closes(panel)) ** 2
        out = np.full(squares.shape, np.nan)
        if len(squares) >= _MONTH:
            out[_MONTH - 1 :] = sliding_window_view(squares, _MONTH, axis=0).mean(axis=2)
        return self.width * np.sqrt(self.horizon * out[: len(out) - self.delay - self.horizon])


@dataclass(frozen=True)
class Direction(_Scaled):
    """The direction of the forward return: 1 for up, 0 for flat, −1 for down.

    Parameters
    ----------
    horizon : int, default 1
        Number of days held.
    delay : int, default 1
        Days from the signal to the trade.
    width : float, default 0.5
        A return within ±`width` × √horizon × the realised daily volatility of the last 20 days is flat.
    """

    kind, phrase, noun = "direction", "a direction", "direction"

    def _compute(self, panel: "Panel") -> NDArray[np.floating]:
        band = self._band(panel)
        returns = ForwardReturn(self.horizon, self.delay).values(panel)[: len(band)]
        known = np.where(np.isfinite(band) & np.isfinite(returns), 0.0, np.nan)
        return known + np.where(returns > band, _UP, np.where(returns < -band, _DOWN, _FLAT))


@dataclass(frozen=True)
class TripleBarrier(_Scaled):
    """The first of three barriers that the closes after the trade reach.

    The label is 1 if a close reaches the upper barrier first, −1 if the lower one, and 0 if neither within
    `horizon` days. It is NaN if one of these closes is missing. A constant price does not touch a barrier:
    after 20 days without a price change the barriers have zero width, any move then touches one, and no move
    is labelled 0.

    Parameters
    ----------
    horizon : int, default 1
        Number of days held.
    delay : int, default 1
        Days from the signal to the trade.
    width : float, default 1.0
        Distance of the barriers from the price of the trade, in √horizon × the realised daily volatility of
        the last 20 days.

    References
    ----------
    López de Prado, M. (2018). Advances in Financial Machine Learning, chapter 3. Wiley.
    """

    width: float = 1.0

    kind, phrase, noun = "triple_barrier", "a triple barrier", "triple barrier"

    def _compute(self, panel: "Panel") -> NDArray[np.floating]:
        band = self._band(panel)[:, :, None]
        close = closes(panel).astype(np.float64)
        path = next_days(close, self) / close[self.delay : len(close) - self.horizon, :, None] - 1.0
        # A band of zero width is touched by a move, but not by an unchanged price.
        up, down = (path >= band) & (path > 0.0), (path <= -band) & (path < 0.0)
        touched = np.where(up, _UP, np.where(down, _DOWN, _FLAT))
        first = np.argmax(touched != _FLAT, axis=2)[:, :, None]  # day 0 if none is touched, which is flat
        known = np.where(np.isfinite(band[:, :, 0]) & np.isfinite(path).all(axis=2), 0.0, np.nan)
        return known + np.take_along_axis(touched, first, axis=2)[:, :, 0]


@dataclass(frozen=True)
class Quintile(Forward):
    """The quintile of the forward return: 1 for the highest fifth of the day, −1 for the lowest, otherwise 0.

    Of n returns, the k = ⌊(n − 1) / 5⌋ + 1 highest form the top and the k lowest the bottom, which are those
    at or beyond the 80 % and 20 % quantiles. Equal returns always have the same label: if a tie extends
    across an edge, all tied assets are labelled 0. Top and bottom are treated alike, so negating the returns
    negates the labels. Days with fewer than five returns have no labels. Assets outside the universe are
    ignored.

    Parameters
    ----------
    horizon : int, default 1
        Number of days held.
    delay : int, default 1
        Days from the signal to the trade.
    """

    kind, phrase, noun = "quintile", "a quintile", "return quintile"
    classes = (_DOWN, _FLAT, _UP)
    is_return = True

    def _compute(self, panel: "Panel") -> NDArray[np.floating]:
        if panel.shape[1] < _MIN_ASSETS:
            raise TaskError(
                f"{self.name} needs at least {_MIN_ASSETS} assets, but the panel has {panel.shape[1]}; use "
                "direction or triple_barrier"
            )
        returns = ForwardReturn(self.horizon, self.delay).values(panel)
        if panel.universe is not None:
            returns[~panel.universe] = np.nan
        returns = returns[: len(returns) - self.delay - self.horizon]
        count = np.isfinite(returns).sum(axis=1)
        ascending = np.sort(returns, axis=1)  # NaN last
        fifth = (count - 1) // _MIN_ASSETS + 1

        def ranked(rank: NDArray[np.integer]) -> NDArray[np.float32]:
            """The return of a given rank on each day, shape (T − delay − horizon, 1)."""
            inside = np.clip(rank, 0, returns.shape[1] - 1)
            return np.take_along_axis(ascending, inside[:, None], axis=1)

        # Compare with the first return outside the fifth, so that a tie with it is outside as well.
        top, bottom = returns > ranked(count - 1 - fifth), returns < ranked(fifth)
        labelled = np.isfinite(returns) & (count >= _MIN_ASSETS)[:, None]
        return np.where(labelled, np.where(top, _UP, np.where(bottom, _DOWN, _FLAT)), np.nan)
