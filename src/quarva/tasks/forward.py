"""Targets that lie in the days after a trade, and are numbers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quarva._runtime.whole import whole
from quarva.errors import TaskError
from quarva.strategies import check_terms, closes, daily_returns

if TYPE_CHECKING:
    from quarva.panel import Panel

__all__ = ["Forward", "ForwardRange", "ForwardReturn", "ForwardVolatility", "VolumeSurprise", "next_days"]

_USUAL = 20  # days that say what volume is usual


@dataclass(frozen=True)
class Forward:
    """What happens in the `horizon` days after the trade, which is made at the close of day t + delay.

    Args:
        horizon: days held, 1 or more.
        delay: days from the signal to the trade, 0 or more; 1 trades at the next day's close.

    Attributes:
        kind: the name without the days; `name` is with them, as recipes write it: `forward_return_5`.
        classes: the values that there are, ascending, or none where the target is a number of any size.
        is_return: whether the target is a return, or a class of one, so that a forecast of it can be traded.
        words: the target as a sentence names it: `5-day forward return`.
    """

    horizon: int = 1
    delay: int = 1

    kind: ClassVar[str] = ""
    phrase: ClassVar[str] = ""
    noun: ClassVar[str] = ""
    is_return: ClassVar[bool] = False
    least: ClassVar[int] = 1
    classes: ClassVar[tuple[float, ...]] = ()

    def __post_init__(self) -> None:
        horizon = whole(f"the horizon of {self.phrase}", self.horizon, self.least, TaskError, "days")
        object.__setattr__(self, "horizon", horizon)
        object.__setattr__(self, "delay", check_terms(self.delay, 0.0))

    @property
    def name(self) -> str:
        """As recipes write it: `forward_return_5`."""
        return f"{self.kind}_{self.horizon}"

    @property
    def words(self) -> str:
        """As a sentence names it: `5-day forward return`."""
        return f"{self.horizon}-day {self.noun}"

    def values(self, panel: "Panel") -> NDArray[np.float32]:
        """The target by the day t of the signal, float32 [T, N]; NaN where something it needs is missing.

        Raises:
            TaskError: the panel lacks a field that it needs, a price of 0 or less, or no day with a target.
        """
        days, ahead = panel.shape[0], self.delay + self.horizon
        if days <= ahead:
            raise TaskError(
                f"{self.name} with delay {self.delay} looks {ahead} days ahead; the panel has only {days}"
            )
        out = np.full(panel.shape, np.nan, np.float32)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            out[: days - ahead] = self._of(panel)
        out[~np.isfinite(out)] = np.nan
        return out

    def _of(self, panel: "Panel") -> NDArray[np.floating]:
        """The target of days 0 … T − ahead − 1, [T − ahead, N]."""
        raise NotImplementedError


def next_days(values: NDArray[np.floating], target: Forward) -> NDArray[np.floating]:
    """Values of the days t + delay + 1 … t + ahead for each day t, a view [T − ahead, N, horizon]."""
    return sliding_window_view(values[target.delay + 1 :], target.horizon, axis=0)


class ForwardReturn(Forward):
    """The return of the `horizon` days after the trade: close[t+delay+horizon] / close[t+delay] − 1."""

    kind, phrase, noun = "forward_return", "a forward return", "forward return"
    is_return = True

    def _of(self, panel: "Panel") -> NDArray[np.floating]:
        close = closes(panel).astype(np.float64)
        return close[self.delay + self.horizon :] / close[self.delay : len(close) - self.horizon] - 1.0


class ForwardVolatility(Forward):
    """Realised volatility: √ of the mean squared daily return of the `horizon` days after the trade.

    A day's, not a year's, and around 0, not around the mean, which a few days do not tell (Andersen,
    Bollerslev, Diebold and Labys 2003).
    """

    kind, phrase, noun, least = "forward_volatility", "a forward volatility", "volatility", 2

    def _of(self, panel: "Panel") -> NDArray[np.floating]:
        returns = daily_returns(closes(panel))
        return np.sqrt(np.mean(next_days(returns, self) ** 2, axis=2))


class ForwardRange(Forward):
    """log(highest high / lowest low) of the `horizon` days after the trade (Parkinson 1980)."""

    kind, phrase, noun = "forward_range", "a forward range", "range"

    def _of(self, panel: "Panel") -> NDArray[np.floating]:
        high, low = (_field(panel, name, self).astype(np.float64) for name in ("high", "low"))
        return np.log(next_days(high, self).max(axis=2) / next_days(low, self).min(axis=2))


class VolumeSurprise(Forward):
    """log(mean volume of the `horizon` days after the trade / mean volume of the 20 days up to day t)."""

    kind, phrase, noun = "volume_surprise", "a volume surprise", "volume surprise"

    def _of(self, panel: "Panel") -> NDArray[np.floating]:
        volume = _field(panel, "volume", self).astype(np.float64)
        usual = np.full(volume.shape, np.nan)
        if len(volume) >= _USUAL:
            usual[_USUAL - 1 :] = sliding_window_view(volume, _USUAL, axis=0).mean(axis=2)
        coming = next_days(volume, self).mean(axis=2)
        return np.log(coming / usual[: len(coming)])


def _field(panel: "Panel", name: str, target: Forward) -> NDArray[np.float32]:
    if name not in panel.fields:
        raise TaskError(f"{target.name} needs a field '{name}'; the panel has {', '.join(panel.fields)}")
    return panel.field(name)
