"""With Qlib's conventions, an asset's signal ends with its last bar, and an ema does not depend on chunks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarva.engine import Program, Stream, signals
from quarva.karva import OPERATORS, Expression, Symbol, parse
from quarva.panel import Panel, last_rows

DAYS = 600  # the kernel computes days in chunks of 256
X, Y = Expression(Symbol(field="x")), Expression(Symbol(field="y"))


def panel_with(fields, conventions="qlib"):
    days, assets = next(iter(fields.values())).shape
    return Panel.from_arrays(
        fields,
        np.datetime64("2000-01-03") + np.arange(days),
        [f"a{i}" for i in range(assets)],
        groups={"sector": ["ab"[i % 2] for i in range(assets)]},
    ).with_conventions(conventions)


def with_gaps(seed, assets=5):
    """x and y with single missing days, gaps across days 256 and 512, and assets that end early."""
    rng = np.random.default_rng(seed)
    x, y = 5 + rng.normal(size=(2, DAYS, assets))
    x[rng.random(x.shape) < 0.2 * rng.random(assets)] = np.nan
    y[rng.random(y.shape) < 0.1 * rng.random(assets)] = np.nan
    for edge in (256, 512):
        for asset in range(assets):
            begin, length = edge - rng.integers(-3, 120), rng.integers(0, 200)
            x[begin : begin + length, asset] = np.nan
            if asset % 2:
                y[begin : begin + length, asset] = np.nan
    for asset, end in enumerate(rng.integers(200, DAYS + 1, assets)):
        x[end:, asset] = y[end:, asset] = np.nan
    return {"x": x, "y": y}


def ewm_of(panel, window):
    """The ema of x by pandas, on the rows of each asset."""
    out = np.full(panel.values.shape[1:], np.nan)
    listed = ~np.isnan(panel.values).all(axis=0)
    for asset in range(out.shape[1]):
        rows = np.flatnonzero(listed[:, asset])
        if len(rows):
            rows = slice(rows[0], rows[-1] + 1)
            series = pd.Series(panel.field("x")[rows, asset].astype(float))
            out[rows, asset] = series.ewm(span=window, adjust=True, min_periods=1).mean()
    return out


@given(window=st.sampled_from([2, 3, 5, 20, 61, 300]), seed=st.integers(0, 2**32 - 1))
def test_an_ema_equals_that_of_pandas_across_gaps(window, seed, kernel, define):
    panel = panel_with(with_gaps(seed))
    formula = Expression(Symbol.function("ema", window), (X,))
    wanted = ewm_of(panel, window)
    np.testing.assert_allclose(kernel([formula], panel)[0], wanted, rtol=2e-7)
    np.testing.assert_allclose(define(formula, panel), wanted, rtol=1e-10)


@pytest.mark.parametrize("missing", [40, 41, 255, 300, 590])
def test_an_ema_is_carried_over_a_gap_across_chunks(missing, kernel):
    x = np.full((DAYS, 1), np.nan)
    x[[0, 3, missing + 4]] = [[1.0], [2.0], [7.0]]
    panel = panel_with({"x": x, "y": np.ones((DAYS, 1))})
    np.testing.assert_allclose(kernel([parse("ema(x, 5)")], panel)[0], ewm_of(panel, 5), rtol=2e-7)


def test_later_days_do_not_change_an_ema_of_the_default_conventions(kernel):
    panel = panel_with(with_gaps(3), "quarva")
    short = replace(panel, values=panel.values[:, 100:], dates=panel.dates[100:])
    formulas = [parse(f"ema(x, {window})") for window in (2, 5, 20)]
    whole, part = kernel(formulas, panel)[:, 200:], kernel(formulas, short)[:, 100:]
    np.testing.assert_allclose(part, whole, rtol=2e-7)  # chunks begin on other days


@pytest.fixture(scope="module")
def ended():
    """Assets that end on days 100, 300 and 599, and one whose bars pause from day 250 to day 260."""
    rng = np.random.default_rng(8)
    x, y = 5 + rng.normal(size=(2, DAYS, 4))
    for values in (x, y):
        values[101:, 0] = values[301:, 1] = values[250:261, 3] = np.nan
    x[299:301, 1] = np.nan
    return panel_with({"x": x, "y": y})


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_the_signal_of_an_operator_ends_with_the_last_bar(operator, ended, call, kernel, define):
    formula = call(operator, X, Y, window=20)
    got, wanted = kernel([formula], ended)[0], define(formula, ended)
    assert np.isnan(got[101:, 0]).all()
    assert np.isnan(got[301:, 1]).all()
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_a_delisted_asset_is_in_no_cross_section(ended, kernel):
    ranks = kernel([parse("rank(mean(x, 60))")], ended)[0]
    for day, assets in ((100, 4), (101, 3), (255, 3), (301, 2), (599, 2)):
        assert np.isfinite(ranks[day]).sum() == assets
        assert np.nanmax(ranks[day]) == 1.0


def test_a_constant_ends_with_the_asset(ended, kernel):
    got = kernel([parse("2.5"), parse("mean(2.5 + 0 * count(x, 3), 20)")], ended)
    assert (np.isfinite(got) == (np.arange(DAYS)[:, None] <= last_rows(ended.values))).all()


def feed(stream, panel):
    return np.stack([stream.step(panel.values[:, t]) for t in range(panel.values.shape[1])], axis=1)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_stream_with_known_last_days_gives_the_signals_of_the_whole_panel(seed, population):
    fields = with_gaps(seed)
    panel = panel_with({**fields, "close": 2 * fields["x"], "volume": 1 + fields["y"]})
    program = Program.from_population(population(10, seed))
    stream = Stream(program, panel)
    stream.ends[: len(panel.assets)] = last_rows(panel.values)
    np.testing.assert_array_equal(feed(stream, panel), signals(program, panel))


def test_without_a_bar_today_there_is_no_signal_today(ended):
    texts = ["mean(x, 20)", "ema(x, 5) + 1", "rank(ts_max(y, 30))", "2.5"]
    program = Program.from_expressions([parse(text) for text in texts])
    got = feed(Stream(program, ended), ended)
    listed = ~np.isnan(ended.values).all(axis=0)
    assert np.isnan(got[:, ~listed]).all()
    np.testing.assert_array_equal(got[:2, listed], signals(program, ended)[:2, listed])
