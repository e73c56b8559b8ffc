"""Plots against time: cumulative IC, equity with drawdown, turnover."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.report import axis
from quarva.report.data import SEGMENT_NAMES, Dates, Information, Question, Trading
from quarva.report.plot import Band, Hover, Key, Line, Plot, area_to_zero, polyline

__all__ = ["equity", "information", "turnover"]

Floats = NDArray[np.float64]
TURNOVER_WINDOW = 63  # days of the moving average: one quarter


def _places(days: int) -> Floats:
    return np.arange(days, dtype=np.float64) / max(days - 1, 1)


def _bands(segments: NDArray[np.int8]) -> tuple[Band, ...]:
    """One shaded band per segment."""
    bands = []
    for code, name in enumerate(SEGMENT_NAMES):
        rows = np.flatnonzero(segments == code)
        if len(rows):
            last = max(len(segments) - 1, 1)
            left, right = 100 * rows[0] / last, 100 * rows[-1] / last
            bands.append(Band(left, right - left, name))
    return tuple(bands)


def _by_segment(y: Floats, segments: NDArray[np.int8]) -> dict[str, Floats]:
    """Split `y` by segment, with NaN elsewhere. Later segments include the day before, to join the lines."""
    parts = {}
    for code, name in enumerate(SEGMENT_NAMES):
        inside = segments == code
        if inside.any():
            if code > 0 and inside[1:].any():
                inside = inside | np.append(inside[1:], False)
            parts[name] = np.where(inside, y, np.nan)
    return parts


def _hover(dates: Dates, series: list[tuple[str, str, Floats]], write: Callable[[float], str]) -> Hover:
    """Tooltips for at most 240 evenly spaced days."""
    rows = np.unique(np.linspace(0, len(dates) - 1, min(len(dates), 240)).astype(int))
    at = _places(len(dates))
    days = dates.astype("datetime64[D]")
    texts = [(style, name, [write(y[r]) for r in rows]) for style, name, y in series]
    return Hover([round(float(at[r]), 4) for r in rows], [str(days[r]) for r in rows], texts)


def _means(y: Floats, segments: NDArray[np.int8]) -> dict[str, float]:
    means = {}
    for code, name in enumerate(SEGMENT_NAMES):
        values = y[(segments == code) & np.isfinite(y)]
        if len(values):
            means[name] = float(values.mean())
    return means


def information(daily: Information, question: Question) -> dict[str, Any] | None:
    """Cumulative IC with the training mean extrapolated beyond training; None if no IC is finite."""
    if not np.isfinite(daily.ic).any():
        return None
    if question.kind == "timing":
        return _rolling(daily)
    x = _places(len(daily.dates))
    counted = np.where((daily.segments >= 0) & np.isfinite(daily.ic), daily.ic, 0.0)
    total = np.cumsum(counted)
    means = _means(daily.ic, daily.segments)
    lines, low, high = [], float(total.min()), float(total.max())
    train = np.flatnonzero(daily.segments == 0)
    if "train" in means and len(train) and train[-1] + 1 < len(total):
        days = np.arange(len(total), dtype=np.float64) - train[-1]
        expected = np.where(days >= 0, total[train[-1]] + days * means["train"], np.nan)
        low, high = min(low, float(np.nanmin(expected))), max(high, float(np.nanmax(expected)))
        lines.append((expected, "quiet dash"))
    y = axis.round_axis(low, high)
    drawn = [Line(polyline(x, line, y), style) for line, style in lines]
    parts = _by_segment(total, daily.segments)
    drawn += [Line(polyline(x, part, y), name) for name, part in parts.items()]
    summary = "; ".join(f"{name} mean {axis.number(mean, 4)}" for name, mean in means.items())
    what = "rank IC" if question.objective.startswith("rank") else "IC"
    note = (
        "Sum of the daily correlations of signal and target. A stable signal gives a straight line. "
        "The dashed line extrapolates the training mean. The signal was fitted on training days only."
    )
    hover = _hover(daily.dates, [("ink", "sum", total)], lambda v: axis.number(v, 2))
    plot = Plot(
        f"Cumulative {what} of the signal; {summary}.",
        axis.date_ticks(daily.dates),
        y,
        300,
        bands=_bands(daily.segments),
        lines=tuple(drawn),
        hover=hover,
    )
    keys = [Key(name, f"{name}, mean {axis.number(mean, 4)}") for name, mean in means.items()]
    if lines:
        keys.append(Key("quiet dash", "training mean"))
    return {
        "name": "information",
        "title": f"Cumulative {what}",
        "unit": f"sum of daily {what}",
        "panels": (plot,),
        "note": note,
        "keys": tuple(keys),
    }


def _rolling(daily: Information) -> dict[str, Any]:
    """Rolling correlation of signal and target, for timing."""
    x = _places(len(daily.dates))
    y = axis.round_axis(float(np.nanmin(daily.ic)), float(np.nanmax(daily.ic)))
    lines = tuple(Line(polyline(x, p, y), n) for n, p in _by_segment(daily.ic, daily.segments).items())
    hover = _hover(daily.dates, [("ink", "correlation", daily.ic)], lambda v: axis.number(v, 3))
    plot = Plot(
        "Rolling correlation of signal and target.",
        axis.date_ticks(daily.dates),
        y,
        260,
        bands=_bands(daily.segments),
        lines=lines,
        hover=hover,
    )
    keys = tuple(Key(name, name) for name in _by_segment(daily.ic, daily.segments))
    return {
        "name": "information",
        "title": "Rolling correlation",
        "unit": "window of 252 days",
        "panels": (plot,),
        "keys": keys,
        "note": "Correlation of the signal with the subsequent target. "
        "The signal was fitted on training days only.",
    }


def _compounded(returns: Floats, segments: NDArray[np.int8]) -> Floats:
    """Growth of 1; purged days and missing returns count as 0 return, and a value of 0 stays 0."""
    earned = np.where((segments >= 0) & np.isfinite(returns), returns, 0.0)
    return np.maximum(1.0 + earned, 0.0).cumprod()


def _log(value: Floats) -> Floats:
    return np.log10(np.where(value > 0, value, np.nan))


def equity(daily: Trading, question: Question, strategy: str) -> dict[str, Any] | None:
    """Growth of 1 after costs, by segment, with the drawdown below; None if no return is finite."""
    if not np.isfinite(daily.net).any():
        return None
    x = _places(len(daily.dates))
    net = _compounded(daily.net, daily.segments)
    gross = _compounded(daily.gross, daily.segments)
    benchmark = None if daily.benchmark is None else _compounded(daily.benchmark, daily.segments)
    every = np.concatenate([[1.0], net, gross] if benchmark is None else [[1.0], net, gross, benchmark])
    every = every[every > 0]  # the line ends where a strategy has lost everything
    y = axis.growth_axis(float(every.min()), float(every.max()))
    lines = []
    if benchmark is not None:
        lines.append(Line(polyline(x, _log(benchmark), y), "quiet"))
    lines.append(Line(polyline(x, _log(gross), y), "quiet dash"))
    lines += [
        Line(polyline(x, part, y), name) for name, part in _by_segment(_log(net), daily.segments).items()
    ]
    series = [("ink", "after costs", net), ("quiet", "before costs", gross)]
    series += [("quiet", "buy and hold", benchmark)] if benchmark is not None else []
    top = Plot(
        f"Growth of 1 after costs; it ends at {axis.number(net[-1], 2)}.",
        (),
        y,
        280,
        bands=_bands(daily.segments),
        lines=tuple(lines),
        hover=_hover(daily.dates, series, lambda v: axis.number(v, 3)),
    )
    keys = [Key(name, f"{name}, after costs") for name in _by_segment(net, daily.segments)]
    keys.append(Key("quiet dash", "before costs"))
    keys += [Key("quiet", "buy and hold")] if benchmark is not None else []
    cost = axis.number(question.cost_bps, 1).removesuffix(".0")
    note = (
        f"{strategy[:1].upper()}{strategy[1:]}{'; ' if strategy else ''}"
        f"costs of {cost} basis points on the traded value. No slippage, financing or borrow fees. "
        "If the data omit delisted assets, returns are biased upwards."
    )
    return {
        "name": "equity",
        "title": "Equity after costs",
        "unit": "growth of 1, compounded, log scale",
        "panels": (top, _drawdown(daily, net)),
        "note": note,
        "keys": tuple(keys),
    }


def _drawdown(daily: Trading, value: Floats) -> Plot:
    """Drawdown of `value`, shape [T], from its running maximum, which starts at 1."""
    x = _places(len(value))
    fall = value / np.maximum.accumulate(np.maximum(value, 1.0)) - 1.0
    y = axis.round_axis(float(fall.min()), 0.0, count=3, scale=100, suffix="\u202f%")
    areas = tuple(Line(area_to_zero(x, p, y), n) for n, p in _by_segment(fall, daily.segments).items())
    return Plot(
        f"Drawdown, down to {axis.percent(fall.min())}.",
        axis.date_ticks(daily.dates),
        y,
        110,
        bands=_bands(daily.segments),
        areas=areas,
        hover=_hover(daily.dates, [("ink", "drawdown", fall)], axis.percent),
        caption="Drawdown from the running maximum",
    )


def turnover(daily: Trading, question: Question) -> dict[str, Any] | None:
    """Moving average of the daily turnover; None if no turnover is finite."""
    if not np.isfinite(daily.turnover).any():
        return None
    traded = np.where(np.isfinite(daily.turnover), daily.turnover, 0.0)
    width = min(TURNOVER_WINDOW, len(traded))
    total = np.cumsum(np.insert(traded, 0, 0.0))
    smooth = np.full(len(traded), np.nan)
    smooth[width - 1 :] = (total[width:] - total[:-width]) / width
    y = axis.round_axis(0.0, float(np.nanmax(smooth)), count=4, scale=100, suffix="\u202f%")
    x = _places(len(traded))
    parts = _by_segment(smooth, daily.segments)
    means = _means(daily.turnover, daily.segments)
    summary = "; ".join(f"{name} {axis.percent(mean)} per day" for name, mean in means.items())
    plot = Plot(
        f"Turnover: {summary}.",
        axis.date_ticks(daily.dates),
        y,
        150,
        bands=_bands(daily.segments),
        lines=tuple(Line(polyline(x, part, y), name) for name, part in parts.items()),
        hover=_hover(daily.dates, [("ink", "turnover", smooth)], axis.percent),
    )
    note = f"Traded fraction of the capital per day, moving average over {width} days."
    yearly = question.periods_per_year * float(np.nanmean(daily.gross - daily.net))
    cost = axis.number(question.cost_bps, 1).removesuffix(".0")
    note += f" At {cost} basis points on the traded value this costs {axis.percent(yearly)} per year."
    keys = tuple(Key(name, f"{name}, mean {axis.percent(mean)}") for name, mean in means.items())
    return {
        "name": "turnover",
        "title": "Turnover",
        "unit": "fraction of the capital per day",
        "panels": (plot,),
        "note": note,
        "keys": keys,
    }
