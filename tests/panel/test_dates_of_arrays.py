"""Dates given as arrays are read as `Panel.read` reads a column, or refused."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest

from quarva.errors import PanelError
from quarva.panel import Panel

DAYS = ["2022-01-03", "2022-01-04"]
TOKYO = ZoneInfo("Asia/Tokyo")


def panel_of(dates):
    return Panel.from_arrays({"close": np.ones((2, 1))}, dates, ["A"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "dates",
    [
        DAYS, np.array(DAYS), [20220103, 20220104], np.array([20220103, 20220104]), ["20220103", "20220104"],
        [1641168000, 1641254400], [dt.date(2022, 1, 3), dt.date(2022, 1, 4)], np.array(DAYS, "datetime64[s]"),
        pd.date_range("2022-01-03", periods=2), pd.date_range("2022-01-03", periods=2, tz="America/New_York"),
        pd.Series(pd.date_range("2022-01-03", periods=2, tz="Asia/Tokyo")), pd.Categorical(DAYS),
        pd.period_range("2022-01-03", periods=2, freq="D"),
        list(pd.period_range("2022-01-03", periods=2, freq="D")),
        [dt.datetime(2022, 1, day, tzinfo=TOKYO) for day in (3, 4)],
        pl.Series([dt.date(2022, 1, 3), dt.date(2022, 1, 4)]),
    ],
)  # fmt: skip
def test_days_in_every_supported_type_are_equal(dates):
    got = panel_of(dates).dates
    assert got.dtype == "datetime64[D]"
    assert got.astype(str).tolist() == DAYS


def test_a_month_is_read_as_its_first_day():
    for dates in (pd.period_range("2022-01", periods=2, freq="M"), ["2022-01", "2022-02"]):
        assert panel_of(dates).dates.astype(str).tolist() == ["2022-01-01", "2022-02-01"]


def test_instants_with_a_zone_are_read_as_in_a_column():
    close = pd.date_range("2022-03-11 16:00", periods=2, tz="America/New_York")
    read = Panel.read(pd.DataFrame({"date": close, "symbol": "A", "close": [1.0, 2.0]}))
    np.testing.assert_array_equal(panel_of(close).dates, read.dates)
    assert panel_of(close).dates.astype(str)[0].startswith("2022-03-11T21:00")


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ([0, 1], "row 1: '0' is not a date"),
        (["2022-01-03", "soon"], "row 2: 'soon' is not a date"),
        (["2022-01-03", None], "row 2: the date is missing"),
        (pd.DatetimeIndex(["2022-01-03", None]), "row 2: the date is missing"),
        (DAYS[::-1], "date 2022-01-03 comes after 2022-01-04; sort by date"),
        (DAYS[:1] * 2, "date 2022-01-03 occurs twice"),
        ("2022", "dates must be one-dimensional, not 0-dim"),
        ([1.5, 2.5], "row 1: '1.5' is not a date"),
    ],
)
def test_an_invalid_date_is_refused_in_one_line(dates, said):
    with pytest.raises(PanelError, match=said) as caught:
        panel_of(dates)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "day",
    [
        "2022-01-04", 20220104, "20220104", dt.date(2022, 1, 4), np.datetime64("2022-01-04"),
        pd.Timestamp("2022-01-04"), pd.Timestamp("2022-01-04", tz="America/New_York"),
        pd.Period("2022-01-04", "D"),
    ],
)  # fmt: skip
def test_a_panel_can_be_cut_at_a_day_of_any_supported_type(day):
    assert panel_of(DAYS).between(day).dates.astype(str).tolist() == DAYS[1:]


def test_values_that_are_not_numbers_are_refused():
    with pytest.raises(PanelError, match="field 'close' must contain only numbers and NaN"):
        Panel.from_arrays({"close": [["a"], ["b"]]}, DAYS, ["A"])
    with pytest.raises(PanelError, match="values must map field names to arrays"):
        Panel.from_arrays(np.ones((2, 1)), DAYS, ["A"])
