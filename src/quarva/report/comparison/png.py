"""Plots of a comparison as a PNG, drawn with matplotlib and its bundled fonts."""

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from quarva._runtime.extras import import_extra
from quarva._runtime.files import write_atomically
from quarva.report.comparison.data import COLOUR_COUNT, ComparisonData, ConvergencePlot, end_points, separate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LIGHT", "write_png"]

LIGHT = {
    "paper": "#fcfbf8", "ink": "#1c1b19", "soft": "#625f58", "rule": "#e9e6df", "quiet": "#98948a",
    "tints": ("#77736a", "#0072b2", "#c8500f", "#00875f", "#a8508c", "#9a7200", "#3a8fc4", "#1c1b19"),
}  # fmt: skip
_DARK = {
    "paper": "#141518", "ink": "#eceae4", "soft": "#aaa79e", "rule": "#25262b", "quiet": "#7f7c75",
    "tints": ("#a09c92", "#56a8e8", "#f0843c", "#2fbf93", "#df8fc4", "#dcb53c", "#9bd3f5", "#eceae4"),
}  # fmt: skip
_WIDTH, _TITLE_HEIGHT, _ROW_HEIGHT = 11.0, 1.25, 3.95  # inches
_DPI = 160


def write_png(
    data: ComparisonData, path: str | os.PathLike[str], theme: Literal["light", "dark"] = "light"
) -> Path:
    """Write the plots to `path` atomically and return the path.

    Raises
    ------
    RunError
        If matplotlib is missing or the file cannot be written.
    """
    matplotlib = import_extra("matplotlib", "png", "the PNG of a comparison")
    figures = import_extra("matplotlib.figure", "png", "the PNG of a comparison")

    colours: dict[str, Any] = LIGHT if theme == "light" else _DARK
    settings: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 9.5, "text.color": colours["ink"]}
    with matplotlib.rc_context(settings):
        rows = max(len(data.plots) // 2, 1)
        height = _TITLE_HEIGHT + rows * _ROW_HEIGHT
        figure = figures.Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor=colours["paper"])
        panels = figure.subplots(rows, 2, squeeze=False)
        figure.subplots_adjust(
            left=0.065,
            right=0.935,
            top=1 - (_TITLE_HEIGHT + 0.12) / height,
            bottom=0.6 / height,
            wspace=0.26,
            hspace=0.36,
        )
        figure.text(0.022, 1 - 0.4 / height, data.title, fontsize=15, va="center")
        figure.text(0.022, 1 - 0.76 / height, data.lead, fontsize=9.5, color=colours["soft"], va="center")
        for panel, plot in zip(panels.flat, data.plots, strict=True):
            _draw(panel, plot, colours)
        buffer = BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": f"Quarva {data.version}"})
    target = Path(path)
    write_atomically(target, buffer.getvalue())
    return target


def _draw(panel: "Axes", plot: ConvergencePlot, colours: dict[str, Any]) -> None:
    x_axis, y_axis = plot.x_axis, plot.y_axis
    x = np.log10(plot.x)
    _style_panel(panel, colours)
    panel.set_xlim(x_axis.low, x_axis.high)
    panel.set_ylim(y_axis.low, y_axis.high)
    for axis, scale in ((panel.xaxis, x_axis), (panel.yaxis, y_axis)):
        axis.set_ticks([scale.low + tick.at * (scale.high - scale.low) for tick in scale.ticks])
        axis.set_ticklabels([tick.text for tick in scale.ticks])
    if plot.level is not None and np.isfinite(plot.level):
        panel.axhline(plot.to_axis(np.array([plot.level]))[0], color=colours["quiet"], lw=0.9, ls=(0, (4, 4)))
    colour = {curve.name: colours["tints"][k % COLOUR_COUNT] for k, curve in enumerate(plot.curves)}
    for curve in plot.curves:
        low, median, high = (plot.to_axis(part) for part in (curve.low, curve.median, curve.high))
        both, colour_class = np.isfinite(low) & np.isfinite(high), colour[curve.name]
        panel.fill_between(x[both], low[both], high[both], color=colour_class, alpha=0.16, lw=0, step="post")
        there = np.isfinite(median)
        line: dict[str, Any] = {"lw": 1.9, "solid_joinstyle": "round", "clip_on": False}
        panel.plot(x[there], median[there], color=colour_class, drawstyle="steps-post", **line)
    found = end_points(plot)
    heights = y_axis.at(plot.to_axis(np.array([value for _, _, value in found])))
    for (name, place, value), height in zip(found, separate([float(h) for h in heights], 0.055), strict=True):
        here = (np.log10(place), plot.to_axis(np.array([value]))[0])
        panel.plot(*here, "o", color=colour[name], ms=5, clip_on=False)
        panel.annotate(
            name, (here[0], y_axis.low + height * (y_axis.high - y_axis.low)), (8, 0),
            textcoords="offset points", color=colour[name], weight="bold", va="center", annotation_clip=False,
            bbox={"boxstyle": "round,pad=0.12", "fc": colours["paper"], "ec": "none", "alpha": 0.75},
        )  # fmt: skip
    panel.set_title(
        f"{_capital(plot.figure)}, against {plot.unit}", loc="left", fontsize=10, color=colours["soft"], pad=9
    )
    panel.set_xlabel(f"{plot.unit}, log scale", color=colours["soft"], labelpad=6)


def _style_panel(panel: "Axes", colours: dict[str, Any]) -> None:
    """Style a panel: no frame, horizontal grid lines, ticks without marks."""
    panel.set_facecolor(colours["paper"])
    for side in panel.spines.values():
        side.set_visible(False)
    panel.grid(axis="y", color=colours["rule"], lw=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(length=0, colors=colours["soft"], labelcolor=colours["soft"], pad=6)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
