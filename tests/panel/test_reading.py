"""The same data in every layout are read as the same panel."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from quarva.panel import Panel

US500 = Path(__file__).parents[3] / "shared/data/us500.parquet"


def market(days: int = 6) -> Panel:
    rng = np.random.default_rng(3)
    close = np.exp(rng.normal(0, 0.02, (days, 3)).cumsum(axis=0))
    close[2, 1] = np.nan
    volume = rng.uniform(1e3, 1e6, (days, 3))
    volume[2, 1] = np.nan
    dates = np.datetime64("2020-01-01") + np.arange(days)
    return Panel.from_arrays(
        {"close": close, "volume": volume}, dates, ["AA", "B", "NA"], groups={"sector": ["tech", None, "oil"]}
    )


def long_pandas(panel: Panel) -> pd.DataFrame:
    return panel.to_frame()


def test_long_wide_and_indexed_frames_agree():
    panel = market()
    frame = long_pandas(panel)
    want = panel.fingerprint()
    assert Panel.read(frame).fingerprint() == want
    assert Panel.read(pl.from_pandas(frame)).fingerprint() == want
    assert Panel.read(pl.from_pandas(frame).lazy()).fingerprint() == want
    assert Panel.read(frame.set_index(["date", "asset"])).fingerprint() == want
    assert Panel.read(frame.set_index(["asset", "date"])).fingerprint() == want
    assert Panel.read(frame.set_index(["asset", "date"]).rename_axis([None, None])).fingerprint() == want
    assert Panel.read(frame.set_index("date")).fingerprint() == want
    assert Panel.read(frame.sort_values(["asset", "date"])).fingerprint() == want
    renamed = frame.rename(
        columns={"date": "Trade Date", "asset": "Ticker", "close": "Close", "volume": "$volume"}
    )
    assert Panel.read(renamed).fingerprint() == want
    wide = frame.pivot(index="date", columns="asset", values="close")
    only_close = Panel.from_arrays({"close": panel.field("close")}, panel.dates, panel.assets).fingerprint()
    assert Panel.read(wide).fingerprint() == only_close
    assert Panel.read(wide.rename_axis(index=None, columns=None)).fingerprint() == only_close
    assert Panel.read(wide.set_axis(wide.index.to_period("D"), axis=0)).fingerprint() == only_close
    assert Panel.read(wide.reset_index()).fingerprint() == only_close
    assert Panel.read(wide, field="vwap").fields == ("vwap",)


def test_fields_over_assets_in_the_column_names_are_read():
    frame = long_pandas(market()).drop(columns="sector")
    wide = frame.pivot(index="date", columns="asset", values=["close", "volume"])
    plain = Panel.read(frame)
    assert Panel.read(wide).fingerprint() == plain.fingerprint()
    assert Panel.read(wide.rename_axis(columns=["Price", "Ticker"])).fingerprint() == plain.fingerprint()
    assert (
        Panel.read(wide.swaplevel(axis=1).rename_axis(columns=["Ticker", "Price"])).fingerprint()
        == plain.fingerprint()
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_written_panel_reads_back_as_it_was(tmp_path, ending):
    panel = market()
    panel.write(tmp_path / f"bars.{ending}")
    back = Panel.read(tmp_path / f"bars.{ending}")
    assert back.fingerprint() == panel.fingerprint()
    np.testing.assert_array_equal(back.values, panel.values)
    assert back.values.dtype == np.float32
    assert back.values.flags.c_contiguous
    assert back.fields == ("close", "volume")
    assert back.dates.dtype == "datetime64[D]"
    assert back.name == f"bars.{ending}"
    assert back.groups["sector"].labels == ("oil", "tech")
    np.testing.assert_array_equal(back.groups["sector"].codes, [1, -1, 0])
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"bars.{ending}"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_intraday_dates_and_a_universe_survive_writing(tmp_path, ending):
    rng = np.random.default_rng(0)
    dates = np.datetime64("2020-01-01T09:30", "ns") + np.arange(5) * np.timedelta64(1_000_000_001, "ns")
    universe = rng.random((5, 2)) < 0.5
    values = rng.uniform(1, 2, (5, 2))
    values[universe & (rng.random((5, 2)) < 0.5)] = np.nan
    panel = Panel.from_arrays({"close": values}, dates, "AB", universe=universe)
    panel.write(tmp_path / f"bars.{ending}")
    back = Panel.read(tmp_path / f"bars.{ending}")
    np.testing.assert_array_equal(back.universe, universe)
    np.testing.assert_array_equal(back.dates, dates)
    assert back.fingerprint() == panel.fingerprint()


def test_dates_and_assets_without_a_value_are_written_too(tmp_path):
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, np.nan]])
    panel = Panel.from_arrays({"close": values}, np.datetime64("2020-01-01") + np.arange(3), "AB")
    panel.write(tmp_path / "bars.parquet")
    assert Panel.read(tmp_path / "bars.parquet").shape == (3, 2)


@pytest.mark.parametrize(
    "dates",
    [
        ["2020-01-30", "2020-01-31", "2020-02-01"],
        ["2020-01-30 00:00:00", "2020-01-31 00:00:00", "2020-02-01 00:00:00"],
        ["2020-01-30T00:00:00.000Z", "2020-01-31T00:00:00.000Z", "2020-02-01T00:00:00.000Z"],
        ["2020-01-30 00:00:00+08:00", "2020-01-31 00:00:00+08:00", "2020-02-01 00:00:00+08:00"],
        ["2020/01/30", "2020/01/31", "2020/02/01"],
        ["20200130", "20200131", "20200201"],
        ["30.01.2020", "31.01.2020", "01.02.2020"],
        ["30/01/2020", "31/01/2020", "01/02/2020"],
        ["01/30/2020", "01/31/2020", "02/01/2020"],
        ["30-Jan-2020", "31-Jan-2020", "01-Feb-2020"],
        ["30-01-2020", "31-01-2020", "01-02-2020"],
        ["1580342400", "1580428800", "1580515200"],
        ["1580342400000", "1580428800000", "1580515200000"],
    ],
)
def test_days_are_read_in_the_usual_formats(tmp_path, dates):
    path = tmp_path / "bars.csv"
    path.write_text("date,asset,close\n" + "".join(f"{date},A,{row + 1}\n" for row, date in enumerate(dates)))
    want = np.array(["2020-01-30", "2020-01-31", "2020-02-01"], dtype="datetime64[D]")
    np.testing.assert_array_equal(Panel.read(path).dates, want)
    if dates[0].isdigit():
        frame = pd.DataFrame({"date": [int(date) for date in dates], "asset": "A", "close": [1.0, 2.0, 3.0]})
        np.testing.assert_array_equal(Panel.read(frame).dates, want)


def test_instants_of_one_zone_become_utc(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text("time,symbol,close\n2020-01-01 10:00+02:00,A,1\n2020-01-01 11:30+02:00,A,2\n")
    want = np.array(["2020-01-01T08:00", "2020-01-01T09:30"], dtype="datetime64[ns]")
    np.testing.assert_array_equal(Panel.read(path).dates, want)
    index = pd.DatetimeIndex(["2020-03-27 10:00", "2020-03-30 10:00"], tz="Europe/Berlin")
    panel = Panel.read(pd.DataFrame({"X": [1.0, 2.0], "Y": [2.0, 3.0]}, index=index))
    np.testing.assert_array_equal(
        panel.dates, np.array(["2020-03-27T09:00", "2020-03-30T08:00"], dtype="datetime64[ns]")
    )


def test_midnights_of_one_zone_are_days_of_its_calendar():
    index = pd.DatetimeIndex(["2020-03-27", "2020-03-30"], tz="Asia/Tokyo")
    panel = Panel.read(pd.DataFrame({"X": [1.0, 2.0], "Y": [2.0, 3.0]}, index=index))
    assert [str(date) for date in panel.dates] == ["2020-03-27", "2020-03-30"]


def test_bars_without_an_asset_column_are_one_asset(tmp_path):
    path = tmp_path / "spy.csv"
    path.write_text(
        "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-01,1,2,1,2,1.9,10\n2020-01-02,2,3,2,3,2.9,20\n"
    )
    panel = Panel.read(path)
    assert panel.assets == ("spy",)
    assert panel.fields == ("open", "high", "low", "close", "adj_close", "volume")


def test_one_column_is_a_field_by_its_name_or_an_asset(tmp_path):
    dates = pd.date_range("2020-01-01", periods=2)
    panel = Panel.read(pd.Series([1.0, 2.0], index=dates, name="SPY"))
    assert (panel.assets, panel.fields) == (("SPY",), ("close",))
    path = tmp_path / "gold.csv"
    path.write_text("date,price\n2020-01,1\n2020-02,2\n")
    panel = Panel.read(path)
    assert (panel.assets, panel.fields) == (("gold",), ("price",))
    assert [str(date) for date in panel.dates] == ["2020-01-01", "2020-02-01"]


def test_codes_keep_leading_zeros_and_the_ticker_na_is_not_missing(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(
        "date,code,close\n2020-01-01,000001,1\n2020-01-01,NA,2\n2020-01-02,000001,2\n2020-01-02,NA,\n"
    )
    panel = Panel.read(path)
    assert panel.assets == ("000001", "NA")
    assert np.isnan(panel.field("close")[1, 1])


def test_whole_numbers_as_floats_are_codes_and_tickers_may_be_called_sid():
    frame = pd.DataFrame({"date": ["2020-01-01", "2020-01-02"], "permno": 10001.0, "close": [1.0, 2.0]})
    assert Panel.read(frame).assets == ("10001",)
    wide = pd.DataFrame({"SID": [1.0, 2.0], "CODE": [2.0, 3.0]}, index=[20200101, 20200102])
    assert Panel.read(wide).assets == ("CODE", "SID")


@pytest.mark.parametrize("missing", ["", "NA", "nan", "NaN", "null", "N/A", "-"])
def test_markers_of_missing_values_are_nan(tmp_path, missing):
    path = tmp_path / "bars.csv"
    path.write_text(f"date,asset,close\n2020-01-01,A,1\n2020-01-02,A,{missing}\n2020-01-03,A,2\n")
    np.testing.assert_array_equal(Panel.read(path).field("close")[:, 0], [1, np.nan, 2])


def test_other_separators_a_byte_order_mark_and_row_numbers_do_not_matter(tmp_path):
    path = tmp_path / "bars.csv"
    for text in (
        "date;asset;close\n2020-01-01;A;1\n2020-01-02;A;2\n",
        "date\tasset\tclose\n2020-01-01\tA\t1\n2020-01-02\tA\t2\n",
        "\ufeffdate,asset,close\r\n2020-01-01,A,1\r\n2020-01-02,A,2\r\n",
        ",date,asset,close\n0,2020-01-01,A,1\n1,2020-01-02,A,2\n",
        "date,asset,close,\n2020-01-01,A,1,\n2020-01-02,A,2,\n",
        "date,asset,close\n2020-01-01,A,1\n2020-01-02,A,2\n\n\n",
        "Unnamed: 0,date,asset,close\n0,2020-01-01,A,1\n1,2020-01-02,A,2\n",
    ):
        path.write_text(text)
        panel = Panel.read(path)
        assert panel.fields == ("close",)
        np.testing.assert_array_equal(panel.field("close")[:, 0], [1, 2])


def test_text_with_too_many_labels_is_left_out_with_a_note(tmp_path):
    assets = [f"A{number:03d}" for number in range(80)]
    frame = pl.DataFrame(
        {
            "date": ["2020-01-01"] * 80,
            "asset": assets,
            "close": np.arange(1.0, 81),
            "name": [a.lower() for a in assets],
        }
    )
    panel = Panel.read(frame)
    assert panel.groups == {}
    assert "name" in panel.notes[0]


def test_only_the_requested_fields_are_read_in_the_requested_order():
    frame = long_pandas(market())
    panel = Panel.read(frame, fields=["volume", "close"])
    assert panel.fields == ("volume", "close")
    assert set(panel.groups) == {"sector"}


@pytest.mark.skipif(not US500.exists(), reason="the benchmark data are not here")
def test_real_stocks_are_read_completely_without_notes():
    panel = Panel.read(US500)
    assert panel.shape == (1000, 498)
    assert panel.fields == ("open", "high", "low", "close", "volume")
    assert len(panel.groups["sector"].labels) == 11
    assert np.count_nonzero(panel.field("volume") == 0) == 881
    frame = pd.read_parquet(US500)
    close = frame.pivot(index="date", columns="asset", values="close").sort_index(axis=1)
    np.testing.assert_array_equal(panel.field("close"), close.to_numpy())
    assert panel.assets == tuple(close.columns)
    np.testing.assert_array_equal(panel.dates, close.index.to_numpy().astype("datetime64[D]"))
