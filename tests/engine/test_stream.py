"""A stream gives the signals of the whole panel, bit for bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarva.engine import Program, Stream, signals
from quarva.errors import FormulaError
from quarva.karva import parse
from quarva.panel import last_rows


def feed(stream, panel):
    universe = [None] * len(panel.dates) if panel.universe is None else panel.universe
    return np.stack([stream.step(panel.values[:, t], universe[t]) for t in range(len(panel.dates))], axis=1)


@given(
    assets=st.sampled_from([1, 5, 20, 37, 300]),
    universe=st.booleans(),
    genes=st.sampled_from([1, 2]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_stream_gives_the_signals_of_the_whole_panel(assets, universe, genes, seed, market, population):
    panel = market(90, assets, seed, universe=universe)
    program = Program.from_population(population(12, seed, genes=genes))
    np.testing.assert_array_equal(feed(Stream(program, panel), panel), signals(program, panel))


# Chunks have 256 days, so the stream may begin before, in or after the second and third chunk.
@given(
    until=st.integers(0, 599),
    universe=st.booleans(),
    conventions=st.sampled_from(["quarva", "qlib"]),
    windows=st.sampled_from([(2, 3, 5), (5, 20, 60), (65, 130, 260)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_stream_that_begins_late_gives_the_same_signals(
    until, universe, conventions, windows, seed, market, population
):
    panel = market(600, 3, seed, universe=universe).with_conventions(conventions)
    program = Program.from_population(population(10, seed, windows=windows))
    stream = Stream(program, panel)
    stream.ends[:3] = last_rows(panel.values)
    first = stream.resume(until)
    assert first == stream.begin_for(until) == stream.day <= until
    inside = [None] * 600 if panel.universe is None else panel.universe
    for day in range(first, until):
        stream.advance(panel.values[:, day], inside[day])
    last = range(until, min(until + 20, 600))
    late = np.stack([stream.step(panel.values[:, day], inside[day]) for day in last], axis=1)
    np.testing.assert_array_equal(late, signals(program, panel)[:, last])


def test_a_stream_begins_as_late_as_its_windows_allow(market):
    panel = market(1, 5)

    def begin_for(text, until):
        return Stream(Program.from_expressions([parse(text)]), panel).begin_for(until)

    assert begin_for("x + y", 1000) == 1000
    assert begin_for("ref(x, 20)", 1000) == 980
    # Blocks of 20 days begin on day 768, a multiple of 256, and then on 788, 808, … 988.
    assert begin_for("mean(x, 20)", 1000) == 968
    assert begin_for("mean(ref(x, 7), 20)", 1000) == 961
    assert begin_for("mean(x, 20)", 770) == 748
    assert begin_for("median(x, 20)", 1000) == 768
    assert begin_for("mean(x, 20)", 10) == 0


def test_windows_may_be_longer_than_a_block(market, population):
    panel = market(700, 20)
    program = Program.from_population(population(40, windows=(65, 130, 200)))
    np.testing.assert_array_equal(feed(Stream(program, panel), panel), signals(program, panel))


@pytest.mark.parametrize("threads", [2, 3])
def test_signals_do_not_depend_on_threads(threads, market, population, monkeypatch):
    monkeypatch.setattr("quarva.engine.stream._CELLS", 1)
    panel = market(90, 20, universe=True)
    program = Program.from_population(population(40))
    shared = Stream(program, panel, threads=threads)
    assert len(shared._parts) >= threads
    np.testing.assert_array_equal(feed(shared, panel), feed(Stream(program, panel, threads=1), panel))


def test_a_stream_takes_its_fields_in_the_given_order(market):
    panel = market(30, 5)
    program = Program.from_expressions([parse("x - ref(volume, 2)")])
    stream = Stream(program, panel, fields=["volume", "x"])
    days = [stream.step(np.stack([panel.field("volume")[t], panel.field("x")[t]])) for t in range(30)]
    np.testing.assert_array_equal(np.stack(days), signals(program, panel)[0][:, None])
    assert stream.day == 30


def test_values_that_are_not_finite_are_missing(market):
    stream = Stream(Program.from_expressions([parse("abs(x)")]), market(1, 5), fields=["x"])
    row = stream.step(np.array([[1.0, np.inf, -np.inf, 1e300, np.nan]]))[0]
    np.testing.assert_array_equal(row, [1, np.nan, np.nan, np.nan, np.nan])


def test_a_missing_field_is_named(market):
    with pytest.raises(FormulaError, match="no field 'x'"):
        Stream(Program.from_expressions([parse("x")]), market(1, 5), fields=["close"])
