"""Targets that lie in the days after a trade, and are one of a few classes: −1, 0 or 1.

The classes are in order, so that a formula's signal can be held against them as against any number.
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
_MONTH = 20  # days that a day's usual return is told by
_LEAST = 5  # assets that fifths can be made of


@dataclass(frozen=True)
class _Scaled(Forward):
    """A class by how far the price goes, in units of how far it usually goes in as many days.

    Usual is √horizon × √ of the mean squared daily return of the 20 days up to the signal: a fixed band would
    call calm years flat and stormy ones never.
    """

    width: float = 0.5

    classes = (_DOWN, _FLAT, _UP)
    is_return = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.width < np.inf:
            raise TaskError(f"{self.name}: the width must be a number above 0, not {self.width}")

    def _usual(self, panel: "Panel") -> NDArray[np.float64]:
        """[T − ahead, N], by the day of the signal."""
        squares = daily_returns(closes(panel)) ** 2
        out = np.full(squares.shape, np.nan)
        if len(squares) >= _MONTH:
            out[_MONTH - 1 :] = sliding_window_view(squares, _MONTH, axis=0).mean(axis=2)
        return self.width * np.sqrt(self.horizon * out[: len(out) - self.delay - self.horizon])


@dataclass(frozen=True)
class Direction(_Scaled):
    """Up (1), flat (0) or down (−1): the forward return against a band of `width` usual moves around 0."""

    kind, phrase, noun = "direction", "a direction", "direction"

    def _of(self, panel: "Panel") -> NDArray[np.floating]:
        band = self._usual(panel)
        back = ForwardReturn(self.horizon, self.delay).values(panel)[: len(band)]
        there = np.where(np.isfinite(band) & np.isfinite(back), 0.0, np.nan)
        return there + np.where(back > band, _UP, np.where(back < -band, _DOWN, _FLAT))


@dataclass(frozen=True)
class TripleBarrier(_Scaled):
    """Which of three barriers is met first after the trade (López de Prado 2018, chapter 3).

    1 for a close `width` usual moves above that of the trade, −1 for one as far below, and 0 where `horizon`
    days pass first. A price that does not move touches no barrier and is labelled 0; this decides where the
    price stood still for 20 days and the barriers have no width: any move then touches one, no move does not.
    NaN where a close of these days is missing.
    """

    width: float = 1.0

    kind, phrase, noun = "triple_barrier", "a triple barrier", "triple barrier"

    def _of(self, panel: "Panel") -> NDArray[np.floating]:
        band = self._usual(panel)[:, :, None]
        close = closes(panel).astype(np.float64)
        path = next_days(close, self) / close[self.delay : len(close) - self.horizon, :, None] - 1.0
        # A band of zero width is touched by a move, not by a price that stays where it was.
        up, down = (path >= band) & (path > 0.0), (path <= -band) & (path < 0.0)
        met = np.where(up, _UP, np.where(down, _DOWN, _FLAT))
        first = np.argmax(met != _FLAT, axis=2)[:, :, None]  # day 0 where none is met, which is flat
        there = np.where(np.isfinite(band[:, :, 0]) & np.isfinite(path).all(axis=2), 0.0, np.nan)
        return there + np.take_along_axis(met, first, axis=2)[:, :, 0]


@dataclass(frozen=True)
class Quintile(Forward):
    """1 for the highest fifth of the day's forward returns, −1 for the lowest, 0 for the rest.

    Of n returns, the k = ⌊(n − 1) / 5⌋ + 1 highest are the top and the k lowest the bottom, which are those
    at or beyond the 80 % and 20 % quantiles. Equal returns always get the same label: where a tie crosses an
    edge, so that only some of the tied assets would fit into the fifth, all of them are labelled 0. Top and
    bottom are treated alike, so negating the returns negates the labels. Days with fewer than five returns
    have none. Assets outside the universe count for no fifth.
    """

    kind, phrase, noun = "quintile", "a quintile", "return quintile"
    classes = (_DOWN, _FLAT, _UP)
    is_return = True

    def _of(self, panel: "Panel") -> NDArray[np.floating]:
        if panel.shape[1] < _LEAST:
            raise TaskError(f"{self.name}: fifths need {_LEAST} assets, and the panel has {panel.shape[1]}")
        back = ForwardReturn(self.horizon, self.delay).values(panel)
        if panel.universe is not None:
            back[~panel.universe] = np.nan
        back = back[: len(back) - self.delay - self.horizon]
        count = np.isfinite(back).sum(axis=1)
        ascending = np.sort(back, axis=1)  # NaN last
        fifth = (count - 1) // _LEAST + 1

        def ranked(place: NDArray[np.integer]) -> NDArray[np.float32]:
            """The return at a place of the day's order, [T − ahead, 1]."""
            inside = np.clip(place, 0, back.shape[1] - 1)
            return np.take_along_axis(ascending, inside[:, None], axis=1)

        # Beyond the first return that is outside the fifth: a tie with it is outside as well.
        top, bottom = back > ranked(count - 1 - fifth), back < ranked(fifth)
        labelled = np.isfinite(back) & (count >= _LEAST)[:, None]
        return np.where(labelled, np.where(top, _UP, np.where(bottom, _DOWN, _FLAT)), np.nan)
