"""Diagnostics of one signal on a task: daily IC, quantile means, IC decay, trading, and the fit of a table.

The sealed test is never read. Targets reach no further than the purged days, and trading ends when the last
validation signal has earned its return.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva import engine
from quarva.errors import TaskError
from quarva.report.data import Decay, Fit, Information, Kind, Quantiles, Trading
from quarva.report.series import daily_ic, quantile_means, rolling_correlation, timing_means
from quarva.strategies import LongShort, SignTiming, Strategy, closes, holding_returns
from quarva.tasks import TRAIN, VALIDATION, ForwardReturn, Task
from quarva.tasks.prepared_target import PreparedTarget

__all__ = [
    "decay",
    "describe_positions",
    "fit",
    "horizon_of",
    "information",
    "kind_of",
    "quantiles",
    "trading",
]

Floats = NDArray[np.float64]

_OPEN_PARTS = {"train": TRAIN, "validation": VALIDATION}
_HORIZONS = (1, 2, 3, 5, 10, 20)
_FRACTION_NAMES = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 10: "tenth"}


def kind_of(task: Task) -> Kind:
    """Classify the task: regression on a table, ranking assets, or timing."""
    if task.table is not None:
        return "table"
    few = len(task.panel.assets) < 3
    return "timing" if few or task.objective.name in ("ts_corr", "timing_sharpe") else "cross-section"


def horizon_of(task: Task) -> int | None:
    """Holding period in days if the target is a forward return; None for other targets."""
    found = re.fullmatch(r"forward_return_(\d+)", task.target_names[0])
    return int(found[1]) if found and task.table is None else None


def _open_days(segments: NDArray[np.int8]) -> slice:
    """Rows up to the last training or validation day."""
    return slice(0, int(np.flatnonzero((segments == TRAIN) | (segments == VALIDATION))[-1]) + 1)


def information(task: Task, signal: NDArray[np.float32], lookback: int = 0) -> Information:
    """Daily IC of the signal with the first target; for timing, a rolling correlation over a year.

    Parameters
    ----------
    task : Task
        Supplies target, split and objective.
    signal : float32 array of shape (T, N)
        NaN where missing.
    lookback : int
        Days of warm-up. A value missing after the warm-up counts as neutral, as it does in the score.

    Returns
    -------
    Information
        Training and validation days only.
    """
    days = _open_days(task.segments)
    segments, target = task.segments[days], task.targets[0][days]
    if kind_of(task) == "timing":
        ic = rolling_correlation(signal[days], target, segments, lookback=lookback)
    else:
        ranked = task.objective.statistic == "rank_ic"
        ic = daily_ic(signal[days], target, ranked=ranked, lookback=lookback)
        ic = np.where(segments >= 0, ic, np.nan)
    return Information(task.panel.dates[days], segments, ic)


def quantiles(task: Task, signal: NDArray[np.float32], bins: int = 5) -> Quantiles:
    """Mean target by quantile of `signal`, float32 [T, N], on training and validation days.

    The target is the return itself also with a risk model.

    `bins` is reduced if there are fewer than two assets per bin. For timing, quantile limits are computed on
    training days and applied to both parts.
    """
    target = task.raw_targets[0]
    if kind_of(task) == "timing":
        train = signal[task.segments == TRAIN]
        train = train[np.isfinite(train)]
        limits = np.quantile(train, np.arange(1, bins) / bins) if len(train) else np.zeros(bins - 1)
        means = {
            name: timing_means(signal, target, task.segments == code, limits)
            for name, code in _OPEN_PARTS.items()
        }
        return Quantiles(means, demeaned=False)
    bins = max(2, min(bins, signal.shape[1] // 2))
    return Quantiles(
        {
            name: quantile_means(signal, target, task.segments == code, bins)
            for name, code in _OPEN_PARTS.items()
        }
    )


def decay(task: Task, expression: Any, sign: int) -> Decay | None:
    """Mean IC (for timing, the correlation) with forward returns of 1 to 20 days.

    None if the target is not a forward return. Near the end of a part, targets that reach beyond the purged
    days are left out.
    """
    own = horizon_of(task)
    if own is None or task.split is None:
        return None
    horizons = sorted({*_HORIZONS, own})
    days, ahead = len(task.panel.dates), task.split.purged
    targets = []
    for horizon in list(horizons):
        try:
            values = ForwardReturn(horizon, task.delay).values(task.panel)
        except TaskError:  # the horizon is longer than the panel
            horizons.remove(horizon)
            continue
        if task.panel.universe is not None:
            values[~task.panel.universe] = np.nan
        for code in _OPEN_PARTS.values():
            last = int(np.flatnonzero(task.segments == code)[-1]) + ahead
            reaching = (np.arange(days) + task.delay + horizon > last) & (task.segments == code)
            values[reaching] = np.nan
        targets.append(values)
    timing = kind_of(task) == "timing"
    statistic: engine.Statistic = "corr" if timing else task.objective.statistic
    segments = np.where(np.isin(task.segments, list(_OPEN_PARTS.values())), task.segments, -1).astype(np.int8)
    program = engine.Program.from_expressions([expression])
    prepared = PreparedTarget.prepare(task.panel, np.stack(targets), segments, 2, statistic)
    acc = engine.evaluate(program, task.panel, prepared.target, statistic, None, 2, 1)
    sums = prepared.count_missing_as_neutral(acc, program.lookback() + task.signal_lookback)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sign * (sums[..., 1] if timing else sums[..., 1] / sums[..., 0])
    figure = {"corr": "correlation through time", "rank_ic": "mean daily rank IC"}.get(
        statistic, "mean daily IC"
    )
    if task.exposures:
        figure += " with the return itself"
    return Decay(np.array(horizons), {name: means[code] for name, code in _OPEN_PARTS.items()}, figure)


def trading(task: Task, strategy: Strategy) -> tuple[Trading, dict[str, dict[str, float]]] | None:
    """Daily returns of `strategy` and its summary by part; None if the panel has no closing prices."""
    if "close" not in task.panel.fields:
        return None
    performance = strategy.run(task.panel)
    earned = task.earned_segments
    days = _open_days(earned)
    benchmark = None
    if kind_of(task) == "timing":
        benchmark = _equal_weight_returns(task)[days]
    series = Trading(
        task.panel.dates[days],
        earned[days],
        performance.returns[days],
        performance.gross[days],
        performance.turnover[days],
        benchmark,
    )
    figures = {name: performance.part(earned == code).summary() for name, code in _OPEN_PARTS.items()}
    return series, figures


def _equal_weight_returns(task: Task) -> Floats:
    """Daily return of an equal-weight portfolio of all listed assets with a known price, float64 [T]."""
    returns = holding_returns(closes(task.panel), task.delisting_return)
    return np.asarray(returns.gain.sum(axis=1) / np.maximum(returns.held.sum(axis=1), 1))


def describe_positions(strategy: Strategy) -> str:
    """Describe the rule from signal to positions in a phrase."""
    positions = strategy.positions
    if isinstance(positions, LongShort):
        parts = round(1 / positions.quantile)
        share = (
            _FRACTION_NAMES.get(parts, f"{100 * positions.quantile:g} %")
            if parts * positions.quantile == 1
            else ""
        )
        share = share or f"{100 * positions.quantile:g} %"
        return f"long the highest {share}, short the lowest, equal weights, half the capital on each side"
    if isinstance(positions, SignTiming):
        return "long where the signal is above 0, short where it is below"
    return f"positions by {positions}"


def fit(task: Task, signal: NDArray[np.float32]) -> Fit:
    """Predicted and actual values of a table's training and validation rows; `signal` is float32 [T, B]."""
    predicted, actual, segments = [], [], []
    for code, target in enumerate(task.targets):
        rows = np.isfinite(target)
        predicted.append(signal[rows].astype(np.float64))
        actual.append(target[rows].astype(np.float64))
        segments.append(np.full(int(rows.sum()), code, np.int8))
    return Fit(np.concatenate(predicted), np.concatenate(actual), np.concatenate(segments))
