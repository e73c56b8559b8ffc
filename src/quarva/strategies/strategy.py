"""A function that trades, and the simulation that search, backtest and report share."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.whole import whole
from quarva.engine import Formula
from quarva.errors import TaskError
from quarva.karva.expression import Expression
from quarva.panel import calendar_of, check_panel
from quarva.strategies.holding import HoldingReturns, check_delisting_return, holding_returns
from quarva.strategies.kernels import simulate_positions, simulate_signals
from quarva.strategies.performance import PERIODS_PER_YEAR, Performance, check_periods
from quarva.strategies.positions import LongShort, Positions, RowRule, VolatilityScaled, as_signal
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
        bridged: int32 [P, T], held assets whose price came back that day.
        delisted: int32 [P, T], held assets whose last price was that of the day before.
    """

    gross: NDArray[np.float64]
    traded: NDArray[np.float64]
    opinions: NDArray[np.int32]
    bridged: NDArray[np.int32]
    delisted: NDArray[np.int32]

    def net(self, cost_bps: float) -> NDArray[np.float64]:
        """Returns after costs, float64 [P, T]."""
        return self.gross - cost_bps / 1e4 * self.traded


@dataclass(frozen=True)
class Strategy:
    """A function that trades: signal → positions → returns after costs.

    The signal of day t gives the target position p_t. It is traded at the close of day t + delay and earns
    close[t+delay+1] / close[t+delay] − 1 on day t + delay + 1, which also bears the cost of the trade,
    cost_bps/10⁴ × Σ|Δp|. Positions are set back to their target at every close; the drift of the weights
    between two closes is ignored, so a constant position trades nothing.

    An asset without a price on day t + delay cannot be traded then: its position stays what it was, at no
    cost, until the first close that exists. It earns nothing while the price is missing, and on the day the
    price is back the whole change since the last known price. The order of that asset is dropped, not
    redirected: the other assets keep the weights that the rule gave them, so that Σ|p| can be below the
    rule's (an asset could not be bought) or above it (one could not be sold). An asset whose prices end
    before the panel does earns `delisting_return` on the day after its last price; its position then ends
    without a trade. See `holding_returns`. `Performance` counts both.

    Args:
        function: a formula (text, Formula, Expression, Finding), anything else with `signal(panel)`, or a
            signal, an array [T, N].
        positions: the rule from signal to positions.
        delay: days from the signal to the trade, 0 or more.
        cost_bps: basis points paid on all that is traded, each way, 0 or more.
        periods_per_year: bars a year, for annual figures; None infers it from the panel's dates, see
            `calendar_of`.
        delisting_return: return on the day after the last price of a held asset, −1 or more; −0.3 is −30 %.
            The default of 0 pays out the last price, as a cash merger does.
    """

    function: Any
    positions: Positions = field(default_factory=LongShort)
    delay: int = 1
    cost_bps: float = 5.0
    periods_per_year: float | None = None
    delisting_return: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "delay", check_terms(self.delay, self.cost_bps))
        check_periods(self.periods_per_year)
        check_delisting_return(self.delisting_return)
        if isinstance(self.function, str | Expression):
            object.__setattr__(self, "function", Formula(self.function))
        elif not hasattr(self.function, "signal") and np.asarray(self.function).dtype.kind not in "fiub":
            raise TaskError(
                "a strategy trades a formula such as 'rank(close)', an object with signal(panel), or an "
                f"array of days × assets, not a {type(self.function).__name__}"
            )

        if not isinstance(self.positions, Positions):
            raise TaskError(
                f"positions are a rule such as LongShort(0.2), not a {type(self.positions).__name__}"
            )

    def run(self, panel: "Panel") -> Performance:
        """Backtest on a panel with a field `close`.

        Signals outside the panel's universe are taken as NaN.

        Raises:
            TaskError: no field `close`, a price of 0 or less, a signal of another shape than the panel, or
                fewer days than the delay needs.
        """
        check_panel(panel, "a strategy")
        signal = self.function.signal(panel) if hasattr(self.function, "signal") else self.function
        rows = as_signal(signal)
        close = closes(panel)
        if rows.shape != close.shape:
            raise TaskError(f"the signal is {rows.shape}, the panel {close.shape} (days × assets)")
        if panel.universe is not None:
            rows = np.where(panel.universe, rows, np.float32(np.nan))
        periods = self.periods_per_year or calendar_of(panel.dates).periods_per_year
        rule = self.positions
        if isinstance(rule, VolatilityScaled) and rule.periods_per_year is None:
            rule = replace(rule, periods_per_year=periods)
        result = backtest(
            rule.positions(rows, daily_returns(close)),
            holding_returns(close, self.delisting_return),
            panel.dates,
            self.delay,
            self.cost_bps,
        )
        return replace(result, periods_per_year=periods)


def check_terms(delay: int, cost_bps: float) -> int:
    """The delay as an integer. Raises TaskError unless it is whole, and both are 0 or more."""
    if isinstance(delay, int | float | np.number) and delay < 0:
        raise TaskError(f"the delay must be 0 or more days, not {delay}: a trade can not precede its signal")
    days = whole("the delay", delay, 0, TaskError, "days")
    if not (cost_bps >= 0 and np.isfinite(cost_bps)):
        raise TaskError(f"costs must be 0 or more basis points, not {cost_bps}")
    return days


def backtest(
    positions: NDArray[np.float64],
    returns: HoldingReturns,
    dates: NDArray[np.datetime64],
    delay: int = 1,
    cost_bps: float = 5.0,
) -> Performance:
    """Walk positions [T, N] through the returns of T days; timing, gaps and costs as in `Strategy`.

    Raises:
        TaskError: fewer than delay + 2 days, or a negative delay or cost.
    """
    delay = check_terms(delay, cost_bps)
    days = len(returns.gain)
    if days < delay + 2:
        raise TaskError(f"a delay of {delay} needs at least {delay + 2} days of data; there are {days}")
    gross, traded = np.empty(days), np.empty(days)
    missing, bridged, delisted = (np.empty(days, np.int32) for _ in range(3))
    simulate_positions(
        positions, returns.gain, returns.state, returns.flags, delay,
        gross, traded, missing, bridged, delisted,
    )  # fmt: skip
    return Performance(
        dates, gross, cost_bps / 1e4 * traded, traded / 2.0, missing, bridged, delisted, delay, cost_bps,
        PERIODS_PER_YEAR, returns.delisting_return,
    )  # fmt: skip


def simulate(
    signals: NDArray[np.float32],
    returns: HoldingReturns,
    positions: RowRule,
    delay: int = 1,
    threads: int = 1,
) -> Simulated:
    """The walk of `backtest` for many signals at once, without keeping their positions.

    Args:
        signals: float32 [P, T, N], NaN = no opinion.
        returns: of E days; where E < T only the first E days are walked.
        positions: a rule that needs only the day's signal.
        delay: days from the signal to the trade.
        threads: formulas are shared among them; the result does not depend on their number.
    """
    count, days = len(signals), len(returns.gain)
    opinions, bridged, delisted = (np.empty((count, days), np.int32) for _ in range(3))
    result = Simulated(np.empty((count, days)), np.empty((count, days)), opinions, bridged, delisted)

    def work(part: slice) -> None:
        simulate_signals(
            positions.rule, positions.parameter, signals[part], returns.gain, returns.state, returns.flags,
            delay, result.gross[part], result.traded[part], opinions[part], bridged[part], delisted[part],
        )  # fmt: skip

    parts = [slice(p, p + 1) for p in range(count)]
    if threads <= 1 or count < 2:
        work(slice(0, count))
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))
    return result
