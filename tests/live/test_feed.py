"""Feeding a table to a stream: an unexpected day is refused in one line and leaves the stream unchanged."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest

import quarva as qv
from quarva.errors import PanelError
from quarva.live import FeedRules, feed, read_days

FORMULAS = ["mean(close, 3)", "group_demean(x, sector)", "ref(x, 39)"]  # the last one keeps all 40 days


def bars(day=40, days=1, assets="ABCD"):
    """Bars of a few days as a long frame. The stream already has the days before."""
    rng = np.random.default_rng(day)
    rows = [
        (
            np.datetime64("2000-01-03") + day + d,
            asset,
            "ab"[ord(asset) % 2],
            20.0 + n + rng.random(),
            rng.normal(),
        )
        for d in range(days)
        for n, asset in enumerate(assets)
    ]
    return pd.DataFrame(rows, columns=["date", "asset", "sector", "close", "x"])


def history():
    return bars(0, 40)


def without(date):
    table = history()
    return table[table.date != np.datetime64(date)]


@pytest.fixture
def stream():
    return qv.Stream(FORMULAS, qv.Panel.read(history()))


def take(stream, table, rules=None, **reading):
    return feed(stream, read_days(table, stream, **reading), rules or FeedRules())


def whole(*tables):
    """Signals of a batch evaluation of all days."""
    panel = qv.Panel.read(pd.concat(tables).sort_values("date", kind="stable"), allow_jumps=True)
    signals = [qv.Formula.parse(text).signal(panel).to_numpy() for text in FORMULAS]
    return np.stack(signals, axis=1)


def refused(stream, table, word, rules=None, **reading):
    before, bars_before = stream.signals(), stream.bars()
    with pytest.raises(PanelError) as caught:
        take(stream, table, rules, **reading)
    assert "\n" not in str(caught.value)
    assert re.search(word, str(caught.value)), caught.value
    assert stream.days == 40
    np.testing.assert_array_equal(stream.bars(), bars_before)
    np.testing.assert_array_equal(stream.signals(), before)


def test_a_table_may_hold_several_days(stream):
    answer = take(stream, bars(40, 3))
    np.testing.assert_array_equal(answer.signals, whole(history(), bars(40, 3))[40:])
    np.testing.assert_array_equal(answer.dates, np.datetime64("2000-02-12") + np.arange(3))


def test_files_and_frames_give_the_same_signals(stream, tmp_path):
    bars().to_csv(tmp_path / "today.csv", index=False)
    bars().to_parquet(tmp_path / "today.parquet")
    stream.save(tmp_path / "s.npz")
    expected = whole(history(), bars())[40:]
    for source in (tmp_path / "today.csv", tmp_path / "today.parquet", bars(), pl.from_pandas(bars())):
        np.testing.assert_array_equal(take(qv.Stream.load(tmp_path / "s.npz"), source).signals, expected)


def test_the_order_of_rows_and_columns_and_further_columns_do_not_matter(stream):
    table = bars().iloc[::-1, ::-1].assign(remark="fine", volume=7)
    np.testing.assert_array_equal(take(stream, table).signals, whole(history(), bars())[40:])


def test_a_wide_table_serves_a_stream_of_one_field():
    stream = qv.Stream("mean(close, 3)", qv.Panel.read(history()))
    wide = bars().pivot(index="date", columns="asset", values="close")
    np.testing.assert_array_equal(take(stream, wide).signals, whole(history(), bars())[40:, :1])


def test_bars_of_one_asset_need_no_column_for_its_name(tmp_path):
    for name, table in (("spy", bars(0, 40, "A")), ("today", bars(40, 1, "A"))):
        bare = table[["date", "close"]].assign(volume=table.x.abs())
        bare.to_csv(tmp_path / f"{name}.csv", index=False)
    stream = qv.Stream("delta(close, 1)", qv.Panel.read(tmp_path / "spy.csv"))
    change = bars(40, 1, "A").close.iloc[0] - bars(0, 40, "A").close.iloc[-1]
    assert take(stream, tmp_path / "today.csv").signals[0, 0, 0] == pytest.approx(change, abs=1e-5)


def test_a_known_day_is_refused_or_replayed(stream):
    refused(stream, bars(30), "2000-02-02 is not after the stream's last day, 2000-02-11; .*--late replay")
    corrected = bars(30).assign(close=[31.0, 32.0, 33.0, 34.0])
    answer = take(stream, corrected, FeedRules(late="replay"))
    expected = whole(without("2000-02-02"), corrected)
    assert answer.corrected == (np.datetime64("2000-02-02"),)
    np.testing.assert_array_equal(answer.signals, expected[39:])
    np.testing.assert_array_equal(take(stream, bars()).signals, whole(history(), bars())[40:])


def test_a_correction_changes_the_signals_that_depend_on_it(stream):
    corrected = bars(38).assign(close=[31.0, 32.0, 33.0, 34.0])
    before = stream.signals()
    after = take(stream, corrected, FeedRules(late="replay")).signals[0]
    assert (after[0] != before[0]).all()
    np.testing.assert_array_equal(after, whole(without("2000-02-10"), corrected)[39])


def test_assets_without_a_row_in_a_correction_keep_their_bars(stream):
    take(stream, bars(38, 1, "AB").assign(close=[31.0, 32.0]), FeedRules(late="replay"))
    kept = stream.bars()[stream.fields.index("close"), -2]
    np.testing.assert_array_equal(kept[:2], [31, 32])
    np.testing.assert_array_equal(kept[2:], bars(0, 40).close.to_numpy(np.float32).reshape(40, 4)[38, 2:])


def test_a_table_may_hold_corrections_and_new_days(stream):
    corrected = bars(39).assign(x=0.5)
    answer = take(stream, pd.concat([corrected, bars(40, 2)]), FeedRules(late="replay"))
    expected = whole(without("2000-02-11"), corrected, bars(40, 2))
    np.testing.assert_array_equal(answer.signals, expected[40:])


def test_a_correction_that_is_too_old_is_reported_and_changes_nothing():
    stream = qv.Stream(["mean(close, 3)"], qv.Panel.read(bars(0, 600)))
    before = stream.signals()
    answer = take(stream, bars(30), FeedRules(late="replay"))
    assert (answer.too_old, answer.corrected) == ((np.datetime64("2000-02-02"),), ())
    np.testing.assert_array_equal(answer.signals[0], before)


def test_a_day_cannot_be_inserted(stream):
    table = bars(30)
    gap = qv.Stream(FORMULAS, qv.Panel.read(without("2000-02-02")))
    with pytest.raises(PanelError, match=r"pandas frame: 2000-02-02 is not one of the stream's days"):
        take(gap, table, FeedRules(late="replay"))
    refused(stream, table.assign(date=table.date + pd.Timedelta(hours=1)), "has a time of day")


def test_a_new_asset_is_refused_or_left_out(stream):
    refused(
        stream,
        bars(40, 1, "ABCDEF"),
        "asset 'E' .and 1 more. is not among the 4 assets of the stream; .*--extra-ok",
    )
    answer = take(stream, bars(40, 1, "ABCDEF"), extra_ok=True)
    assert answer.signals.shape == (1, 3, 4)
    kept = bars(40, 1, "ABCDEF").head(4)
    np.testing.assert_array_equal(answer.signals, whole(history(), kept)[40:])


def test_an_asset_that_vanishes_is_refused_or_accepted(stream):
    refused(
        stream,
        bars(40, 1, "ABC"),
        "asset 'D' had a bar the day before but none on 2000-02-12; .*--missing-ok",
    )
    gone = bars(40).assign(close=[1, 2, 3, np.nan], x=[1, 2, 3, np.nan])
    refused(stream, gone, "asset 'D'", FeedRules(allow_jumps=True))
    answer = take(stream, bars(40, 1, "ABC"), FeedRules(missing_ok=True))
    assert answer.missing == {np.datetime64("2000-02-12"): ("D",)}
    np.testing.assert_array_equal(answer.signals, whole(history(), bars(40, 1, "ABC"))[40:])
    # An asset without a bar yesterday is not reported as missing today.
    assert take(stream, bars(41, 1, "ABC")).missing == {}
    assert take(stream, bars(42)).missing == {}


def test_a_bar_with_a_missing_value_is_a_bar(stream):
    table = bars().assign(x=[np.nan, 1, 2, 3])
    np.testing.assert_array_equal(take(stream, table).signals, whole(history(), table)[40:])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"x": [1, np.inf, 0, 0]}, "field 'x' of asset 'B' on 2000-02-12 is infinite"),
        ({"x": [1, 2, 1e39, 0]}, "field 'x' of asset 'C' .* beyond 3.4e38"),
        ({"close": [20, 0, 22, 23]}, "'close' of asset 'B' .* is 0, but a price is above zero"),
        ({"close": [20, 21, -22, 23]}, "'close' of asset 'C' .* is -22"),
        ({"close": [20, 21, 22, 230]}, r"'close' of asset 'D' .* jumps by \+\d+ %; .*--allow-jumps"),
        ({"close": [20, 21, 22, "n/k"]}, "'n/k' instead of a number"),
        ({"date": "yesterday"}, "'yesterday' is not a date"),
        ({"asset": ["A", "B", "C", "C"]}, "occurs twice for asset 'C'"),
        ({"sector": ["b", "a", "a", "a"]}, "sector of asset 'C' is 'a' but was 'b' on the days before"),
        ({"universe": True}, "a column 'universe', but the days before have none"),
    ],
    ids=str,
)
def test_bars_that_are_refused(change, word, stream):
    refused(stream, bars().assign(**change), word)


def test_a_jump_is_accepted_if_allowed(stream):
    split = bars().assign(close=[20, 21, 22, 230])
    assert take(stream, split, FeedRules(allow_jumps=True)).signals.shape == (1, 3, 4)
    assert take(stream, bars(41).assign(close=[20, 21, 22, 231])).signals.shape == (1, 3, 4)


def test_a_jump_over_days_without_a_bar_is_detected(stream):
    take(stream, bars(40, 1, "ABC"), FeedRules(missing_ok=True))
    with pytest.raises(PanelError, match="'close' of asset 'D' on 2000-02-13 jumps by"):
        take(stream, bars(41).assign(close=[20, 21, 22, 230]))


def test_a_correction_that_jumps_is_refused(stream):
    wrong = bars(30).assign(close=[20, 210, 22, 23])
    refused(stream, wrong, "'close' of asset 'B' on 2000-02-02 jumps", FeedRules(late="replay"))


def test_a_missing_field_is_named(stream):
    refused(stream, bars().drop(columns="x"), "no field 'x'")


def test_days_are_refused_together_if_one_is_wrong(stream):
    table = bars(40, 2)
    table.loc[5, "x"] = np.inf
    refused(stream, table, "on 2000-02-13 is infinite")
    refused(stream, bars(40, 2).iloc[:-1], "asset 'D' .* but none on 2000-02-13")


def test_a_stream_with_a_universe_needs_one_for_every_day():
    table = history().assign(universe=True)
    stream = qv.Stream(FORMULAS, qv.Panel.read(table))
    refused(stream, bars(), "no column 'universe'")
    today = bars().assign(universe=[True, False, True, True])
    np.testing.assert_array_equal(take(stream, today).signals, whole(table, today)[40:])
    late = bars().iloc[1:3].assign(universe=True)
    answer = take(stream, late, FeedRules(late="replay"))
    np.testing.assert_array_equal(answer.signals, whole(table, today.assign(universe=True))[40:])


def test_a_stream_without_days_accepts_its_first_days(stream):
    panel = qv.Panel.read(history())
    empty = replace(panel, values=panel.values[:, :0], dates=panel.dates[:0])
    answer = take(qv.Stream(FORMULAS, empty), history())
    np.testing.assert_array_equal(answer.signals, whole(history()))
