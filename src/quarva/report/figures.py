"""Builds the figures of a page from the data that is present: title, panels and note."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quarva.report import axis
from quarva.report.data import (
    SEGMENT_NAMES,
    Decay,
    Fit,
    Quantiles,
    Question,
    ReportData,
    SearchFacts,
    SearchProgress,
)
from quarva.report.plot import BOX, Bar, Hover, Key, Line, Plot, dots, polyline, step_path
from quarva.report.text import objective_name, target_name
from quarva.report.timeline import equity, information, turnover
from quarva.report.training import training

__all__ = ["Figure", "build_figures"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the page in its `section`; `wide` figures span all columns."""

    name: str
    title: str
    unit: str
    panels: tuple[Plot, ...]
    note: str
    section: str
    wide: bool = False
    keys: tuple[Key, ...] = field(default=())


def build_figures(data: ReportData) -> list[Figure]:
    """Build every figure for which `data` has values, in page order."""
    question = data.question
    made: list[Figure | None] = []
    if data.fit is not None:
        made += [predicted_vs_actual(data.fit, question.target), residuals(data.fit, question.target)]
    if data.information is not None:
        made.append(_figure(information(data.information, question), "predicts", wide=True))
    if data.quantiles is not None:
        made.append(quantiles(data.quantiles, question))
    if data.decay is not None:
        made.append(decay(data.decay, question.delay))
    if data.trading is not None:
        made.append(_figure(equity(data.trading, question, data.strategy), "trades", wide=True))
        made.append(_figure(turnover(data.trading, question), "trades", wide=True))
    if data.model is not None and data.model.training is not None:
        made.append(_figure(training(data.model.training), "search", wide=True))
    if data.progress is not None and len(data.progress.evaluations):
        made.append(search_progress(data.progress, question.objective, data.search))
    return [figure for figure in made if figure is not None]


def _figure(parts: dict | None, section: str, wide: bool) -> Figure | None:
    return None if parts is None else Figure(section=section, wide=wide, **parts)


def _keys(names: list[str]) -> tuple[Key, ...]:
    return tuple(Key(name, name) for name in names)


def quantiles(data: Quantiles, question: Question) -> Figure | None:
    """Bar chart of the mean target by quantile, with one bar per segment; None if no mean is finite."""
    horizon, kind, target = question.horizon, question.kind, target_name(question)
    names = [name for name in SEGMENT_NAMES if name in data.means]
    values = np.array([data.means[name] for name in names])
    if not values.size or not np.isfinite(values).any():
        return None
    # Returns are shown in basis points; other targets keep their unit.
    scale, unit = (1e4, "basis points") if horizon is not None else (1.0, "the target’s unit")
    y = axis.round_axis(float(np.nanmin(values)), float(np.nanmax(values)), scale=scale)
    bins = values.shape[1]
    slot = BOX / bins
    zero = BOX * (1 - float(y.at(np.zeros(1))[0]))
    bars = []
    for k, name in enumerate(names):
        width = 0.72 * slot / len(names)
        for q in np.flatnonzero(np.isfinite(values[k])):
            top = BOX * (1 - float(y.at(values[k, q : q + 1])[0]))
            left = q * slot + 0.14 * slot + k * width
            bars.append(Bar(left, min(top, zero), width * 0.94, abs(top - zero), name))
    ends = {0: "lowest", bins - 1: "highest"}
    ticks = tuple(axis.Tick((q + 0.5) / bins, ends.get(q, str(q + 1))) for q in range(bins))
    texts = [(name, name, [axis.number(v * scale, 1) for v in values[k]]) for k, name in enumerate(names)]
    heads = [f"fifth {q + 1}" if bins == 5 else f"quantile {q + 1}" for q in range(bins)]
    summary = f"Mean {target} by quantile of the signal, lowest first. " + " ".join(
        f"{name}: {', '.join(row)} {unit}." for name, _, row in texts
    )
    plot = Plot(
        summary,
        ticks,
        y,
        240,
        bars=tuple(bars),
        x_title="signal",
        hover=Hover([t.at for t in ticks], heads, texts),
    )

    groups = "fifths" if bins == 5 else f"{bins} equal groups"
    minus = ", minus the day’s mean over all assets" if data.demeaned else ""
    note = f"Each day’s assets are sorted by the signal into {groups}; bars show their mean {target}{minus}."
    if kind != "cross-section":
        note = f"Days are sorted by the signal into {groups} with limits computed on training days; "
        note += f"bars show their mean {target}."
    return Figure(
        "quantiles",
        "Return by quantile of the signal" if horizon is not None else "Target by quantile of the signal",
        f"{target}, {unit}",
        (plot,),
        note,
        "predicts",
        keys=_keys(names),
    )


def decay(data: Decay, delay: int) -> Figure | None:
    """Mean IC against the horizon of the target; None if no mean is finite."""
    names = [name for name in SEGMENT_NAMES if name in data.means]
    values = np.array([data.means[name] for name in names])
    if not values.size or not np.isfinite(values).any():
        return None
    y = axis.round_axis(float(np.nanmin(values)), float(np.nanmax(values)))
    count = len(data.horizons)
    x = (np.arange(count) + 0.5) / count
    lines = []
    for k, name in enumerate(names):
        lines.append(Line(polyline(x, values[k], y), f"{name} thin"))
        lines.append(Line(dots(x, values[k], y), f"{name} dot"))
    ticks = tuple(axis.Tick(float(a), str(h)) for a, h in zip(x, data.horizons, strict=True))
    texts = [(name, name, [axis.number(v, 4) for v in values[k]]) for k, name in enumerate(names)]
    what = data.figure[:1].upper() + data.figure[1:]
    summary = f"{what} at horizons {', '.join(map(str, data.horizons))} days. " + " ".join(
        f"{name}: {', '.join(row)}." for name, _, row in texts
    )
    hover = Hover([float(a) for a in x], [f"{h} days" if h > 1 else "1 day" for h in data.horizons], texts)
    plot = Plot(summary, ticks, y, 240, lines=tuple(lines), hover=hover, x_title="horizon, days")
    note = (
        "Correlation of the signal with returns over increasing horizons, all traded "
        f"{delay} day{'' if delay == 1 else 's'} after the signal."
    )
    return Figure(
        "decay",
        "Decay with the horizon",
        data.figure,
        (plot,),
        note,
        "predicts",
        keys=_keys(names),
    )


def search_progress(data: SearchProgress, objective: str, search: SearchFacts) -> Figure:
    """Best score so far and batch means against distinct evaluations."""
    batches = None if data.batches is None else data.batches.astype(np.float64)
    mean = None if data.mean is None else np.asarray(data.mean, dtype=np.float64)
    x, best = data.evaluations.astype(np.float64), np.asarray(data.best, dtype=np.float64)
    if batches is not None and batches[-1] > x[-1]:  # extend the last incumbent to the end of the search
        x, best = np.append(x, batches[-1]), np.append(best, best[-1])
    finite = np.concatenate([best] if mean is None else [best, mean])
    finite = finite[np.isfinite(finite)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if objective in ("r2", "nrmse") and len(finite):
        # A bad batch or the first formulas (an R² of −1e9) must not dominate the scale.
        settled = 0 if batches is None else np.searchsorted(x, batches[0], side="right") - 1
        level = float(best[max(int(settled), 0)])
        low, high = (max(low, level - 1.0), high) if objective == "r2" else (low, min(high, level + 1.0))
        best = np.clip(best, low, high)
        mean = None if mean is None else np.where((mean >= low) & (mean <= high), mean, np.nan)
    y = axis.round_axis(low, high)
    scale = axis.round_axis(0.0, float(x.max()), count=5)
    ticks = scale.ticks
    lines = []
    if batches is not None and mean is not None:
        lines.append(Line(polyline(scale.at(batches), mean, y), "quiet"))
    lines.append(Line(step_path(scale.at(x), best, y), "train"))
    places = x if batches is None else np.union1d(x, batches)
    places = places[np.unique(np.linspace(0, len(places) - 1, min(len(places), 240)).astype(int))]
    then = best[np.maximum(np.searchsorted(x, places, side="right") - 1, 0)]
    series = [("train", "best so far", [axis.number(value, 4) for value in then])]
    if batches is not None and mean is not None:
        # Inside a batch the tooltip shows the mean of that batch.
        within = mean[np.minimum(np.searchsorted(batches, places), len(mean) - 1)]
        series.append(("quiet", "batch mean", [axis.number(value, 4) for value in within]))
    hover = Hover([float(at) for at in scale.at(places)], [f"{int(at):,} formulas" for at in places], series)
    last = axis.number(best[-1], 4)
    plot = Plot(
        f"Best training score so far against evaluated formulas; it ends at {last}.",
        ticks,
        y,
        240,
        lines=tuple(lines),
        hover=hover,
        x_title="distinct formulas evaluated",
    )
    keys = [Key("train", "best so far")] + ([] if mean is None else [Key("quiet", "batch mean")])
    return Figure(
        "progress",
        "Progress of the search",
        f"{objective_name(objective)}, training data",
        (plot,),
        _counts(search),
        "search",
        wide=True,
        keys=tuple(keys),
    )


def _counts(search: SearchFacts) -> str:
    """Summarise the counts of a search and its stopping reason."""
    text = "The search maximises the training score and uses no other data."
    if search.proposed is not None:
        text += f" {search.proposed:,} formulas proposed, {search.evaluations:,} of them distinct and scored"
        text += "" if search.invalid is None else f", {search.invalid:,} invalid"
        text += f", chosen from {search.candidates:,} candidates by a surrogate" if search.candidates else ""
        text += f"; stopped: {search.stopped}." if search.stopped else "."
    return text


def _fit_rows(data: Fit, limit: int = 1500) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    """Evenly spaced rows of each segment, at most `limit`, to limit the size of the page."""
    rows = {}
    for code, name in enumerate(SEGMENT_NAMES):
        found = np.flatnonzero(
            (data.segments == code) & np.isfinite(data.predicted) & np.isfinite(data.actual)
        )
        if len(found):
            rows[name] = found[np.unique(np.linspace(0, len(found) - 1, min(limit, len(found))).astype(int))]
    return rows, list(rows)


def predicted_vs_actual(data: Fit, target: str) -> Figure | None:
    """Scatter plot of predicted against actual values; None if there are no pairs."""
    rows, names = _fit_rows(data)
    if not rows:
        return None
    both = np.concatenate([np.concatenate([data.predicted[r], data.actual[r]]) for r in rows.values()])
    y = axis.round_axis(float(both.min()), float(both.max()), zero=False)
    lines = [Line(f"M0 {BOX}L{BOX} 0", "quiet dash")]
    lines += [
        Line(dots(y.at(data.actual[r]), data.predicted[r], y), f"{name} dot") for name, r in rows.items()
    ]
    x = tuple(axis.Tick(t.at, t.text, t.fine) for t in y.ticks)
    plot = Plot(
        f"Predicted against actual {target}.", x, y, 320, lines=tuple(lines), x_title=f"actual {target}"
    )
    note = "One dot per row; predictions on the dashed line are exact."
    if "validation" in names:
        note += " The fit used training rows only."
    return Figure(
        "fit",
        "Predicted against actual",
        target,
        (plot,),
        note,
        "predicts",
        keys=_keys(names),
    )


def residuals(data: Fit, target: str) -> Figure | None:
    """Scatter plot of residuals against predictions; None if there are no pairs."""
    rows, names = _fit_rows(data)
    if not rows:
        return None
    every = np.concatenate(list(rows.values()))
    residual = data.actual - data.predicted
    y = axis.round_axis(float(residual[every].min()), float(residual[every].max()))
    x = axis.round_axis(float(data.predicted[every].min()), float(data.predicted[every].max()), zero=False)
    lines = tuple(
        Line(dots(x.at(data.predicted[r]), residual[r], y), f"{name} dot") for name, r in rows.items()
    )
    plot = Plot(
        f"Residuals of {target} against predicted.",
        x.ticks,
        y,
        320,
        lines=lines,
        x_title=f"predicted {target}",
    )
    return Figure(
        "residuals",
        "Residuals",
        f"actual minus predicted {target}",
        (plot,),
        "A visible pattern indicates structure that the formula misses.",
        "predicts",
        keys=_keys(names),
    )
