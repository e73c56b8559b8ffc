"""Figures of formulas that somebody brings: what they predict, and what trading them would have earned."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from quarva import engine
from quarva.karva.expression import Expression
from quarva.panel import Panel, Table, calendar_of
from quarva.strategies import (
    LongShort,
    SignTiming,
    check_periods,
    closes,
    holding_returns,
    sharpe_ratio,
    simulate,
)
from quarva.tasks.coverage import coverage_of
from quarva.tasks.prepared_target import PreparedTarget

__all__ = ["Figures", "RowFigures", "evaluate_formulas", "evaluate_on_rows"]

_SIGNAL_BYTES = 128 * 2**20  # signals that are held at a time


@dataclass(frozen=True)
class Figures:
    """What one formula, as it is written, says of some days; NaN where a figure does not exist.

    Attributes:
        ic, rank_ic: mean over days of the Pearson and Spearman correlation of signal and target across all
            assets with a target. An asset without a signal is neutral. A day after the formula's warm-up on
            which fewer than 3 of these assets, or fewer than half, have a signal counts as 0; one on which
            the target or the signal is the same for all of them does not count.
        icir: mean of the daily IC / its standard deviation (n − 1), not annualised.
        ts_corr: Pearson correlation of signal and target over all days and assets at once; where the signal
            is missing after the warm-up it is taken at its mean.
        days: days that count in `ic`.
        coverage: share of the cells with a target, after the formula's warm-up, in which it has a value.
        turnover: mean share of the capital that is replaced a day, long the highest fifth and short the
            lowest (one asset: held by its signal's sign). NaN where the target is no return.
        sharpe: annualised Sharpe ratio of that strategy after costs. NaN where the target is no return.
        gaps_bridged: positions of that strategy held through missing prices until the price was back; each
            earned the return since the last known price. 0 without prices.
        delistings: positions of it whose asset had no further price; each earned the delisting return.
    """

    ic: float
    rank_ic: float
    icir: float
    ts_corr: float
    days: int
    coverage: float
    turnover: float
    sharpe: float
    gaps_bridged: int
    delistings: int

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


@dataclass(frozen=True)
class RowFigures:
    """What one formula explains of a table's target, over the rows in which it has a value.

    Attributes:
        r2: 1 − Σ(y − f)² / Σ(y − mean y)².
        nrmse: √(mean (y − f)²) / standard deviation (n) of y.
        rows: rows that count.
        coverage: share of the rows with a target in which the formula has a value.
    """

    r2: float
    nrmse: float
    rows: int
    coverage: float

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


def evaluate_formulas(
    expressions: Sequence[Expression],
    panel: Panel,
    target: NDArray[np.float32],
    parts: Mapping[str, NDArray[np.bool_]],
    *,
    delay: int = 1,
    cost_bps: float = 5.0,
    periods_per_year: float | None = None,
    delisting_return: float = 0.0,
    trades: bool = True,
    threads: int | None = None,
    device: engine.Device = "cpu",
) -> list[dict[str, Figures]]:
    """The figures of P formulas by part.

    Args:
        expressions: P formulas.
        panel: T days × N assets; without a field `close`, `sharpe` is NaN.
        target: float32 [T, N], by the day of the signal, NaN = not there.
        parts: days by name, bool [T] each.
        delay: days from the signal to the trade.
        cost_bps: basis points paid on all that is traded.
        periods_per_year: bars a year, to annualise `sharpe`; None infers it from the panel's dates.
        delisting_return: see `strategies.holding_returns`.
        trades: whether the target is a return, so that a forecast of it can be traded; if not, `turnover` and
            `sharpe` are NaN.
        threads: None is one a core. The result does not depend on it.
        device: that evaluates them, see `engine.evaluate`.

    Raises:
        FormulaError: a formula reads a field or group that the panel lacks.
        DeviceError: a GPU that is not there.
        TaskError: a price of 0 or less, no bars a year, or a delisting return below −1.
    """
    check_periods(periods_per_year)
    program = engine.Program.from_expressions(expressions)
    there = target if panel.universe is None else np.where(panel.universe, target, np.float32(np.nan))
    daily = {
        name: [
            _sums(program, panel, there, days, statistic, threads, device)
            for statistic in ("ic", "rank_ic", "corr")
        ]
        for name, days in parts.items()
    }
    known = _coverage(expressions, panel, there, parts, threads, device)
    if trades:
        periods = periods_per_year or calendar_of(panel.dates).periods_per_year
        terms = (delay, cost_bps, periods, delisting_return)
        traded = _traded(expressions, panel, parts, terms, threads, device)
    else:
        none = np.array([np.nan, np.nan, 0.0, 0.0])[:, None]
        traded = {name: np.repeat(none, len(expressions), axis=1) for name in parts}
    return [
        {
            name: _figures([sums[p] for sums in daily[name]], known[name][p], traded[name][:, p])
            for name in parts
        }
        for p in range(len(expressions))
    ]


def evaluate_on_rows(
    expressions: Sequence[Expression],
    table: Table,
    parts: Mapping[str, NDArray[np.bool_]],
    threads: int | None = None,
    device: engine.Device = "cpu",
) -> list[dict[str, RowFigures]]:
    """The figures of P formulas on a table, by part.

    Parameters
    ----------
    expressions : sequence of Expression
        P formulas.
    table : Table
        R rows.
    parts : mapping of str to bool array [R]
        Rows by the name of their part.
    threads : int, optional
        None is one a core. The result does not depend on it.
    device : str
        That evaluates them, see `engine.evaluate`.

    Returns
    -------
    list of dict
        The figures of each formula by part.

    Raises
    ------
    FormulaError
        An unknown column.
    DeviceError
        A GPU that is not there.
    """
    y = table.target.reshape(-1)[: table.rows].astype(np.float64)
    return [
        {name: _row_figures(y[rows], signal[rows]) for name, rows in parts.items()}
        for _, signals in _signals(expressions, table.panel, threads, device)
        for signal in signals.reshape(len(signals), -1)[:, : table.rows]
    ]


def _row_figures(y: NDArray[np.float64], signal: NDArray[np.floating]) -> RowFigures:
    both = np.isfinite(y) & np.isfinite(signal)
    rows = int(both.sum())
    error = y[both] - signal[both]
    spread = y[both].var() if rows > 1 else np.nan
    share = float((error @ error) / rows / spread) if rows > 1 and spread > 0 else np.nan
    known = np.isfinite(y).sum()
    return RowFigures(1 - share, float(np.sqrt(share)), rows, rows / known if known else np.nan)


def _sums(
    program: engine.Program,
    panel: Panel,
    target: NDArray[np.float32],
    days: NDArray[np.bool_],
    statistic: engine.Statistic,
    threads: int | None,
    device: engine.Device,
) -> NDArray[np.float64]:
    """The engine's sums over the days, float64 [P, 4], by the rule of `Yardstick.settled`."""
    segments = np.where(days, 0, -1).astype(np.int8)
    yardstick = PreparedTarget.of(panel, target[None], segments, 1, statistic)
    acc = engine.evaluate(program, panel, yardstick.target, statistic, None, 1, threads, device)
    return yardstick.settled(acc, program.lookback())[:, 0, 0]


def _figures(sums: Sequence[NDArray[np.float64]], coverage: float, traded: NDArray[np.float64]) -> Figures:
    """Figures of one formula and part from the sums of `ic`, `rank_ic` and `corr`, and from `_traded`."""
    ic, rank_ic, corr = sums
    days, total, squares = ic[:3]
    turnover, sharpe, bridged, delisted = traded
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = squares - total**2 / days
        deviation = np.sqrt(spread / (days - 1)) if spread > 1e-12 * squares else np.nan
        return Figures(
            ic=float(total / days),
            rank_ic=float(rank_ic[1] / rank_ic[0]),
            icir=float(total / days / deviation),
            ts_corr=float(corr[1]) if corr[0] else float("nan"),
            days=int(days),
            coverage=float(coverage),
            turnover=float(turnover),
            sharpe=float(sharpe),
            gaps_bridged=int(bridged),
            delistings=int(delisted),
        )


def _coverage(
    expressions: Sequence[Expression],
    panel: Panel,
    target: NDArray[np.float32],
    parts: Mapping[str, NDArray[np.bool_]],
    threads: int | None,
    device: engine.Device,
) -> dict[str, list[float]]:
    """Share of the cells with a target, after the warm-up, in which each formula has a value, by part."""
    cells = {name: np.isfinite(target) & days[:, None] for name, days in parts.items()}
    out: dict[str, list[float]] = {name: [] for name in parts}
    for chunk, signals in _signals(expressions, panel, threads, device):
        for expression, signal in zip(expressions[chunk], signals, strict=True):
            for name in parts:
                out[name].append(coverage_of(signal, cells[name], expression.lookback()))
    return out


def _traded(
    expressions: Sequence[Expression],
    panel: Panel,
    parts: Mapping[str, NDArray[np.bool_]],
    terms: tuple[int, float, float, float],
    threads: int | None,
    device: engine.Device,
) -> dict[str, NDArray[np.float64]]:
    """Mean turnover, Sharpe ratio, gaps bridged and delistings by part, float64 [4, P].

    terms: delay, cost, bars a year and delisting return.
    """
    days, assets = panel.shape
    delay, cost_bps, periods, delisting_return = terms
    priced = "close" in panel.fields
    close = closes(panel) if priced else np.ones((days, assets))
    returns = holding_returns(close, delisting_return)
    rule = LongShort() if assets > 1 else SignTiming()
    out = {name: np.full((4, len(expressions)), np.nan) for name in parts}
    for chunk, signals in _signals(expressions, panel, threads, device):
        walked = simulate(signals, returns, rule, delay, engine.threads_to_use(threads))
        net = walked.net(cost_bps)
        for name, part in parts.items():
            # The signal of day t is traded at the close of t + delay and earns on the day after.
            earned = np.flatnonzero(part) + delay + 1
            earned = earned[earned < days]
            with np.errstate(invalid="ignore"):
                out[name][0, chunk] = _mean(walked.traded[:, earned] / 2)
            if priced:
                out[name][1, chunk] = sharpe_ratio(net[:, earned], periods)
            out[name][2, chunk] = walked.bridged[:, earned].sum(axis=1)
            out[name][3, chunk] = walked.delisted[:, earned].sum(axis=1)
    return out


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean along the last axis of what is there."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0.0).sum(axis=-1) / there.sum(axis=-1)


def _signals(
    expressions: Sequence[Expression], panel: Panel, threads: int | None, device: engine.Device
) -> Iterator[tuple[slice, NDArray[np.floating]]]:
    """Which formulas, and their signals [·, T, N], as many at a time as fit; NaN outside the universe."""
    days, assets = panel.shape
    size = max(1, _SIGNAL_BYTES // (4 * days * assets))
    for start in range(0, len(expressions), size):
        chunk = slice(start, start + size)
        program = engine.Program.from_expressions(expressions[chunk])
        yield chunk, engine.signals(program, panel, threads, device)
