"""A function that trades, and the simulation that search, backtest and report share."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.strategies.kernels import simulate_positions, simulate_signals
from quarva.strategies.performance import TRADING_DAYS, Performance
from quarva.strategies.positions import LongShort, Positions, RowRule, as_signal
from quarva.strategies.returns import closes, daily_returns

if TYPE_CHECKING:
    from quarva.panel import Panel

__all__ = ["Simulated", "Strategy", "backtest", "simulate"]


@dataclass(frozen=True)
class Simulated:
    """Many strategies at once, P of them; days as in `Performance`.

    Attributes:
        gross: float64 [P, T], before costs, by the day on which it is earned.
        traded: float64 [P, T], Σ|Δp|, on the same day.
        opinions: int32 [P, T], assets with a signal, by the day of the signal.
    """

    gross: NDArray[np.float64]
    traded: NDArray[np.float64]
    opinions: NDArray[np.int32]

    def net(self, cost_bps: float) -> NDArray[np.float64]:
        """Returns after costs, float64 [P, T]."""
        return self.gross - cost_bps / 1e4 * self.traded


@dataclass(frozen=True)
class Strategy:
    """A function that trades: signal → positions → returns after costs.

    The signal of day t gives the target position p_t. It is traded at the close of day t + delay and earns
    close[t+delay+1] / close[t+delay] − 1 on day t + delay + 1, which also bears the cost of the trade,
    cost_bps/10⁴ × Σ|p_t − p_{t−1}|. Positions are set back to their target at every close; the drift of
    the weights between two closes is ignored, so a constant position trades nothing. A held asset without
    a return that day earns 0 and is counted in `Performance.missing`; what a delisting costs is not guessed.

    Args:
        function: a Formula or Finding (anything with `signal(panel)`), or its signal, an array [T, N].
        positions: the rule from signal to positions.
        delay: days from the signal to the trade, 0 or more.
        cost_bps: basis points paid on all that is traded, each way, 0 or more.
        days_per_year: for annual figures.
    """

    function: Any
    positions: Positions = field(default_factory=LongShort)
    delay: int = 1
    cost_bps: float = 5.0
    days_per_year: float = TRADING_DAYS

    def __post_init__(self) -> None:
        check_terms(self.delay, self.cost_bps)

    def run(self, panel: "Panel") -> Performance:
        """Backtest on a panel with a field `close`.

        Signals outside the panel's universe are taken as NaN.

        Raises:
            TaskError: no field `close`, a price of 0 or less, a signal of another shape than the panel, or
                fewer days than the delay needs.
        """
        signal = self.function.signal(panel) if hasattr(self.function, "signal") else self.function
        rows = as_signal(signal)
        returns = daily_returns(closes(panel))
        if rows.shape != returns.shape:
            raise TaskError(f"the signal is {rows.shape}, the panel {returns.shape} (days × assets)")
        if panel.universe is not None:
            rows = np.where(panel.universe, rows, np.float32(np.nan))
        result = backtest(
            self.positions.positions(rows, returns), returns, panel.dates, self.delay, self.cost_bps
        )
        return replace(result, days_per_year=self.days_per_year)


def check_terms(delay: int, cost_bps: float) -> None:
    """Raise TaskError unless delay and costs are 0 or more."""
    if delay < 0 or delay != int(delay):
        raise TaskError(f"the delay must be 0 or more days, not {delay}: a trade can not precede its signal")
    if not (cost_bps >= 0 and np.isfinite(cost_bps)):
        raise TaskError(f"costs must be 0 or more basis points, not {cost_bps}")


def backtest(
    positions: NDArray[np.float64],
    returns: NDArray[np.float64],
    dates: NDArray[np.datetime64],
    delay: int = 1,
    cost_bps: float = 5.0,
) -> Performance:
    """Walk positions [T, N] through daily returns [T, N]; timing and costs as in `Strategy`.

    Raises:
        TaskError: fewer than delay + 2 days, or a negative delay or cost.
    """
    check_terms(delay, cost_bps)
    days = len(returns)
    if days < delay + 2:
        raise TaskError(f"a delay of {delay} needs at least {delay + 2} days of data; there are {days}")
    gross, traded, missing = np.empty(days), np.empty(days), np.empty(days, np.int32)
    there = ~np.isnan(returns)
    simulate_positions(positions, np.where(there, returns, 0.0), there, delay, gross, traded, missing)
    return Performance(dates, gross, cost_bps / 1e4 * traded, traded / 2.0, missing, delay, cost_bps)


def simulate(
    signals: NDArray[np.float32],
    returns: NDArray[np.float64],
    positions: RowRule,
    delay: int = 1,
    threads: int = 1,
) -> Simulated:
    """The walk of `backtest` for many signals at once, without keeping their positions.

    Args:
        signals: float32 [P, T, N], NaN = no opinion.
        returns: float64 [E, N], daily, NaN = missing (earns 0); where E < T only the first E days are walked.
        positions: a rule that needs only the day's signal.
        delay: days from the signal to the trade.
        threads: formulas are shared among them; the result does not depend on their number.
    """
    count, days = len(signals), len(returns)
    gain = np.nan_to_num(returns)
    result = Simulated(np.empty((count, days)), np.empty((count, days)), np.empty((count, days), np.int32))

    def work(part: slice) -> None:
        simulate_signals(
            positions.rule, positions.parameter, signals[part], gain, delay,
            result.gross[part], result.traded[part], result.opinions[part],
        )  # fmt: skip

    parts = [slice(p, p + 1) for p in range(count)]
    if threads <= 1 or count < 2:
        work(slice(0, count))
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))
    return result
