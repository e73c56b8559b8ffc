"""A stream gives, bit for bit, the signals of its formulas on the whole panel."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import quarva as qv
from quarva.engine import Program, signals
from quarva.errors import FormulaError, PanelError


def up_to(panel, days):
    """The first days of a panel."""
    universe = None if panel.universe is None else panel.universe[:days]
    return replace(panel, values=panel.values[:, :days], dates=panel.dates[:days], universe=universe)


def step(stream, panel, day):
    bars = {name: panel.field(name)[day] for name in panel.fields}
    return stream.step(panel.dates[day], bars, None if panel.universe is None else panel.universe[day])


def batch(expressions, panel):
    return signals(Program.from_expressions(expressions), panel, threads=1)


settings_of_a_stream = {
    "universe": st.booleans(),
    "conventions": st.sampled_from(["quarva", "qlib"]),
    "windows": st.sampled_from([(2, 3, 5), (5, 20, 60), (100, 260)]),
    "seed": st.integers(0, 2**32 - 1),
}


# Windows restart every 256 days. 560 days are two such chunks and a part of a third.
@given(begin=st.integers(0, 559), cuts=st.sets(st.integers(0, 559), max_size=4), **settings_of_a_stream)
def test_a_stream_that_is_saved_and_loaded_gives_the_signals_of_the_whole_panel(
    begin, cuts, universe, conventions, windows, seed, market, expressions, tmp_path_factory
):
    panel = market(560, 3, seed, universe).with_conventions(conventions)
    formulas, file = expressions(8, seed, windows), tmp_path_factory.mktemp("state") / "s.npz"
    whole = batch(formulas, panel)
    stream = qv.Stream(formulas, up_to(panel, begin))
    for day in range(begin, min(begin + 300, 560)):
        if day in cuts:
            stream.save(file)
            stream = qv.Stream.load(file)
        np.testing.assert_array_equal(step(stream, panel, day), whole[:, day], strict=True)
    assert stream.days == min(begin + 300, 560)


@given(begin=st.integers(1, 559), back=st.integers(1, 559), **settings_of_a_stream)
def test_after_a_correction_signals_are_as_if_the_day_had_been_correct(
    begin, back, universe, conventions, windows, seed, market, expressions
):
    panel = market(560, 3, seed, universe).with_conventions(conventions)
    day, formulas = max(begin - back, 0), expressions(8, seed, windows)
    stream = qv.Stream(formulas, up_to(panel, begin))
    values = panel.values.copy()
    values[:, day] = np.abs(np.random.default_rng(seed).normal(size=values[:, day].shape))
    corrected = replace(panel, values=values)
    kept = stream.correct(
        panel.dates[day],
        {name: corrected.field(name)[day] for name in panel.fields},
        None if panel.universe is None else panel.universe[day],
    )
    if conventions == "quarva":
        assert kept == (panel.dates[day] >= stream.dates[0])
    # A day that is no longer kept does not affect later signals of the whole panel either.
    np.testing.assert_array_equal(stream.signals(), batch(formulas, up_to(corrected, begin))[:, -1])
    np.testing.assert_array_equal(
        step(stream, panel, begin), batch(formulas, up_to(corrected, begin + 1))[:, -1]
    )


# Rolling operators over cross-sections are those that a gap changes in retrospect.
GAP_FORMULAS = [
    "mean(rank(x), 5)", "ema(x, 5) - ema(zscore(close), 3)", "rank(mean(x, 10))", "std(x, 20) + 1",
    "ts_argmax(group_demean(close, sector), 7)", "delta(of_asset(x, A1), 3)",
]  # fmt: skip


@given(
    gaps=st.lists(st.tuples(st.integers(0, 2), st.integers(20, 99), st.integers(1, 30)), max_size=4),
    cut=st.integers(40, 110),
)
def test_an_asset_without_a_bar_has_no_signal_and_may_come_back(gaps, cut, market, tmp_path_factory):
    panel = market(120).with_conventions("qlib")
    values = panel.values.copy()
    for asset, first, length in gaps:
        values[:, first : first + length, asset] = np.nan
    panel, file = replace(panel, values=values), tmp_path_factory.mktemp("state") / "s.npz"
    stream = qv.Stream(GAP_FORMULAS, up_to(panel, 40))
    for day in range(40, 120):
        if day == cut:
            stream.save(file)
            stream = qv.Stream.load(file)
        got = step(stream, panel, day)
        np.testing.assert_array_equal(
            got, batch([f.expression for f in stream.formulas], up_to(panel, day + 1))[:, day]
        )
        assert np.isnan(got[:, np.isnan(values[:, day]).all(axis=0)]).all()


def test_a_stream_with_an_ema_of_qlib_keeps_all_bars(market):
    panel = market(300)
    assert len(qv.Stream("ema(x, 5)", panel).dates) < 20
    assert len(qv.Stream("ema(x, 5)", panel.with_conventions("qlib")).dates) == 300


@pytest.mark.parametrize("begin", [1, 255, 256, 257, 300])
def test_the_signals_of_the_last_day_are_available_without_a_step(begin, market, expressions):
    panel, formulas = market(300), expressions(10)
    stream = qv.Stream(formulas, up_to(panel, begin))
    np.testing.assert_array_equal(stream.signals(), batch(formulas, panel)[:, begin - 1])
    if begin < 300:
        np.testing.assert_array_equal(step(stream, panel, begin), batch(formulas, panel)[:, begin])


def test_only_days_that_signals_depend_on_are_kept(market):
    panel = market(2000)
    stream = qv.Stream(["mean(x, 20)"], up_to(panel, 1500))
    assert len(stream.dates) <= 2 * 20
    for day in range(1500, 2000):
        step(stream, panel, day)
        assert len(stream.dates) <= 2 * 20
    assert stream.days == 2000
    assert stream.dates[-1] == panel.dates[-1]


def test_only_fields_and_groups_that_formulas_read_are_kept(market):
    stream = qv.Stream(["group_demean(x, sector) + close"], market(30))
    assert (stream.fields, list(stream.groups)) == (("close", "x"), ["sector"])
    assert qv.Stream(["rank(x)"], market(30)).groups == {}


def test_formulas_may_be_text_formulas_or_expressions_with_or_without_names(market):
    panel = market(30)
    formula = qv.Formula.parse("delta(x, 2)")
    named = qv.Stream({"a": "delta(x, 2)", "b": formula, "c": formula.expression}, panel)
    assert named.names == ("a", "b", "c")
    assert set(named.formulas) == {formula}
    assert qv.Stream([formula, "x"], panel).names == ("f0", "f1")


def test_a_day_may_be_an_array_with_any_date_that_numpy_reads(market):
    panel = market(31)
    answers = [
        qv.Stream("close - x", up_to(panel, 30)).step(day, [panel.field("close")[30], panel.field("x")[30]])
        for day in (panel.dates[30], str(panel.dates[30]), date(2000, 2, 2))
    ]
    for row in answers:
        np.testing.assert_array_equal(row[0], panel.field("close")[30] - panel.field("x")[30])


def test_minute_bars_keep_their_times(market):
    panel = market(31)
    minutes = np.datetime64("2020-01-02T09:30", "ns") + np.arange(31) * np.timedelta64(1, "m")
    panel = replace(panel, dates=minutes)
    stream = qv.Stream("delta(x, 2)", up_to(panel, 30))
    step(stream, panel, 30)
    np.testing.assert_array_equal(stream.dates[-2:], minutes[-2:])


def test_arrays_may_be_changed_after_the_call(market, expressions):
    panel, formulas = market(40), expressions(10)
    stream, bars = qv.Stream(formulas, up_to(panel, 30)), np.empty((3, 3), np.float32)
    for day in range(30, 40):
        bars[:] = panel.values[:, day]
        stream.step(panel.dates[day], dict(zip(panel.fields, bars, strict=True)))
    bars[:] = 0
    stream.signals()[:] = 0
    np.testing.assert_array_equal(stream.signals(), batch(formulas, panel)[:, -1])
    stream.correct(panel.dates[-1], dict(zip(panel.fields, panel.values[:, -1], strict=True)))
    np.testing.assert_array_equal(stream.signals(), batch(formulas, panel)[:, -1])


WRONG_DAYS = {
    "the last day again": ({"date": "2000-02-01"}, "not after the stream's last day, 2000-02-01"),
    "an earlier day": ({"date": "2000-01-05"}, "not after"),
    "no date": ({"date": "soon"}, "'soon' is not a date"),
    "a time of day": ({"date": "2000-02-02T12:00"}, "has a time of day"),
    "a missing field": ({"values": {"x": [1, 2, 3]}}, "has no field 'close'"),
    "fields of different length": ({"values": {"x": [1, 2, 3], "close": [1, 2]}}, r"'close' .* shape \(2,\)"),
    "an infinite value": (
        {"values": {"x": [1, np.inf, 3], "close": [1, 2, 3]}},
        "'x' of asset 'A1' .* infinite",
    ),
    "a value beyond float32": ({"values": {"x": [1, 1e39, 3], "close": [1, 2, 3]}}, "beyond 3.4e38"),
    "rows for other fields": ({"values": np.ones((3, 3))}, "close, x"),
    "one asset too many": ({"values": np.ones((2, 4))}, "for each of 3 assets"),
    "a universe that the history lacks": ({"universe": [True] * 3}, "has a universe"),
}


@pytest.mark.parametrize("case", WRONG_DAYS)
def test_a_wrong_day_is_refused_and_leaves_the_stream_unchanged(case, market):
    panel = market(31)
    stream = qv.Stream(["mean(x, 3)", "ref(close, 2)"], up_to(panel, 30))
    changed, word = WRONG_DAYS[case]
    day = {"date": "2000-02-02", "values": panel.values[[0, 2], 30], "universe": None} | changed
    with pytest.raises(PanelError, match=word) as caught:
        stream.step(**day)
    assert "\n" not in str(caught.value)
    untouched = qv.Stream(["mean(x, 3)", "ref(close, 2)"], up_to(panel, 30))
    np.testing.assert_array_equal(step(stream, panel, 30), step(untouched, panel, 30))


@pytest.mark.parametrize(("universe", "word"), [(None, "has no universe"), ([True, False], r"shape \(2,\)")])
def test_a_universe_is_required_on_all_days(universe, word, market):
    panel = market(31, universe=True)
    with pytest.raises(PanelError, match=word):
        qv.Stream("x", up_to(panel, 30)).step(panel.dates[30], panel.values[2:, 30], universe)


@pytest.mark.parametrize(
    ("day", "word"),
    [
        ("2030-01-01", "is after the stream's last day"),
        ("1999-01-01", "not one of the stream's days"),
        ("2000-01-07", "not one of"),
    ],
)
def test_only_days_of_the_stream_can_be_corrected(day, word, market):
    panel = market(30)
    kept = np.array([day != 4 for day in range(30)])
    gap = replace(panel, values=panel.values[:, kept], dates=panel.dates[kept])
    with pytest.raises(PanelError, match=word):
        qv.Stream("ref(x, 29)", gap).correct(day, panel.values[2:, 4])


def test_a_stream_without_days_has_no_signals(market, expressions):
    panel, formulas = market(40), expressions(10)
    stream = qv.Stream(formulas, up_to(panel, 0))
    with pytest.raises(PanelError, match="no days yet"):
        stream.signals()
    for day in range(40):
        answer = step(stream, panel, day)
    np.testing.assert_array_equal(answer, batch(formulas, panel)[:, -1])


@pytest.mark.parametrize(
    ("formulas", "word"),
    [
        ([], "needs a formula"),
        (["clse"], "close"),
        ({"date": "x"}, "'date' is a column"),
        (["mean(x)"], "mean"),
    ],
)
def test_formulas_that_are_refused(formulas, word, market):
    with pytest.raises(FormulaError, match=word):
        qv.Stream(formulas, market(30))


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_progress_is_reported_for_each_replayed_day(seed, market, expressions):
    stream, calls = qv.Stream(expressions(5, seed), market(300)), []
    stream.catch_up(lambda done, days: calls.append((done, days)))
    assert [done for done, _ in calls] == list(range(1, len(calls) + 1))
    assert {days for _, days in calls} <= {len(calls)}
