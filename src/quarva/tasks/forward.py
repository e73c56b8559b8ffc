"""Numerical targets computed from the days after a trade."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quarva._runtime.whole import whole
from quarva.errors import TaskError
from quarva.strategies import check_delay_and_cost, closes, daily_returns

if TYPE_CHECKING:
    from quarva.panel import Panel

__all__ = ["Forward", "ForwardRange", "ForwardReturn", "ForwardVolatility", "VolumeSurprise", "next_days"]

_VOLUME_WINDOW = 20  # days of the average volume


@dataclass(frozen=True)
class Forward:
    """Base class of targets over the `horizon` days after the trade at the close of day t + delay.

    Parameters
    ----------
    horizon : int, default 1
        Number of days held, at least 1.
    delay : int, default 1
        Days from the signal to the trade, at least 0. With 1, the trade is at the close of the next day.

    Attributes
    ----------
    kind : str
        Name without the horizon. `name` includes it, as in recipes: `forward_return_5`.
    classes : tuple of float
        Possible values, ascending. Empty if the target can take any value.
    is_return : bool
        Whether the target is a return, or a class of returns, so that a forecast of it can be traded.

    Raises
    ------
    TaskError
        Horizon or delay is not a whole number in its range.
    """

    horizon: int = 1
    delay: int = 1

    kind: ClassVar[str] = ""
    phrase: ClassVar[str] = ""
    noun: ClassVar[str] = ""
    is_return: ClassVar[bool] = False
    min_horizon: ClassVar[int] = 1
    classes: ClassVar[tuple[float, ...]] = ()

    def __post_init__(self) -> None:
        horizon = whole(f"the horizon of {self.phrase}", self.horizon, self.min_horizon, TaskError, "days")
        object.__setattr__(self, "horizon", horizon)
        object.__setattr__(self, "delay", check_delay_and_cost(self.delay, 0.0))

    @property
    def name(self) -> str:
        """Name as in recipes, such as `forward_return_5`."""
        return f"{self.kind}_{self.horizon}"

    @property
    def description(self) -> str:
        """The target in words, such as `5-day forward return`."""
        return f"{self.horizon}-day {self.noun}"

    def values(self, panel: "Panel") -> NDArray[np.float32]:
        """Compute the target.

        Parameters
        ----------
        panel : Panel
            The data.

        Returns
        -------
        ndarray of float32, shape (T, N)
            The target by the day t of the signal. NaN where a value that it needs is missing.

        Raises
        ------
        TaskError
            The panel lacks a required field, a price is not above 0, or the panel is too short.
        """
        days, ahead = panel.shape[0], self.delay + self.horizon
        if days <= ahead:
            raise TaskError(
                f"{self.name} with delay {self.delay} looks {ahead} days ahead; the panel has only {days}"
            )
        out = np.full(panel.shape, np.nan, np.float32)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            out[: days - ahead] = self._compute(panel)
        out[~np.isfinite(out)] = np.nan
        return out

    def _compute(self, panel: "Panel") -> NDArray[np.floating]:
        """The target of days 0 to T − delay − horizon − 1, shape (T − delay − horizon, N)."""
        raise NotImplementedError


def next_days(values: NDArray[np.floating], target: Forward) -> NDArray[np.floating]:
    """Values of the days after the trade.

    Parameters
    ----------
    values : ndarray of float, shape (T, N)
        Values by day.
    target : Forward
        Target that defines delay and horizon.

    Returns
    -------
    ndarray of float, shape (T − delay − horizon, N, horizon)
        A view: for each day t, the values of days t + delay + 1 to t + delay + horizon.
    """
    return sliding_window_view(values[target.delay + 1 :], target.horizon, axis=0)


class ForwardReturn(Forward):
    """The return over the `horizon` days after the trade: close[t+delay+horizon] / close[t+delay] − 1.

    Parameters
    ----------
    horizon : int, default 1
        Number of days held, at least 1.
    delay : int, default 1
        Days from the signal to the trade, at least 0.
    """

    kind, phrase, noun = "forward_return", "a forward return", "forward return"
    is_return = True

    def _compute(self, panel: "Panel") -> NDArray[np.floating]:
        close = closes(panel).astype(np.float64)
        return close[self.delay + self.horizon :] / close[self.delay : len(close) - self.horizon] - 1.0


class ForwardVolatility(Forward):
    """Realised daily volatility: √ of the mean squared return over the `horizon` days after the trade.

    It is not annualised, and the mean is not subtracted, because a few days do not determine it.

    Parameters
    ----------
    horizon : int, default 1
        Number of days, at least 2.
    delay : int, default 1
        Days from the signal to the trade, at least 0.

    References
    ----------
    Andersen, T. G., Bollerslev, T., Diebold, F. X. and Labys, P. (2003). Modeling and forecasting realized
    volatility. Econometrica 71.
    """

    kind, phrase, noun, min_horizon = "forward_volatility", "a forward volatility", "volatility", 2

    def _compute(self, panel: "Panel") -> NDArray[np.floating]:
        returns = daily_returns(closes(panel))
        return np.sqrt(np.mean(next_days(returns, self) ** 2, axis=2))


class ForwardRange(Forward):
    """log(highest high / lowest low) over the `horizon` days after the trade.

    Parameters
    ----------
    horizon : int, default 1
        Number of days, at least 1.
    delay : int, default 1
        Days from the signal to the trade, at least 0.

    References
    ----------
    Parkinson, M. (1980). The extreme value method for estimating the variance of the rate of return. Journal
    of Business 53.
    """

    kind, phrase, noun = "forward_range", "a forward range", "range"

    def _compute(self, panel: "Panel") -> NDArray[np.floating]:
        high, low = (_field(panel, name, self).astype(np.float64) for name in ("high", "low"))
        return np.log(next_days(high, self).max(axis=2) / next_days(low, self).min(axis=2))


class VolumeSurprise(Forward):
    """log(mean volume over the `horizon` days after the trade / mean volume over the 20 days up to t).

    Parameters
    ----------
    horizon : int, default 1
        Number of days, at least 1.
    delay : int, default 1
        Days from the signal to the trade, at least 0.
    """

    kind, phrase, noun = "volume_surprise", "a volume surprise", "volume surprise"

    def _compute(self, panel: "Panel") -> NDArray[np.floating]:
        volume = _field(panel, "volume", self).astype(np.float64)
        average = np.full(volume.shape, np.nan)
        if len(volume) >= _VOLUME_WINDOW:
            average[_VOLUME_WINDOW - 1 :] = sliding_window_view(volume, _VOLUME_WINDOW, axis=0).mean(axis=2)
        following = next_days(volume, self).mean(axis=2)
        return np.log(following / average[: len(following)])


def _field(panel: "Panel", name: str, target: Forward) -> NDArray[np.float32]:
    if name not in panel.fields:
        raise TaskError(f"{target.name} needs a field '{name}'; the panel has {', '.join(panel.fields)}")
    return panel.field(name)
