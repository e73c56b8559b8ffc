"""The comparison as one HTML file that needs nothing else."""

import os
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.files import write_atomically
from quarva.report import axis
from quarva.report.comparison.data import Compared, Race, ends, spread, tint
from quarva.report.page import environment
from quarva.report.plot import BOX, Hover, Label, Line, Plot, between, stairs, step

__all__ = ["render", "write"]

_HEIGHT = 300  # pixels of a panel
_LABEL = 17  # pixels that a label takes
_READ_OUT = 400  # places at most that are read out under the pointer


def write(data: Compared, path: str | os.PathLike[str]) -> Path:
    """Write the page to `path`, whole or not at all, and return the path. Raises RunError."""
    target = Path(path)
    write_atomically(target, render(data).encode())
    return target


def render(data: Compared) -> str:
    """The page as HTML text."""
    from markupsafe import Markup

    style = resources.files("quarva.report") / "templates" / "compared.css"
    return (
        environment()
        .get_template("compared.html")
        .render(
            data=data,
            compared_style=Markup(style.read_text(encoding="utf-8")),
            tints=[tint(k) for k in range(len(data.rows))],
            keys=[(tint(k), name) for k, name in enumerate(_names(data))],
            panels=[_plot(race) for race in data.races],
            level=next((race.write(race.level) for race in data.races if race.level is not None), None),
        )
    )


def _names(data: Compared) -> list[str]:
    return [band.name for band in data.races[0].bands] if data.races else []


def _plot(race: Race) -> Plot:
    across, upwards = race.across, race.upwards
    x = across.at(np.log10(race.x))
    areas, lines = [], []
    for k, band in enumerate(race.bands):
        low, high, middle = (race.height(part) for part in (band.low, band.high, band.middle))
        there = np.isfinite(low) & np.isfinite(high)  # else the last step would reach to the next place
        places, low, high = stairs(x[there], low[there], high[there])
        areas.append(Line(between(places, low, high, upwards), tint(k)))
        lines.append(Line(step(x, middle, upwards), tint(k)))
    said = "; ".join(
        f"{name} {race.write(value)} after {axis.number(place, 1)}" for name, place, value in ends(race)
    )
    level: tuple[Line, ...] = ()
    if race.level is not None and np.isfinite(race.level):
        place = BOX * (1 - float(upwards.at(race.height(np.array([race.level])))[0]))
        level = (Line(f"M0 {place:.1f}H1000", "quiet dash"),)
    return Plot(
        f"{race.figure} against {race.unit}, median over seeds: {said}.",
        across.ticks,
        upwards,
        _HEIGHT,
        areas=tuple(areas),
        lines=(*level, *lines, *_dots(race, upwards)),
        labels=_labels(race, upwards),
        hover=_hover(race, x),
        caption=f"{race.figure}, against {race.unit}",
        x_title=f"{race.unit}, log scale",
    )


def _dots(race: Race, upwards: axis.Axis) -> tuple[Line, ...]:
    """A dot where each median ends."""
    style = {band.name: f"{tint(k)} dot" for k, band in enumerate(race.bands)}
    return tuple(
        Line(f"M{BOX * left:.1f} {BOX * (1 - bottom):.1f}h0", style[name])
        for name, left, bottom in _places(race, upwards)
    )


def _places(race: Race, upwards: axis.Axis) -> list[tuple[str, float, float]]:
    """Name, and place in [0, 1] of the end of each median."""
    found = ends(race)
    left = race.across.at(np.log10([place for _, place, _ in found]))
    bottom = upwards.at(race.height(np.array([value for _, _, value in found])))
    return [(name, float(a), float(b)) for (name, _, _), a, b in zip(found, left, bottom, strict=True)]


def _labels(race: Race, upwards: axis.Axis) -> tuple[Label, ...]:
    style = {band.name: tint(k) for k, band in enumerate(race.bands)}
    found = _places(race, upwards)
    heights = spread([bottom for _, _, bottom in found], _LABEL / _HEIGHT)
    return tuple(
        Label(100 * left, 100 * height, name, style[name])
        for (name, left, _), height in zip(found, heights, strict=True)
    )


def _hover(race: Race, x: NDArray[np.float64]) -> Hover:
    whole = race.unit == "evaluations"
    rows = np.unique(np.linspace(0, len(x) - 1, min(len(x), _READ_OUT)).astype(int))
    heads = [f"{place:,.0f} {race.unit}" if whole else f"{place:.3g} {race.unit}" for place in race.x[rows]]
    series = []
    for k, band in enumerate(race.bands):
        parts = zip(band.middle[rows], band.low[rows], band.high[rows], strict=True)
        texts = [
            f"{race.write(m)} ({race.write(a)} to {race.write(b)})" if np.isfinite(m) else ""
            for m, a, b in parts
        ]
        series.append((tint(k), band.name, texts))
    return Hover([round(float(place), 5) for place in x[rows]], heads, series)
