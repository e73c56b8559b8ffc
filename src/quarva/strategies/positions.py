"""Rules that turn signals into positions.

A position is a share of the capital: 0.01 is 1 % long, −0.01 is 1 % short. NaN in a signal means no opinion
and gives position 0.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarva.errors import TaskError
from quarva.strategies.kernels import LONG_SHORT, RANK_WEIGHTS, SIGN_TIMING, target_positions
from quarva.strategies.performance import PERIODS_PER_YEAR, check_periods

__all__ = ["LongShort", "Positions", "RankWeights", "RowRule", "SignTiming", "VolatilityScaled"]


@runtime_checkable
class Positions(Protocol):
    """Protocol of a rule that turns signals into positions. A user's own rule only needs this method."""

    def positions(self, signal: ArrayLike, returns: ArrayLike | None = None) -> NDArray[np.float64]:
        """Compute positions.

        Parameters
        ----------
        signal : array-like of float, shape (T, N)
            The signal. NaN means no opinion.
        returns : array-like of float, shape (T, N), optional
            Daily returns of the assets, by the day on which they are earned.

        Returns
        -------
        ndarray of float64, shape (T, N)
            Row t may depend on rows up to t of both arguments.
        """


class RowRule:
    """Base class of rules that only use the signal of the day.

    Compiled code identifies the rule by its number, `rule`.
    """

    rule: ClassVar[int]
    parameter: float = 0.0

    def positions(self, signal: ArrayLike, returns: ArrayLike | None = None) -> NDArray[np.float64]:
        """Compute positions.

        Parameters
        ----------
        signal : array-like of float, shape (T, N)
            The signal. NaN means no opinion.
        returns : array-like, optional
            Not used.

        Returns
        -------
        ndarray of float64, shape (T, N)

        Raises
        ------
        TaskError
            The signal does not have one or two axes.
        """
        rows = as_signal(signal)
        out = np.empty(rows.shape)
        target_positions(self.rule, self.parameter, rows, out)
        return out


@dataclass(frozen=True)
class LongShort(RowRule):
    """Long the highest and short the lowest quantile of the day's signals, with equal weights on each side.

    With n signals on a day, k = max(1, ⌊quantile·n⌋) assets have position +0.5/k and k have −0.5/k, so that
    the gross exposure Σ|p| is 1 and the net exposure is 0. Assets tied at the edge share the remaining
    weight, so the result does not depend on the order of the assets. All positions are 0 if all signals are
    equal or fewer than two exist.

    Parameters
    ----------
    quantile : float, default 0.2
        Share of the assets on each side, in (0, 0.5].

    Raises
    ------
    TaskError
        The quantile is out of range.
    """

    quantile: float = 0.2
    rule: ClassVar[int] = LONG_SHORT

    def __post_init__(self) -> None:
        if not 0 < self.quantile <= 0.5:
            raise TaskError(f"the quantile of LongShort must be in (0, 0.5], not {self.quantile}")

    @property
    def parameter(self) -> float:  # type: ignore[override]
        """The parameter of the compiled rule: the quantile."""
        return self.quantile


@dataclass(frozen=True)
class RankWeights(RowRule):
    """Positions proportional to the centred rank of the day's signals.

    p_i = c · (rank_i − (n + 1) / 2), with average ranks for ties and c such that Σ|p| = 1; Σp = 0. All
    positions are 0 if all signals are equal or fewer than two exist.

    References
    ----------
    Asness, C. S., Moskowitz, T. J. and Pedersen, L. H. (2013). Value and momentum everywhere. Journal of
    Finance 68.
    """

    rule: ClassVar[int] = RANK_WEIGHTS


@dataclass(frozen=True)
class SignTiming(RowRule):
    """Each asset is long if its signal is positive, short if negative, and flat if zero.

    p_i = sign(x_i) / n, where n is the number of assets with a signal on the day. A single asset is held with
    the whole capital, several with equal shares (Σ|p| ≤ 1).

    References
    ----------
    Moskowitz, T. J., Ooi, Y. H. and Pedersen, L. H. (2012). Time series momentum. Journal of Financial
    Economics 104.
    """

    rule: ClassVar[int] = SIGN_TIMING


@dataclass(frozen=True)
class VolatilityScaled:
    """Positions of another rule, with each asset scaled to the same expected volatility.

    p_i · min(cap, target / σ_i), where σ_i is the annualised standard deviation (n − 1) of the asset's last
    `window` daily returns, including today's. The position is 0 if the window is incomplete, contains a NaN,
    or has σ_i = 0. Gross and net exposure of the inner rule are not preserved.

    Parameters
    ----------
    inner : Positions
        The rule to scale.
    target : float, default 0.15
        Annual volatility that corresponds to a factor of 1, 0.15 = 15 %.
    window : int, default 60
        Number of days, at least 2.
    cap : float, default 2.0
        Largest factor.
    periods_per_year : float, optional
        Number of bars per year. Defaults to that of the strategy, or to 252 outside a strategy.

    Raises
    ------
    TaskError
        A parameter is out of range.

    References
    ----------
    Moskowitz, T. J., Ooi, Y. H. and Pedersen, L. H. (2012). Time series momentum. Journal of Financial
    Economics 104. They use an exponentially weighted volatility.
    """

    inner: Positions
    target: float = 0.15
    window: int = 60
    cap: float = 2.0
    periods_per_year: float | None = None

    def __post_init__(self) -> None:
        if self.window < 2:
            raise TaskError(f"'window' of VolatilityScaled must be at least 2 days, not {self.window}")
        check_periods(self.periods_per_year)
        for name in ("target", "cap"):
            if not getattr(self, name) > 0:
                raise TaskError(f"'{name}' of VolatilityScaled must be above 0, not {getattr(self, name)}")

    def positions(self, signal: ArrayLike, returns: ArrayLike | None = None) -> NDArray[np.float64]:
        """Compute positions.

        Parameters
        ----------
        signal : array-like of float, shape (T, N)
            The signal. NaN means no opinion.
        returns : array-like of float, shape (T, N)
            Daily returns of the assets.

        Returns
        -------
        ndarray of float64, shape (T, N)

        Raises
        ------
        TaskError
            Returns are missing or do not have the shape of the signal.
        """
        inner = self.inner.positions(signal, returns)
        if returns is None or np.shape(returns) != inner.shape:
            raise TaskError(
                f"VolatilityScaled needs the returns of the assets, with shape {inner.shape} (days × assets)"
            )
        import pandas as pd

        sigma = pd.DataFrame(np.asarray(returns, np.float64)).rolling(self.window).std().to_numpy()
        annual = sigma * np.sqrt(self.periods_per_year or PERIODS_PER_YEAR)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(annual > 0, np.minimum(self.cap, self.target / annual), 0.0)
        return inner * factor


def as_signal(signal: ArrayLike) -> NDArray[np.floating]:
    """Convert a signal to a C-contiguous float array of shape (T, N); a single asset may have shape (T,).

    Raises TaskError for any other number of axes.
    """
    rows = np.asarray(signal)
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    if rows.ndim == 1:
        rows = rows[:, None]
    if rows.ndim != 2:
        raise TaskError(f"a signal must have two axes (days × assets), not {rows.ndim}")
    return np.ascontiguousarray(rows)
