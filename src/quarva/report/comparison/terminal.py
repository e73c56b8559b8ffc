"""The picture of a comparison in a terminal: braille dots, eight to a letter."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quarva.report.axis import Axis
from quarva.report.comparison.data import TINTS, Compared, Race, ends, spread

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["draw"]

# Names of the terminal's own colours, which its theme keeps readable on its own ground.
_TINTS = ("bright_black", "blue", "yellow", "green", "magenta", "red", "cyan", "default")
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # Unicode's bits for a letter's four rows
_LEFT, _RIGHT, _ROWS = 9, 10, 16  # letters for the figures on the left and the names on the right; rows
_NARROW = 110  # columns under which the panels stand below each other


def draw(data: Compared, columns: int) -> "list[Text]":
    """The picture as lines of at most so many columns; medians only."""
    from rich.text import Text

    side_by_side = columns >= _NARROW and len(data.races) > 1
    width = columns // 2 - 1 if side_by_side else min(columns, 100)
    panels = [_panel(race, width - _LEFT - _RIGHT) for race in data.races]
    if not side_by_side:
        return [line for panel in panels for line in panel]
    pairs = zip(panels[::2], panels[1::2], strict=True)
    return [Text("  ").join(lines) for left, right in pairs for lines in zip(left, right, strict=True)]


def _panel(race: Race, width: int) -> "list[Text]":
    from rich.text import Text

    across, upwards = race.across, race.upwards
    bits, owner = np.zeros((_ROWS, width), np.uint8), np.full((_ROWS, width), -1)
    for k, band in enumerate(race.bands):
        _trace(across.at(np.log10(race.x)), upwards.at(race.height(band.middle)), k, bits, owner)
    names = _names(race, across, upwards, width)
    marks = {round((1 - tick.at) * (_ROWS - 1)): tick.text for tick in upwards.ticks}
    lines = [Text(f"{'':{_LEFT}}{race.figure} against {race.unit}"[: _LEFT + width + _RIGHT])]
    for row in range(_ROWS):
        line = Text().append(f"{marks.get(row, ''):>{_LEFT - 2}} {'┤' if row in marks else '│'}", "dim")
        cells = Text("".join(chr(0x2800 + int(bit)) if bit else " " for bit in bits[row]))
        for column in range(width):
            if owner[row, column] >= 0:
                cells.stylize(_TINTS[owner[row, column] % TINTS], column, column + 1)
        cells.pad_right(_RIGHT)
        for column, k in names.get(row, ()):
            text = race.bands[k].name[:_RIGHT]
            cells = cells[:column] + Text(text, f"bold {_TINTS[k % TINTS]}") + cells[column + len(text) :]
        lines.append(line + cells[: width + _RIGHT])
    lines.append(Text(f"{'':{_LEFT - 1}}└{'─' * width}{'':{_RIGHT}}", style="dim"))
    lines.append(Text(_ticks(across, width), style="dim"))
    return lines


def _trace(
    x: NDArray[np.float64], y: NDArray[np.float64], k: int, bits: NDArray[np.uint8], owner: NDArray[np.int64]
) -> None:
    """Set the dots of a line of steps between places in [0, 1], and who set a letter last."""
    rows, columns = bits.shape[0] * 4, bits.shape[1] * 2
    there = np.isfinite(y)
    if not there.any():
        return
    dots = np.arange(columns)
    first, last = np.searchsorted(dots, [x[there][0] * (columns - 1), x[there][-1] * (columns - 1)])
    # At a place's own column rounding may fall before the place itself.
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


def _names(race: Race, across: Axis, upwards: Axis, width: int) -> dict[int, list[tuple[int, int]]]:
    """For each row the column and the searcher of the names that stand in it."""
    found = ends(race)
    place = {band.name: k for k, band in enumerate(race.bands)}
    heights = spread([float(upwards.at(race.height(np.array([v])))[0]) for _, _, v in found], 1 / (_ROWS - 1))
    names: dict[int, list[tuple[int, int]]] = {}
    for (name, x, _), height in zip(found, heights, strict=True):
        column = min(round(float(across.at(np.log10(x))) * width) + 1, width)
        row = min(max(round((1 - height) * (_ROWS - 1)), 0), _ROWS - 1)
        names.setdefault(row, []).append((column, place[name]))
    return names


def _ticks(across: Axis, width: int) -> str:
    line = [" "] * (_LEFT + width + _RIGHT)
    free = 0
    for tick in across.ticks:
        start = max(0, _LEFT + round(tick.at * (width - 1)) - len(tick.text) // 2)
        if start >= free and start + len(tick.text) <= len(line):
            line[start : start + len(tick.text)] = tick.text
            free = start + len(tick.text) + 1
    return "".join(line)
