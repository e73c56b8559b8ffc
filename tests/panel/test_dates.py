"""Dates, epochs and time zones have one reading, and clocks of several markets are distinguished."""

import numpy as np
import pandas as pd
import pytest

from quarva.errors import PanelError
from quarva.panel import Panel

from .prices import DAYS, bars


def read(dates, **options):
    """A panel of one asset with these dates."""
    frame = pd.DataFrame({"date": list(dates), "close": bars()["close"].to_numpy()[: len(dates)]})
    return Panel.read(frame, **options)


def refusal(dates, **options):
    with pytest.raises(PanelError) as caught:
        read(dates, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    "form",
    [
        "%d-%b-%y", "%d/%b/%y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%y-%m-%d", "%d%b%Y", "%B %d, %Y",
        "%d %B %Y",
        "%Y年%m月%d日", "%Y%m%d%H%M", "%Y%m%d%H%M%S", "%Y-%m-%d %I:%M %p", "%m/%d/%Y", "%d/%m/%Y", "%Y.%m.%d",
    ],
)  # fmt: skip
def test_days_are_read_in_many_formats(form):
    panel = read(DAYS.strftime(form))
    np.testing.assert_array_equal(panel.dates, DAYS.to_numpy().astype("datetime64[D]"))


def test_days_without_leading_zeros_and_two_digit_years_are_read():
    dates = [f"{day.day}-{day:%b-%y}" for day in DAYS]
    panel = read(dates)
    assert str(panel.dates[0]) == "2022-01-03"
    assert "two-digit years" in panel.notes[0]


@pytest.mark.parametrize("dates", [["01/02/22", "02/02/22", "03/02/22"], ["3-Jan-68", "4-Jan-68"]])
def test_an_ambiguous_two_digit_year_is_refused(dates):
    assert "row 1: " in refusal(dates)
    assert "YYYY-MM-DD" in refusal(dates)


def test_the_order_of_rows_resolves_day_and_month_if_possible():
    days = [f"{day:02d}/{month:02d}/2022" for month in (1, 2) for day in range(1, 13)]
    panel = read(days)
    assert [str(panel.dates[k]) for k in (0, 12)] == ["2022-01-01", "2022-02-01"]
    assert "in order" in panel.notes[0]


def test_epochs_in_two_units_are_read_in_their_units():
    stamps = DAYS.astype("datetime64[ms]").astype("int64").to_numpy().copy()
    stamps[20:] *= 1000
    panel = read(stamps)
    np.testing.assert_array_equal(panel.dates, DAYS.to_numpy().astype("datetime64[D]"))
    assert "milliseconds since 1970, but microseconds from row 21 on" in panel.notes[0]


@pytest.mark.parametrize(
    "dates", [[220103, 220104], [202201, 202202], [44564, 44565], ["2022-003", "2022-004"]]
)
def test_numbers_that_are_not_dates_are_refused(dates):
    assert "is not a date" in refusal(dates)


def test_months_are_read_as_their_first_days():
    panel = read([202111, 202112, 202201])
    assert [str(day) for day in panel.dates] == ["2021-11-01", "2021-12-01", "2022-01-01"]


def test_dates_with_the_offsets_of_one_market_are_its_days():
    local = pd.date_range("2022-03-07", periods=15, freq="B", tz="America/New_York")
    panel = read([str(stamp) for stamp in local])
    np.testing.assert_array_equal(panel.dates, local.tz_localize(None).to_numpy().astype("datetime64[D]"))
    assert panel.notes == ()
    assert panel.reading.dates == "local midnight, read as local days"


def test_instants_with_several_offsets_become_utc():
    panel = read(["2020-03-27 10:00:00+01:00", "2020-03-30 10:00:00+02:00"])
    want = np.array(["2020-03-27T09:00", "2020-03-30T08:00"], "datetime64[ns]")
    np.testing.assert_array_equal(panel.dates, want)


def test_some_dates_with_a_zone_and_some_without_are_refused():
    assert "row 2" in refusal(["2020-03-27 10:00:00+01:00", "2020-03-30 10:00:00"])


def markets(to_text):
    """Closes of three markets on the same 40 days, local midnights as `to_text` writes them."""
    zones = {"DAX": "Europe/Berlin", "NKY": "Asia/Tokyo", "SPX": "America/New_York"}
    parts = []
    for k, (asset, zone) in enumerate(zones.items()):
        stamps = pd.date_range("2022-02-21", periods=40, freq="B", tz=zone)
        texts = [to_text(stamp) for stamp in stamps]
        parts.append(pd.DataFrame({"date": texts, "symbol": asset, "close": bars(k)["close"]}))
    return pd.concat(parts, ignore_index=True)


MARKET_DAYS = pd.date_range("2022-02-21", periods=40, freq="B").to_numpy().astype("datetime64[D]")


@pytest.mark.parametrize(
    "to_text",
    [str, lambda s: str(s.tz_convert("UTC")), lambda s: str(s.tz_convert("UTC").tz_localize(None))],
    ids=["offsets", "utc", "naive utc"],
)
def test_local_midnights_of_several_markets_are_their_days(to_text):
    panel = Panel.read(markets(to_text))
    np.testing.assert_array_equal(panel.dates, MARKET_DAYS)
    assert not np.isnan(panel.values).any()
    assert panel.notes


def test_a_wide_table_of_several_markets_is_aligned_to_days():
    frame = markets(lambda s: s.tz_convert("UTC"))
    frame["date"] = pd.to_datetime(frame["date"], utc=True)
    panel = Panel.read(frame.pivot(index="date", columns="symbol", values="close"))
    assert panel.shape == (40, 3)


def test_closing_times_of_several_markets_are_read_as_days():
    hours = {"DAX": 17.5, "NKY": 15.0, "SPX": 16.0}
    frame = markets(str)
    moved = []
    for text, asset in zip(frame["date"], frame["symbol"], strict=True):
        moved.append(str((pd.Timestamp(text) + pd.Timedelta(hours=hours[asset])).tz_convert("UTC")))
    np.testing.assert_array_equal(Panel.read(frame.assign(date=moved)).dates, MARKET_DAYS)


def test_dates_of_two_markets_that_do_not_align_cause_a_note():
    stamps = pd.date_range("2022-02-21", periods=30)  # every day of the week
    frame = pd.concat(
        [
            pd.DataFrame(
                {"date": stamps + pd.Timedelta(hours=hour), "symbol": asset, "close": bars(k)["close"][:30]}
            )
            for k, (asset, hour) in enumerate((("A", 15), ("B", 22)))
        ]
    )
    panel = Panel.read(frame)
    assert panel.shape == (60, 2)
    assert "are not aligned (A at 15:00, B at 22:00 UTC)" in panel.notes[0]


def test_intraday_bars_keep_their_times():
    stamps = pd.date_range("2022-03-10 14:30", periods=40, freq="h", tz="UTC")
    assert read(stamps).dates.dtype == "datetime64[ns]"


@pytest.mark.parametrize(
    ("date", "time"),
    [("%Y.%m.%d", "%H:%M"), ("%Y%m%d", "%H%M%S"), ("%Y-%m-%d", "%I:%M %p"), ("%d/%m/%Y", "%H:%M:%S")],
)
def test_dates_and_times_in_two_columns_are_joined(date, time, tmp_path):
    stamps = pd.date_range("2022-01-13 09:30", periods=40, freq="5min")
    frame = bars().drop(columns="date")
    frame.insert(0, "Time", stamps.strftime(time))
    frame.insert(0, "Date", stamps.strftime(date))
    frame.to_csv(tmp_path / "mt.csv", index=False)
    panel = Panel.read(tmp_path / "mt.csv")
    np.testing.assert_array_equal(panel.dates, stamps.to_numpy().astype("datetime64[ns]"))
    assert "Date and Time" in panel.reading.date
    assert "--time-zone" in panel.reading.dates


def test_a_time_column_with_full_timestamps_is_read_as_the_date():
    stamps = pd.date_range("2022-01-04 09:35", periods=40, freq="5min")
    frame = bars().assign(
        date=stamps.strftime("%Y-%m-%d"), time=stamps.strftime("%Y%m%d%H%M%S000"), code="sh.600000"
    )
    panel = Panel.read(frame)
    np.testing.assert_array_equal(panel.dates, stamps.to_numpy().astype("datetime64[ns]"))


def test_a_time_zone_converts_local_times_to_instants_and_instants_to_days():
    local = pd.date_range("2022-03-10 09:30", periods=40, freq="h")
    panel = read(local, time_zone="America/New_York")
    want = local[:3].tz_localize("America/New_York").tz_convert("UTC").tz_localize(None)
    np.testing.assert_array_equal(panel.dates[:3], want.to_numpy().astype("datetime64[ns]"))
    closes = (DAYS + pd.Timedelta(hours=16)).tz_localize("America/New_York").tz_convert("UTC")
    panel = read(closes, time_zone="America/New_York")
    np.testing.assert_array_equal(panel.dates, DAYS.to_numpy().astype("datetime64[D]"))
    np.testing.assert_array_equal(
        read(DAYS, time_zone="Asia/Tokyo").dates, DAYS.to_numpy().astype("datetime64[D]")
    )


def test_unknown_zones_and_times_skipped_by_clocks_are_refused():
    assert "unknown time zone 'America/NewYork' (--time-zone); did you mean 'America/New_York'" in refusal(
        DAYS, time_zone="America/NewYork"
    )
    skipped = pd.date_range("2022-03-13 01:30", periods=3, freq="h")
    assert "row 2" in refusal(skipped, time_zone="America/New_York")


def test_periods_and_sparse_columns_are_read():
    frame = bars().assign(date=DAYS.to_period("D"))
    frame["dividend"] = pd.arrays.SparseArray(np.where(np.arange(40) == 7, 0.5, 0.0))
    panel = Panel.read(frame)
    np.testing.assert_array_equal(panel.dates, DAYS.to_numpy().astype("datetime64[D]"))
    assert panel.field("dividend")[7, 0] == 0.5
