"""Plots of a comparison in a terminal, drawn with braille characters of eight dots each."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quarva.report.axis import Axis
from quarva.report.comparison.data import COLOUR_COUNT, ComparisonData, ConvergencePlot, end_points, separate

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["draw"]

# ANSI colour names: the terminal's theme keeps them readable on its background.
_COLOURS = ("bright_black", "blue", "yellow", "green", "magenta", "red", "cyan", "default")
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # braille bits by row and column
_LEFT, _RIGHT, _ROWS = 9, 10, 16  # columns for tick labels and for names; rows of a panel
_NARROW = 110  # below this number of columns the panels are stacked


def draw(data: ComparisonData, columns: int) -> "list[Text]":
    """Draw the medians as lines of text, each at most `columns` wide."""
    from rich.text import Text

    side_by_side = columns >= _NARROW and len(data.plots) > 1
    width = columns // 2 - 1 if side_by_side else min(columns, 100)
    panels = [_panel(plot, width - _LEFT - _RIGHT) for plot in data.plots]
    if not side_by_side:
        return [line for panel in panels for line in panel]
    pairs = zip(panels[::2], panels[1::2], strict=True)
    return [Text("  ").join(lines) for left, right in pairs for lines in zip(left, right, strict=True)]


def _panel(plot: ConvergencePlot, width: int) -> "list[Text]":
    from rich.text import Text

    x_axis, y_axis = plot.x_axis, plot.y_axis
    bits, owner = np.zeros((_ROWS, width), np.uint8), np.full((_ROWS, width), -1)
    for k, curve in enumerate(plot.curves):
        _trace(x_axis.at(np.log10(plot.x)), y_axis.at(plot.to_axis(curve.median)), k, bits, owner)
    names = _names(plot, x_axis, y_axis, width)
    marks = {round((1 - tick.at) * (_ROWS - 1)): tick.text for tick in y_axis.ticks}
    lines = [Text(f"{'':{_LEFT}}{plot.figure} against {plot.unit}"[: _LEFT + width + _RIGHT])]
    for row in range(_ROWS):
        line = Text().append(f"{marks.get(row, ''):>{_LEFT - 2}} {'┤' if row in marks else '│'}", "dim")
        cells = Text("".join(chr(0x2800 + int(bit)) if bit else " " for bit in bits[row]))
        for column in range(width):
            if owner[row, column] >= 0:
                cells.stylize(_COLOURS[owner[row, column] % COLOUR_COUNT], column, column + 1)
        cells.pad_right(_RIGHT)
        for column, k in names.get(row, ()):
            text = plot.curves[k].name[:_RIGHT]
            cells = (
                cells[:column]
                + Text(text, f"bold {_COLOURS[k % COLOUR_COUNT]}")
                + cells[column + len(text) :]
            )
        lines.append(line + cells[: width + _RIGHT])
    lines.append(Text(f"{'':{_LEFT - 1}}└{'─' * width}{'':{_RIGHT}}", style="dim"))
    lines.append(Text(_ticks(x_axis, width), style="dim"))
    return lines


def _trace(
    x: NDArray[np.float64], y: NDArray[np.float64], k: int, bits: NDArray[np.uint8], owner: NDArray[np.int64]
) -> None:
    """Set the dots of a step function with coordinates in [0, 1] and the owner of each character."""
    rows, columns = bits.shape[0] * 4, bits.shape[1] * 2
    there = np.isfinite(y)
    if not there.any():
        return
    dots = np.arange(columns)
    first, last = np.searchsorted(dots, [x[there][0] * (columns - 1), x[there][-1] * (columns - 1)])
    # Add half a column: rounding may put the column of a point before the point itself.
    at = np.searchsorted(x[there], dots[first : last + 1] / (columns - 1) + 0.5 / columns, side="right") - 1
    at = y[there][np.maximum(at, 0)]
    heights = np.clip(np.rint((1 - at) * (rows - 1)).astype(int), 0, rows - 1)
    before = heights[0] if len(heights) else 0
    for column, height in zip(dots[first : last + 1], heights, strict=True):
        down, up = range(before + 1, height + 1), range(height, before)
        for row in down or up or (height,):
            bits[row // 4, column // 2] |= _DOTS[row % 4][column % 2]
            owner[row // 4, column // 2] = k
        before = height


def _names(plot: ConvergencePlot, x_axis: Axis, y_axis: Axis, width: int) -> dict[int, list[tuple[int, int]]]:
    """Column and curve index of the names printed in each row."""
    found = end_points(plot)
    place = {curve.name: k for k, curve in enumerate(plot.curves)}
    heights = separate(
        [float(y_axis.at(plot.to_axis(np.array([v])))[0]) for _, _, v in found], 1 / (_ROWS - 1)
    )
    names: dict[int, list[tuple[int, int]]] = {}
    for (name, x, _), height in zip(found, heights, strict=True):
        column = min(round(float(x_axis.at(np.log10(x))) * width) + 1, width)
        row = min(max(round((1 - height) * (_ROWS - 1)), 0), _ROWS - 1)
        names.setdefault(row, []).append((column, place[name]))
    return names


def _ticks(x_axis: Axis, width: int) -> str:
    line = [" "] * (_LEFT + width + _RIGHT)
    free = 0
    for tick in x_axis.ticks:
        start = max(0, _LEFT + round(tick.at * (width - 1)) - len(tick.text) // 2)
        if start >= free and start + len(tick.text) <= len(line):
            line[start : start + len(tick.text)] = tick.text
            free = start + len(tick.text) + 1
    return "".join(line)
