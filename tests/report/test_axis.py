"""Axes have few, round ticks within their range."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quarva.report.axis import date_ticks, growth_axis, number, percent, round_axis
from quarva.report.data import Node
from quarva.report.plot import downsample, polyline
from quarva.report.tree import HEIGHT, draw

values = st.floats(-1e9, 1e9, allow_nan=False)


@given(values, values, st.booleans())
def test_an_axis_covers_its_range(a, b, zero):
    low, high = min(a, b), max(a, b)
    axis = round_axis(low, high, zero=zero)
    assert axis.low <= low
    assert axis.high >= high
    assert all(-1e-9 <= tick.at <= 1 + 1e-9 for tick in axis.ticks)
    assert len(axis.ticks) <= 14


@given(st.floats(1e-4, 1e4), st.floats(1.0, 1e4))
def test_a_growth_axis_covers_its_values_and_has_labels(low, ratio):
    axis = growth_axis(low, low * ratio)
    assert axis.low <= np.log10(low)
    assert axis.high >= np.log10(low * ratio)
    assert 1 <= len(axis.ticks) <= 30


def test_numbers_are_formatted_for_reading():
    assert number(-0.00004, 3) == "0.000"
    assert number(-1234.5, 1) == "−1,234.5"
    assert number(float("nan")) == "–"
    assert percent(0.0312) == "3.1\u202f%"


@given(st.integers(1, 12_000), st.integers(-3000, 12_000))
def test_date_ticks_are_few_ascending_and_within_the_axis(days, first):
    dates = np.datetime64("1990-01-01") + first + np.arange(days)
    ticks = date_ticks(dates)
    places = [tick.at for tick in ticks]
    assert len(ticks) <= 14
    assert places == sorted(set(places))
    assert all(0 <= place <= 1 for place in places)


def test_thinning_keeps_peaks_and_ends():
    y = np.random.default_rng(0).normal(size=20_000)
    y[1234] = 50.0
    y[77] = np.nan
    rows = downsample(y, 400)
    assert {0, 1234, len(y) - 1} <= set(rows.tolist())
    assert 77 not in rows
    assert len(rows) <= 404
    assert polyline(np.linspace(0, 1, len(y)), np.full(len(y), np.nan), round_axis(0, 1)) == ""


def nodes(depth: int) -> st.SearchStrategy[Node]:
    label = st.text("abcdefgh", min_size=1, max_size=14)
    return st.recursive(
        st.builds(Node, label, st.just("field")),
        lambda inner: st.builds(
            Node, label, st.just("operator"), st.lists(inner, min_size=1, max_size=3).map(tuple)
        ),
        max_leaves=depth,
    )


@given(nodes(25))
def test_boxes_of_a_tree_do_not_overlap_and_stay_inside(root):
    drawing = draw(root)
    levels: dict[float, list] = {}
    for box in drawing.boxes:
        assert box.x - box.width / 2 >= 0
        assert box.x + box.width / 2 <= drawing.width
        assert box.y + HEIGHT / 2 <= drawing.height
        levels.setdefault(box.y, []).append(box)
    for row in levels.values():
        row.sort(key=lambda box: box.x)
        for left, right in itertools.pairwise(row):
            assert left.x + left.width / 2 < right.x - right.width / 2
