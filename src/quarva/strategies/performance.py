"""Performance of a strategy: returns, costs and statistics."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarva._runtime.extras import import_extra
from quarva.errors import TaskError
from quarva.panel import SESSIONS_PER_YEAR

__all__ = ["PERIODS_PER_YEAR", "Performance", "check_periods", "sharpe_ratio"]

PERIODS_PER_YEAR = SESSIONS_PER_YEAR
"""Default number of bars per year, for daily bars."""


def check_periods(periods_per_year: float | None) -> None:
    """Raise TaskError unless the number of bars per year is None, or finite and above 0."""
    if periods_per_year is not None and not 0 < periods_per_year < np.inf:
        raise TaskError(
            f"periods_per_year must be above 0, not {periods_per_year}; 252 for daily bars, 12 for monthly"
        )


def sharpe_ratio(returns: ArrayLike, periods_per_year: float = PERIODS_PER_YEAR) -> NDArray[np.float64]:
    """Annualised Sharpe ratio along the last axis.

    Parameters
    ----------
    returns : array-like of float, shape (..., T)
        Returns per bar, without a risk-free rate subtracted.
    periods_per_year : float, default 252
        Number of bars per year.

    Returns
    -------
    ndarray of float64, shape (...)
        Mean / standard deviation (n − 1) × √periods_per_year.

    Notes
    -----
    NaN returns are ignored. The result is NaN if fewer than two returns remain or if all are equal.

    References
    ----------
    Sharpe, W. F. (1994). The Sharpe ratio. Journal of Portfolio Management 21.
    """
    # Contiguous rows, because the rounding of a sum depends on the memory layout, and so on other rows.
    r = np.ascontiguousarray(returns, np.float64)
    known = ~np.isnan(r)
    n = known.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(known, r, 0.0).sum(axis=-1) / n
        variance = np.where(known, (r - mean[..., None]) ** 2, 0.0).sum(axis=-1) / (n - 1)
        # The computed deviation of equal returns is a rounding error, below 1e-12 of the mean.
        spread = np.sqrt(variance)
        ratio = np.where((n > 1) & (spread > 1e-12 * np.abs(mean)), mean / spread, np.nan)
    return ratio * np.sqrt(periods_per_year)


@dataclass(frozen=True, eq=False)
class Performance:
    """Daily results of a strategy for T days, indexed by the day on which they are earned.

    Attributes
    ----------
    dates : ndarray of datetime64, shape (T,)
        The days.
    gross : ndarray of float64, shape (T,)
        Return before costs, Σ p·r, as a share of the capital.
    costs : ndarray of float64, shape (T,)
        cost_bps / 10⁴ × Σ|Δp|, charged on the day after the trade.
    turnover : ndarray of float64, shape (T,)
        One-way turnover Σ|Δp| / 2, the share of the capital that is replaced (Boyd et al. 2017). Costs are
        paid for both ways.
    missing : ndarray of int32, shape (T,)
        Number of held assets without a price on the day. They earn 0 and are kept.
    bridged : ndarray of int32, shape (T,)
        Number of held assets whose price is back on the day. They earn the return since the last known price.
    delisted : ndarray of int32, shape (T,)
        Number of held assets whose last price was on the day before. They earn `delisting_return`.
    delay : int
        Days from the signal to the trade.
    cost_bps : float
        Cost of trading in basis points of the traded volume.
    periods_per_year : float
        Number of bars per year, for annualisation.
    delisting_return : float
        Return on the day after the last price of a held asset.

    Notes
    -----
    Days before the first position are NaN and do not enter any statistic. A later day without positions has
    return 0.

    References
    ----------
    Boyd, S. et al. (2017). Multi-period trading via convex optimization. Foundations and Trends in
    Optimization 3.
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
        """Returns after costs, float64, shape (T,)."""
        return self.gross - self.costs

    @property
    def days(self) -> int:
        """Number of days since the first position."""
        return int(np.count_nonzero(~np.isnan(self.gross)))

    @property
    def equity(self) -> NDArray[np.float64]:
        """Value of one unit of capital with reinvested gains, Π(1 + r), float64, shape (T,).

        It is 1 before the first position, and remains 0 after a total loss.
        """
        growth = np.maximum(1.0 + np.nan_to_num(self.returns), 0.0)
        return growth.cumprod()

    @property
    def drawdown(self) -> NDArray[np.float64]:
        """Equity relative to its running maximum, minus 1, float64, shape (T,); 0 or negative.

        The initial capital counts as a maximum.
        """
        equity = self.equity
        return equity / np.maximum(np.maximum.accumulate(equity), 1.0) - 1.0

    @property
    def max_drawdown(self) -> float:
        """Largest drawdown, 0 or negative: −0.25 is a loss of a quarter from a previous high."""
        return float(self.drawdown.min()) if self.days else float("nan")

    @property
    def sharpe(self) -> float:
        """Annualised Sharpe ratio after costs; see `sharpe_ratio`."""
        return float(sharpe_ratio(self.returns, self.periods_per_year))

    @property
    def annual_return(self) -> float:
        """Compound annual return after costs, 0.1 = 10 %."""
        if not self.days:
            return float("nan")
        return float(self.equity[-1] ** (self.periods_per_year / self.days) - 1.0)

    @property
    def annual_volatility(self) -> float:
        """Annualised standard deviation (n − 1) of the returns after costs."""
        r = self.returns[~np.isnan(self.returns)]
        return float(r.std(ddof=1) * np.sqrt(self.periods_per_year)) if r.size > 1 else float("nan")

    @property
    def mean_turnover(self) -> float:
        """Mean turnover per day, 0.1 = a tenth of the capital replaced daily."""
        return float(np.nanmean(self.turnover)) if self.days else float("nan")

    def part(self, days: ArrayLike) -> "Performance":
        """Restrict the results to some days.

        Parameters
        ----------
        days : array-like of bool, shape (T,), or slice
            The days to keep.

        Returns
        -------
        Performance
            Its equity starts at 1.
        """
        index: Any = days if isinstance(days, slice) else np.asarray(days)
        names = ("dates", "gross", "costs", "turnover", "missing", "bridged", "delisted")
        return replace(self, **{name: getattr(self, name)[index] for name in names})

    def summary(self) -> dict[str, float]:
        """Statistics by name. `missing`, `bridged` and `delisted` are sums over the days."""
        names = ("sharpe", "annual_return", "annual_volatility", "max_drawdown", "mean_turnover", "days")
        counts = ("missing", "bridged", "delisted")
        figures = {name: getattr(self, name) for name in names}
        return figures | {name: int(getattr(self, name).sum()) for name in counts}

    def to_frame(self) -> Any:
        """Convert the daily results to a pandas DataFrame indexed by date.

        Returns
        -------
        DataFrame
            Columns returns, gross, costs, turnover, missing, bridged, delisted, equity and drawdown.
        """
        import pandas as pd

        names = (
            "returns", "gross", "costs", "turnover", "missing", "bridged", "delisted", "equity", "drawdown",
        )  # fmt: skip
        index = pd.DatetimeIndex(self.dates, name="date")
        return pd.DataFrame({name: getattr(self, name) for name in names}, index=index)

    def plot(self) -> Any:
        """Plot equity after costs and drawdown.

        Returns
        -------
        plotly.graph_objects.Figure

        Raises
        ------
        TaskError
            No position was ever held.
        RunError
            plotly is not installed.
        """
        if not self.days:
            raise TaskError("nothing to plot: the strategy never holds a position; check the signal for NaN")
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
            f"Sharpe {self.sharpe:.2f} after {self.cost_bps:g} bps, turnover {self.mean_turnover:.1%} per day"
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
