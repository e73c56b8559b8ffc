"""What a strategy earned, and the figures drawn from it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarva._runtime.extras import import_extra
from quarva.errors import TaskError
from quarva.panel import SESSIONS_PER_YEAR

__all__ = ["PERIODS_PER_YEAR", "Performance", "check_periods", "sharpe_ratio"]

PERIODS_PER_YEAR = SESSIONS_PER_YEAR
"""Bars a year where nothing is known of the dates: those of daily bars."""


def check_periods(periods_per_year: float | None) -> None:
    """Raise TaskError unless the number of bars a year is above 0 and finite, or None."""
    if periods_per_year is not None and not 0 < periods_per_year < np.inf:
        raise TaskError(
            f"periods_per_year must be above 0, not {periods_per_year}; 252 for daily bars, 12 for monthly"
        )


def sharpe_ratio(returns: ArrayLike, periods_per_year: float = PERIODS_PER_YEAR) -> NDArray[np.float64]:
    """Annualised Sharpe ratio along the last axis: mean / standard deviation (n − 1) × √periods_per_year.

    No risk-free rate is taken off. NaN days are left out; NaN where fewer than two days remain or where
    all are equal. Source: Sharpe 1994, The Sharpe Ratio.
    """
    # Rows in one piece: a sum depends on the layout, and a figure must not depend on its neighbours.
    r = np.ascontiguousarray(returns, np.float64)
    there = ~np.isnan(r)
    n = there.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(there, r, 0.0).sum(axis=-1) / n
        variance = np.where(there, (r - mean[..., None]) ** 2, 0.0).sum(axis=-1) / (n - 1)
        # Equal returns have a variance of rounding errors, not 0: below 1e-12 of the mean it is one.
        spread = np.sqrt(variance)
        ratio = np.where((n > 1) & (spread > 1e-12 * np.abs(mean)), mean / spread, np.nan)
    return ratio * np.sqrt(periods_per_year)


@dataclass(frozen=True, eq=False)
class Performance:
    """Daily results of a strategy, T days, indexed by the day on which they are earned.

    Days before the first position is held are NaN and enter no figure; a day on which nothing is held
    after that counts as a return of 0.

    Attributes:
        dates: datetime64 [T].
        gross: float64 [T], Σ p·r before costs, a share of the capital.
        costs: float64 [T], cost_bps/10⁴ × Σ|Δp|, charged on the day after the trade.
        turnover: float64 [T], Σ|Δp|/2, the share of the capital that is replaced (one-way; Boyd et al.
            2017, Multi-Period Trading via Convex Optimization). Costs are paid on both ways.
        missing: int32 [T], held assets without a price that day; each earned 0 and is still held.
        bridged: int32 [T], held assets whose price came back that day; each earned the return since its last
            known price.
        delisted: int32 [T], held assets whose last price was that of the day before; each earned
            `delisting_return`.
        delay: days from the signal to the trade.
        cost_bps: cost of trading, basis points of what is traded.
        periods_per_year: bars a year, for annual figures.
        delisting_return: as in `Strategy`.
    """

    dates: NDArray[np.datetime64]
    gross: NDArray[np.float64]
    costs: NDArray[np.float64]
    turnover: NDArray[np.float64]
    missing: NDArray[np.int32]
    bridged: NDArray[np.int32]
    delisted: NDArray[np.int32]
    delay: int = 1
    cost_bps: float = 0.0
    periods_per_year: float = PERIODS_PER_YEAR
    delisting_return: float = 0.0

    @property
    def returns(self) -> NDArray[np.float64]:
        """Returns after costs, float64 [T]."""
        return self.gross - self.costs

    @property
    def days(self) -> int:
        """Days since the first position."""
        return int(np.count_nonzero(~np.isnan(self.gross)))

    @property
    def equity(self) -> NDArray[np.float64]:
        """Π(1 + r), float64 [T]: one unit of capital, gains reinvested; 1 before the first position.

        Stays 0 once a day loses everything.
        """
        growth = np.maximum(1.0 + np.nan_to_num(self.returns), 0.0)
        return growth.cumprod()

    @property
    def drawdown(self) -> NDArray[np.float64]:
        """equity / highest equity so far − 1, float64 [T], 0 or less; the start counts as a height."""
        equity = self.equity
        return equity / np.maximum(np.maximum.accumulate(equity), 1.0) - 1.0

    @property
    def max_drawdown(self) -> float:
        """The deepest drawdown, 0 or less: −0.25 is a quarter lost from a height."""
        return float(self.drawdown.min()) if self.days else float("nan")

    @property
    def sharpe(self) -> float:
        """Annualised Sharpe ratio after costs, see `sharpe_ratio`."""
        return float(sharpe_ratio(self.returns, self.periods_per_year))

    @property
    def annual_return(self) -> float:
        """Compound growth a year after costs, 0.1 = 10 %."""
        if not self.days:
            return float("nan")
        return float(self.equity[-1] ** (self.periods_per_year / self.days) - 1.0)

    @property
    def annual_volatility(self) -> float:
        """Standard deviation (n − 1) of the daily returns after costs × √periods_per_year."""
        r = self.returns[~np.isnan(self.returns)]
        return float(r.std(ddof=1) * np.sqrt(self.periods_per_year)) if r.size > 1 else float("nan")

    @property
    def mean_turnover(self) -> float:
        """Mean turnover a day, 0.1 = a tenth of the capital replaced every day."""
        return float(np.nanmean(self.turnover)) if self.days else float("nan")

    def part(self, days: ArrayLike) -> "Performance":
        """The same strategy on the chosen days only, bool mask [T] or slice; equity begins at 1 again."""
        index: Any = days if isinstance(days, slice) else np.asarray(days)
        names = ("dates", "gross", "costs", "turnover", "missing", "bridged", "delisted")
        return replace(self, **{name: getattr(self, name)[index] for name in names})

    def summary(self) -> dict[str, float]:
        """The figures by name; `missing`, `bridged` and `delisted` are totals over the days."""
        names = ("sharpe", "annual_return", "annual_volatility", "max_drawdown", "mean_turnover", "days")
        counts = ("missing", "bridged", "delisted")
        figures = {name: getattr(self, name) for name in names}
        return figures | {name: int(getattr(self, name).sum()) for name in counts}

    def to_frame(self) -> Any:
        """pandas DataFrame by date.

        Columns: returns, gross, costs, turnover, missing, bridged, delisted, equity, drawdown.
        """
        import pandas as pd

        names = (
            "returns", "gross", "costs", "turnover", "missing", "bridged", "delisted", "equity", "drawdown",
        )  # fmt: skip
        index = pd.DatetimeIndex(self.dates, name="date")
        return pd.DataFrame({name: getattr(self, name) for name in names}, index=index)

    def plot(self) -> Any:
        """plotly Figure: equity after costs, drawdown below it.

        Raises:
            TaskError: no position was ever held. RunError: plotly is not installed.
        """
        if not self.days:
            raise TaskError("nothing to draw: the signal gives no position on any day")
        subplots = import_extra("plotly.subplots", "plot", "Performance.plot")

        figure = subplots.make_subplots(
            rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.06
        )
        x = self.dates.astype("datetime64[ms]").tolist()
        figure.add_scatter(x=x, y=self.equity, name="equity", row=1, col=1)
        figure.add_scatter(x=x, y=self.drawdown, name="drawdown", fill="tozeroy", row=2, col=1)
        figure.update_yaxes(title_text="equity", row=1, col=1)
        figure.update_yaxes(title_text="drawdown", tickformat=".0%", row=2, col=1)
        title = (
            f"Sharpe {self.sharpe:.2f} after {self.cost_bps:g} bps, turnover {self.mean_turnover:.1%} a day"
        )
        figure.update_layout(title=title, showlegend=False)
        return figure

    def __str__(self) -> str:
        text = (
            f"Sharpe {self.sharpe:.2f}, {self.annual_return:+.1%} a year, "
            f"volatility {self.annual_volatility:.1%}, drawdown {self.max_drawdown:.1%}, "
            f"turnover {self.mean_turnover:.1%} a day, {self.days} days, "
            f"delay {self.delay}, {self.cost_bps:g} bps"
        )
        bridged, delisted = int(self.bridged.sum()), int(self.delisted.sum())
        if bridged:
            text += f", {bridged} gap{'s' if bridged > 1 else ''} bridged"
        if delisted:
            text += f", {delisted} delisting{'s' if delisted > 1 else ''} at {self.delisting_return:+.0%}"
        return text
