"""A comparison as a self-contained page, as a PNG and in the terminal."""

import re
import struct
from dataclasses import replace

import numpy as np
import pytest

from quarva.errors import RunError
from quarva.report.comparison import ComparisonData, ConvergencePlot, Curve, draw, render, write, write_png
from quarva.report.comparison.data import end_points, separate

X = np.geomspace(100, 10_000, 50)


def a_band(name, height):
    median = height * np.log10(X)
    median[:3] = np.nan
    return Curve(name, median - 0.5, median, median + 0.5)


@pytest.fixture
def data():
    curves = (a_band("random", 1.0), a_band("gep", 2.0), a_band("<mine>", 2.01))
    plots = tuple(
        ConvergencePlot("mean daily IC", unit, X, curves, level=4.0) for unit in ("evaluations", "seconds")
    )
    rows = (("random", "1.0"), ("gep", "2.0"), ("<mine>", "2.0"))
    return ComparisonData(
        "random, gep and mine", "a lead", plots, ("searcher", "best"), rows, ("a note",), "0.1"
    )


def test_the_page_is_self_contained(data):
    page = render(data)
    assert not re.search(r"(src|href)=|url\(|@import|https?://", page)
    assert "<mine>" not in page
    assert page.count("&lt;mine&gt;") >= 4
    assert page.count('class="area ') == 6


def test_every_line_has_a_label_at_its_end(data):
    page = render(data)
    found = re.findall(r'class="label (s\d)".*?left:([\d.]+)%;bottom:([\d.]+)%">(.*?)<', page)
    assert [(style, name) for style, _, _, name in found[:3]] == [
        ("s0", "random"), ("s1", "gep"), ("s2", "&lt;mine&gt;"),
    ]  # fmt: skip
    heights = [float(bottom) for _, _, bottom, _ in found[:3]]
    assert abs(heights[1] - heights[2]) >= 5  # percent of 300 pixels: a line of text


def test_the_level_is_drawn_and_labelled(data):
    assert "searchers are timed, 4.0000" in render(data)
    without = replace(data, plots=tuple(replace(plot, level=None) for plot in data.plots))
    assert "are timed" not in render(without)


def test_colours_repeat_if_there_are_many_searchers(data):
    curves = tuple(a_band(f"way {k}", 1 + k) for k in range(10))
    many = replace(
        data,
        plots=(ConvergencePlot("score", "evaluations", X, curves),) * 2,
        rows=tuple((b.name, "1") for b in curves),
    )
    assert 's0"></i>way 8' in render(many)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_png_file_is_valid(data, tmp_path, theme):
    path = write_png(data, tmp_path / "c.png", theme)
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    wide, tall = struct.unpack(">II", head[16:24])
    assert wide > tall > 400


def test_a_path_that_cannot_be_written_is_reported(data, tmp_path):
    for writing in (write, write_png):
        with pytest.raises(RunError, match="there is no folder"):
            writing(data, tmp_path / "gone" / "c.x")


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_the_terminal_plot_stays_within_its_width(data, columns):
    lines = [line.plain for line in draw(data, columns)]
    assert max(map(len, lines)) <= columns
    whole = "\n".join(lines)
    assert whole.count("gep") == 2
    assert whole.count("<mine>") == 2


def test_the_line_of_the_terminal_plot_rises(data):
    lines = [line.plain for line in draw(replace(data, plots=data.plots[:1]), 80)]
    dots = [(row, column) for row, line in enumerate(lines) for column, letter in enumerate(line)
            if 0x2800 < ord(letter) <= 0x28FF]  # fmt: skip
    left = min(dots, key=lambda dot: dot[1])
    top = min(dots)
    assert left[0] > top[0]
    assert left[1] < top[1]


def test_labels_are_pushed_apart_and_keep_their_order():
    places = separate([0.5, 0.5, 0.52, 0.9], 0.1)
    assert np.diff(sorted(places)).min() >= 0.1 - 1e-12
    assert places[0] < places[1] < places[2] < places[3]
    assert separate([0.2, 0.8], 0.1) == [0.2, 0.8]
    assert max(separate([1.0, 1.0, 1.0], 0.1)) <= 1.0


def test_a_searcher_without_scores_has_no_label(data):
    nothing = np.full(len(X), np.nan)
    curves = (a_band("gep", 1.0), Curve("none", nothing, nothing, nothing))
    plot = ConvergencePlot("score", "seconds", X, curves)
    assert [name for name, _, _ in end_points(plot)] == ["gep"]
    quiet = replace(data, plots=(plot, plot), rows=(("gep", "1"), ("none", "–")))
    assert "none" in render(quiet)
    draw(quiet, 100)


def test_errors_are_drawn_on_a_logarithmic_axis(data):
    error = 10 ** -np.linspace(0, 6, len(X))
    plot = ConvergencePlot(
        "normalised RMSE", "evaluations", X, (Curve("gep", error, error, error),), logarithmic=True
    )
    assert [tick.text for tick in plot.y_axis.ticks][-1] == "1"
    assert plot.format(2e-7) == "2.0e−07"


def test_lines_are_drawn_as_steps(data):
    """Between two places a searcher has what it had at the first of them."""
    x, median = np.array([1.0, 10.0, 100.0, 1000.0]), np.array([0.0, 0.0, 8.0, 8.0])
    plot = ConvergencePlot("score", "evaluations", x, (Curve("gep", median - 1, median, median + 1),))
    one = replace(data, plots=(plot, plot), rows=(("gep", "1"),))
    line = re.search(r'<path class="line s0" d="([^"]+)"', render(one))
    assert set(re.sub(r"[\d. -]", "", line.group(1))) <= set("MHV")
    drawn = [line.plain for line in draw(replace(one, plots=(plot,)), 80)]
    heights = {row for row, text in enumerate(drawn) for letter in text if 0x2800 < ord(letter) <= 0x28FF}
    columns = {}
    for row, text in enumerate(drawn):
        for column, letter in enumerate(text):
            if 0x2800 < ord(letter) <= 0x28FF:
                columns.setdefault(column, []).append(row)
    low, high = max(heights), min(heights)
    tall = [column for column, rows in columns.items() if len(rows) > 1]
    assert len(tall) == 1  # the rise
    assert all(rows == [low] for column, rows in columns.items() if column < tall[0])
    assert all(rows == [high] for column, rows in columns.items() if column > tall[0])
    place = (tall[0] - min(columns)) / (max(columns) - min(columns))
    assert place == pytest.approx(2 / 3, abs=0.03)


def test_a_line_ends_where_its_searcher_ended(data):
    x, short = np.array([1.0, 10.0, 100.0, 1000.0]), np.array([1.0, 2.0, np.nan, np.nan])
    long = np.array([1.0, 2.0, 3.0, 3.0])
    curves = (Curve("short", short - 1, short, short + 1), Curve("long", long - 1, long, long + 1))
    plot = ConvergencePlot("score", "evaluations", x, curves)
    page = render(replace(data, plots=(plot, plot), rows=(("short", "1"), ("long", "2"))))
    end = 1000 * float(plot.x_axis.at(np.log10(np.array(10.0))))
    for kind in ("area", "line"):
        path = re.search(rf'<path class="{kind} s0" d="([^"]+)"', page).group(1)
        assert max(map(float, re.findall(r"[MLH]([\d.]+)", path))) == pytest.approx(end, abs=0.1)
