"""Strategies and their simulation, which search, backtest and report share."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

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


_NOTHING = 1e-6  # positions of which less than this share is left are all exposure


class Neutraliser(Protocol):
    """A risk model, as far as a strategy needs it."""

    def neutralise(self, panel: "Panel", values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Remove the exposures from positions; see `RiskModel.neutralise`."""
        ...


@dataclass(frozen=True)
class Simulated:
    """Results of P strategies for T days, by day as in `Performance`.

    Attributes
    ----------
    gross : ndarray of float64, shape (P, T)
        Returns before costs.
    traded : ndarray of float64, shape (P, T)
        Traded volume Σ|Δp|, on the same day.
    opinions : ndarray of int32, shape (P, T)
        Number of assets with a signal, by the day of the signal.
    bridged : ndarray of int32, shape (P, T)
        Number of held assets whose price is back on the day.
    delisted : ndarray of int32, shape (P, T)
        Number of held assets whose last price was on the day before.
    """

    gross: NDArray[np.float64]
    traded: NDArray[np.float64]
    opinions: NDArray[np.int32]
    bridged: NDArray[np.int32]
    delisted: NDArray[np.int32]

    def net(self, cost_bps: float) -> NDArray[np.float64]:
        """Returns after costs of `cost_bps` basis points, float64, shape (P, T)."""
        return self.gross - cost_bps / 1e4 * self.traded


@dataclass(frozen=True)
class Strategy:
    """A function that trades: signal → positions → returns after costs.

    Parameters
    ----------
    function : str, Formula, Expression, Finding, object with `signal(panel)`, or array of shape (T, N)
        The signal to trade.
    positions : Positions, default LongShort()
        The rule that turns the signal into positions.
    delay : int, default 1
        Days from the signal to the trade, at least 0.
    cost_bps : float, default 5.0
        Cost in basis points of the traded volume, each way.
    periods_per_year : float, optional
        Number of bars per year. By default it is inferred from the dates of the panel; see `calendar_of`.
    delisting_return : float, default 0.0
        Return on the day after the last price of a held asset, at least −1; −0.3 is −30 %. With 0, the holder
        receives the last price, as in a cash merger.
    risk : RiskModel, optional
        Model whose exposures are removed from the positions of each day, over the assets with a signal. The
        rest is scaled to the sum of absolute positions that the rule gives.

    Raises
    ------
    TaskError
        A parameter is out of range or of the wrong type.
    FormulaError
        The formula cannot be parsed.

    Notes
    -----
    The signal of day t gives the target position p_t. It is traded at the close of day t + delay and earns
    close[t + delay + 1] / close[t + delay] − 1 on day t + delay + 1, which also bears the cost of the trade,
    cost_bps / 10⁴ × Σ|Δp|. Positions are rebalanced to their target at every close. The drift of the weights
    between two closes is ignored, so a constant position causes no trades.

    An asset without a price on day t + delay cannot be traded. Its position is kept at no cost until the next
    close that exists. It earns nothing while the price is missing, and the whole change since the last known
    price on the day the price is back. The order is dropped, not redirected: the other assets keep the
    weights of the rule, so Σ|p| can be below that of the rule (if an asset could not be bought) or above it
    (if one could not be sold). An asset whose prices end before the panel does earns `delisting_return` on
    the day after its last price; its position then ends without a trade. See `holding_returns`. `Performance`
    counts both cases.
    """

    function: Any
    positions: Positions = field(default_factory=LongShort)
    delay: int = 1
    cost_bps: float = 5.0
    periods_per_year: float | None = None
    delisting_return: float = 0.0
    risk: "Neutraliser | None" = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "delay", check_delay_and_cost(self.delay, self.cost_bps))
        check_periods(self.periods_per_year)
        check_delisting_return(self.delisting_return)
        if isinstance(self.function, str | Expression):
            object.__setattr__(self, "function", Formula(self.function))
        elif not hasattr(self.function, "signal") and np.asarray(self.function).dtype.kind not in "fiub":
            raise TaskError(
                "a strategy needs a formula such as 'rank(close)', an object with signal(panel), or an array "
                f"of days × assets, not a {type(self.function).__name__}"
            )

        if self.risk is not None and not hasattr(self.risk, "neutralise"):
            raise TaskError(f"risk must be a RiskModel, not {self.risk!r}")
        if not isinstance(self.positions, Positions):
            raise TaskError(
                f"positions must be a rule such as LongShort(0.2), not a {type(self.positions).__name__}"
            )

    def run(self, panel: "Panel") -> Performance:
        """Backtest on a panel.

        Parameters
        ----------
        panel : Panel
            The data, with a field `close`. Signals outside its universe are ignored.

        Returns
        -------
        Performance

        Raises
        ------
        TaskError
            The panel has no field `close`, a price is not above 0, the signal does not have the shape of the
            panel, or there are fewer days than the delay requires.
        FormulaError
            The formula reads something that the panel lacks.
        PanelError
            The argument is not a Panel.
        """
        check_panel(panel, "a strategy")
        signal = self.function.signal(panel) if hasattr(self.function, "signal") else self.function
        rows = as_signal(signal)
        close = closes(panel)
        if rows.shape != close.shape:
            raise TaskError(
                f"the signal must have the shape of the panel, {close.shape} (days × assets), not "
                f"{rows.shape}"
            )
        if panel.universe is not None:
            rows = np.where(panel.universe, rows, np.float32(np.nan))
        periods = self.periods_per_year or calendar_of(panel.dates).periods_per_year
        rule = self.positions
        if isinstance(rule, VolatilityScaled) and rule.periods_per_year is None:
            rule = replace(rule, periods_per_year=periods)
        positions = rule.positions(rows, daily_returns(close))
        result = backtest(
            positions if self.risk is None else _neutralised(self.risk, panel, rows, positions),
            holding_returns(close, self.delisting_return),
            panel.dates,
            self.delay,
            self.cost_bps,
        )
        return replace(result, periods_per_year=periods)


def _neutralised(
    risk: Neutraliser, panel: "Panel", signal: NDArray[np.floating], positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Positions without exposures, of the same sum of absolute values on each day; 0 without a signal."""
    left = risk.neutralise(panel, np.where(np.isfinite(signal), positions, np.nan))
    left = np.nan_to_num(left.astype(np.float64), nan=0.0)
    before, after = (np.abs(each).sum(axis=1, keepdims=True) for each in (positions, left))
    some = after > _NOTHING * before
    return np.where(some, left * before / np.where(some, after, 1.0), 0.0)


def check_delay_and_cost(delay: int, cost_bps: float) -> int:
    """Return the delay as an integer; raise TaskError unless delay and costs are at least 0."""
    if isinstance(delay, int | float | np.number) and delay < 0:
        raise TaskError(f"the delay must be 0 or more days, not {delay}: a trade cannot precede its signal")
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
    """Simulate given positions; timing, gaps and costs as in `Strategy`.

    Parameters
    ----------
    positions : ndarray of float64, shape (T, N)
        Positions by the day of the signal.
    returns : HoldingReturns
        Returns of the assets.
    dates : ndarray of datetime64, shape (T,)
        The days.
    delay : int, default 1
        Days from the signal to the trade.
    cost_bps : float, default 5.0
        Cost in basis points of the traded volume.

    Returns
    -------
    Performance

    Raises
    ------
    TaskError
        There are fewer than delay + 2 days, or the delay or the cost is negative.
    """
    delay = check_delay_and_cost(delay, cost_bps)
    days = len(returns.gain)
    if days < delay + 2:
        raise TaskError(f"a delay of {delay} needs {delay + 2} days of data, but there are {days}; add days")
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
    """Simulate many strategies at once without storing their positions.

    Parameters
    ----------
    signals : ndarray of float32, shape (P, T, N)
        The signals. NaN means no opinion.
    returns : HoldingReturns
        Returns of the first E ≤ T days, which are simulated.
    positions : RowRule
        The rule that turns signals into positions.
    delay : int, default 1
        Days from the signal to the trade.
    threads : int, default 1
        Number of threads. The result does not depend on it.

    Returns
    -------
    Simulated
        Arrays of shape (P, E).
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
