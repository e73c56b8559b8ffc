"""Evaluation of given formulas: their predictive power, and the result of trading them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

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

__all__ = ["Metrics", "TableMetrics", "evaluate_formulas", "evaluate_on_rows"]

_SIGNAL_BYTES = 128 * 2**20  # memory for the signals of a chunk of formulas


@dataclass(frozen=True)
class Metrics:
    """Metrics of one formula, without a change of sign, on some days. Undefined metrics are NaN.

    Attributes
    ----------
    ic, rank_ic : float
        Mean daily Pearson and Spearman correlation of signal and target across all assets with a target. An
        asset without a signal is neutral. A day after the warm-up of the formula on which fewer than 3 of
        these assets, or fewer than half, have a signal counts as 0. A day on which the target or the signal
        is constant is ignored.
    icir : float
        Mean of the daily IC / its standard deviation (n − 1), not annualised.
    ts_corr : float
        Pearson correlation of signal and target over all days and assets. A signal that is missing after the
        warm-up is replaced by its mean.
    days : int
        Number of days that count in `ic`.
    coverage : float
        Share of the cells with a target, after the warm-up, in which the formula has a value.
    turnover : float
        Mean daily turnover when long the highest and short the lowest fifth of the signals, or, for one
        asset, when held by the sign of its signal. NaN if the target is not a return.
    sharpe : float
        Annualised Sharpe ratio of this strategy after costs. NaN if the target is not a return.
    gaps_bridged : int
        Number of positions of this strategy that were held through missing prices until the price was back
        and earned the return since the last known price. 0 without prices.
    delistings : int
        Number of its positions whose asset had no further price and earned the delisting return.
    residual_ic, residual_rank_ic : float
        `ic` and `rank_ic` for the target without the exposures of a risk model. NaN without a risk model.
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
    residual_ic: float = float("nan")
    residual_rank_ic: float = float("nan")

    def as_dict(self) -> dict[str, float]:
        """The metrics by name."""
        return asdict(self)


@dataclass(frozen=True)
class TableMetrics:
    """Metrics of one formula on the rows of a table in which it has a value.

    Attributes
    ----------
    r2 : float
        1 − Σ(y − f)² / Σ(y − mean y)².
    nrmse : float
        √(mean (y − f)²) / standard deviation (n) of y.
    rows : int
        Number of rows that count.
    coverage : float
        Share of the rows with a target in which the formula has a value.
    """

    r2: float
    nrmse: float
    rows: int
    coverage: float

    def as_dict(self) -> dict[str, float]:
        """The metrics by name."""
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
    residual: NDArray[np.float32] | None = None,
    threads: int | None = None,
    device: engine.Device = "cpu",
) -> list[dict[str, Metrics]]:
    """Evaluate P formulas on parts of a panel.

    Parameters
    ----------
    expressions : sequence of Expression, length P
        The formulas.
    panel : Panel
        T days and N assets. Without a field `close`, `sharpe` is NaN.
    target : ndarray of float32, shape (T, N)
        The target by the day of the signal. NaN means no target.
    parts : mapping of str to ndarray of bool, shape (T,)
        Days of each part by name.
    delay : int, default 1
        Days from the signal to the trade.
    cost_bps : float, default 5.0
        Cost in basis points of the traded volume.
    periods_per_year : float, optional
        Number of bars per year. By default it is inferred from the dates of the panel.
    delisting_return : float, default 0.0
        Return after the last price of an asset; see `strategies.holding_returns`.
    trades : bool, default True
        Whether the target is a return, so that the signal can be traded. If false, `turnover` and `sharpe`
        are NaN.
    residual : ndarray of float32, shape (T, N), optional
        The target without the exposures of a risk model.
    threads : int, optional
        Maximum number of threads. Defaults to one per core. The result does not depend on it.
    device : str, default "cpu"
        Device of the evaluation; see `engine.evaluate`.

    Returns
    -------
    list of dict of str to Metrics, length P
        Metrics of each formula by part.

    Raises
    ------
    FormulaError
        A formula reads a field or group that the panel lacks.
    DeviceError
        The GPU is not available.
    TaskError
        A price or the number of bars per year is not above 0, or the delisting return is below −1.
    """
    check_periods(periods_per_year)
    program = engine.Program.from_expressions(expressions)
    there = _in_universe(panel, target)
    daily = {
        name: [
            _sums(program, panel, there, days, statistic, threads, device)
            for statistic in ("ic", "rank_ic", "corr")
        ]
        for name, days in parts.items()
    }
    left = None if residual is None else _in_universe(panel, residual)
    residuals = {
        name: np.full((2, len(program)), np.nan)
        if left is None
        else np.stack([
            _mean_ic(_sums(program, panel, left, days, statistic, threads, device))
            for statistic in ("ic", "rank_ic")
        ])
        for name, days in parts.items()
    }  # fmt: skip
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
            name: replace(
                _metrics([sums[p] for sums in daily[name]], known[name][p], traded[name][:, p]),
                residual_ic=float(residuals[name][0, p]),
                residual_rank_ic=float(residuals[name][1, p]),
            )
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
) -> list[dict[str, TableMetrics]]:
    """Evaluate P formulas on parts of a table.

    Parameters
    ----------
    expressions : sequence of Expression, length P
        The formulas.
    table : Table
        R rows.
    parts : mapping of str to ndarray of bool, shape (R,)
        Rows of each part by name.
    threads : int, optional
        Maximum number of threads. Defaults to one per core. The result does not depend on it.
    device : str, default "cpu"
        Device of the evaluation; see `engine.evaluate`.

    Returns
    -------
    list of dict of str to TableMetrics, length P
        Metrics of each formula by part.

    Raises
    ------
    FormulaError
        A formula reads an unknown column.
    DeviceError
        The GPU is not available.
    """
    y = table.target.reshape(-1)[: table.rows].astype(np.float64)
    return [
        {name: _row_metrics(y[rows], signal[rows]) for name, rows in parts.items()}
        for _, signals in _signals(expressions, table.panel, threads, device)
        for signal in signals.reshape(len(signals), -1)[:, : table.rows]
    ]


def _row_metrics(y: NDArray[np.float64], signal: NDArray[np.floating]) -> TableMetrics:
    both = np.isfinite(y) & np.isfinite(signal)
    rows = int(both.sum())
    error = y[both] - signal[both]
    spread = y[both].var() if rows > 1 else np.nan
    share = float((error @ error) / rows / spread) if rows > 1 and spread > 0 else np.nan
    known = np.isfinite(y).sum()
    return TableMetrics(1 - share, float(np.sqrt(share)), rows, rows / known if known else np.nan)


def _sums(
    program: engine.Program,
    panel: Panel,
    target: NDArray[np.float32],
    days: NDArray[np.bool_],
    statistic: engine.Statistic,
    threads: int | None,
    device: engine.Device,
) -> NDArray[np.float64]:
    """Accumulated statistics over the days, float64, shape (P, 4), with missing values counted as neutral."""
    segments = np.where(days, 0, -1).astype(np.int8)
    prepared = PreparedTarget.prepare(panel, target[None], segments, 1, statistic)
    acc = engine.evaluate(program, panel, prepared.target, statistic, None, 1, threads, device)
    return prepared.count_missing_as_neutral(acc, program.lookback())[:, 0, 0]


def _in_universe(panel: Panel, target: NDArray[np.float32]) -> NDArray[np.float32]:
    return target if panel.universe is None else np.where(panel.universe, target, np.float32(np.nan))


def _mean_ic(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean daily IC from the sums of `_sums`, shape (P,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[:, 1] / sums[:, 0]


def _metrics(sums: Sequence[NDArray[np.float64]], coverage: float, traded: NDArray[np.float64]) -> Metrics:
    """Metrics of a formula and part from the sums of `ic`, `rank_ic` and `corr` and from `_traded`."""
    ic, rank_ic, corr = sums
    days, total, squares = ic[:3]
    turnover, sharpe, bridged, delisted = traded
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = squares - total**2 / days
        deviation = np.sqrt(spread / (days - 1)) if spread > 1e-12 * squares else np.nan
        return Metrics(
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
    """Coverage of each formula by part."""
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
    """Mean turnover, Sharpe ratio, bridged gaps and delistings by part, float64, shape (4, P).

    `terms` are delay, cost, bars per year and delisting return.
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
    """Mean along the last axis, ignoring NaN."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1)


def _signals(
    expressions: Sequence[Expression], panel: Panel, threads: int | None, device: engine.Device
) -> Iterator[tuple[slice, NDArray[np.floating]]]:
    """Iterate over chunks of formulas: their slice and signals (·, T, N), NaN outside the universe."""
    days, assets = panel.shape
    size = max(1, _SIGNAL_BYTES // (4 * days * assets))
    for start in range(0, len(expressions), size):
        chunk = slice(start, start + size)
        program = engine.Program.from_expressions(expressions[chunk])
        yield chunk, engine.signals(program, panel, threads, device)
