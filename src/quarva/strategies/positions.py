"""Positions from signals: what share of the capital each asset gets.

A position is a share of the capital (0.01 = one per cent long, −0.01 = one per cent short). NaN in the
signal means 'no opinion' and gives a zero position.
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
    """Anything that turns signals into positions; a user's own rule needs this one method."""

    def positions(self, signal: ArrayLike, returns: ArrayLike | None = None) -> NDArray[np.float64]:
        """Positions float64 [T, N] of a signal [T, N].

        `returns` [T, N] are the assets' daily returns, by the day on which they are earned; row t of the
        result may read rows ≤ t of both.
        """


class RowRule:
    """A rule that needs nothing but the signal of the day; the compiled search loop knows these by number."""

    rule: ClassVar[int]
    parameter: float = 0.0

    def positions(self, signal: ArrayLike, returns: ArrayLike | None = None) -> NDArray[np.float64]:
        """Positions float64 [T, N] of a signal [T, N]; `returns` are not used.

        Raises:
            TaskError: the signal is not a table of days × assets.
        """
        rows = as_signal(signal)
        out = np.empty(rows.shape)
        target_positions(self.rule, self.parameter, rows, out)
        return out


@dataclass(frozen=True)
class LongShort(RowRule):
    """Long the highest, short the lowest `quantile` of the day's signals, equal weights within each side.

    With n signals on a day, k = max(1, ⌊quantile·n⌋) assets get +0.5/k and k get −0.5/k: gross exposure
    Σ|p| = 1, net exposure 0. Assets that tie at the edge share the places left there, so the order of the
    assets plays no part; where all signals are equal, or fewer than two exist, all positions are 0.

    Args:
        quantile: share of the assets on each side, in (0, 0.5].
    """

    quantile: float = 0.2
    rule: ClassVar[int] = LONG_SHORT

    def __post_init__(self) -> None:
        if not 0 < self.quantile <= 0.5:
            raise TaskError(f"the quantile of a long-short must lie in (0, 0.5], not {self.quantile}")

    @property
    def parameter(self) -> float:  # type: ignore[override]
        return self.quantile


@dataclass(frozen=True)
class RankWeights(RowRule):
    """Positions in proportion to the centred rank of the day's signals, Σ|p| = 1, Σp = 0.

    p_i = c·(rank_i − (n+1)/2), ties at their average rank, c such that Σ|p| = 1; 0 where all signals are
    equal or fewer than two exist. Source: Asness, Moskowitz and Pedersen 2013, Value and Momentum Everywhere.
    """

    rule: ClassVar[int] = RANK_WEIGHTS


@dataclass(frozen=True)
class SignTiming(RowRule):
    """Each asset long where its signal is positive, short where it is negative, flat where it is 0.

    p_i = sign(x_i)/n, n the assets that have a signal that day: one asset is held with its whole capital,
    several with equal shares (Σ|p| ≤ 1). Source: Moskowitz, Ooi and Pedersen 2012, Time Series Momentum.
    """

    rule: ClassVar[int] = SIGN_TIMING


@dataclass(frozen=True)
class VolatilityScaled:
    """Another rule's positions, each asset scaled to the same expected volatility.

    p_i · min(`cap`, `target` / σ_i), σ_i = standard deviation (n − 1) of the asset's last `window` daily
    returns, today's among them, times √`periods_per_year`. 0 where the window is not full, holds a NaN, or
    has σ_i = 0. The sums of the inner rule (gross 1, net 0) no longer hold. Source: Moskowitz, Ooi and
    Pedersen 2012, with a plain window in place of their exponential one.

    Args:
        inner: the rule to scale.
        target: annual volatility that an unscaled position of 1 should have, 0.15 = 15 %.
        window: days, at least 2.
        cap: largest factor.
        periods_per_year: bars a year; None takes that of the strategy, or 252 outside of one.
    """

    inner: Positions
    target: float = 0.15
    window: int = 60
    cap: float = 2.0
    periods_per_year: float | None = None

    def __post_init__(self) -> None:
        if self.window < 2:
            raise TaskError(f"the window of a volatility must be at least 2 days, not {self.window}")
        check_periods(self.periods_per_year)
        for name in ("target", "cap"):
            if not getattr(self, name) > 0:
                raise TaskError(f"'{name}' of VolatilityScaled must be above 0, not {getattr(self, name)}")

    def positions(self, signal: ArrayLike, returns: ArrayLike | None = None) -> NDArray[np.float64]:
        """Positions float64 [T, N] of a signal and the assets' daily returns, both [T, N].

        Raises:
            TaskError: no returns given, or not of the signal's shape.
        """
        inner = self.inner.positions(signal, returns)
        if returns is None or np.shape(returns) != inner.shape:
            raise TaskError(
                f"VolatilityScaled needs the assets' returns, {inner.shape[0]} days × {inner.shape[1]}"
            )
        import pandas as pd

        sigma = pd.DataFrame(np.asarray(returns, np.float64)).rolling(self.window).std().to_numpy()
        annual = sigma * np.sqrt(self.periods_per_year or PERIODS_PER_YEAR)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(annual > 0, np.minimum(self.cap, self.target / annual), 0.0)
        return inner * factor


def as_signal(signal: ArrayLike) -> NDArray[np.floating]:
    """A signal as C-contiguous float array [T, N]; one asset may be given as [T]."""
    rows = np.asarray(signal)
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    if rows.ndim == 1:
        rows = rows[:, None]
    if rows.ndim != 2:
        raise TaskError(f"a signal must be days × assets, not an array of {rows.ndim} axes")
    return np.ascontiguousarray(rows)
