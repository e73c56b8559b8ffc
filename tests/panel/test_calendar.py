"""The dates of a panel determine its bar length and bars per year."""

import numpy as np
import pandas as pd
import pytest

from quarva.panel import Panel, calendar_of, describe

DAYS = pd.bdate_range("2024-01-01", periods=250)


def sessions(zone: str, opens: str, bars: int, length: str) -> np.ndarray:
    """Intraday bars on business days in a market's own time, as UTC: summer time moves them."""
    local = [
        pd.date_range(day + pd.Timedelta(opens), periods=bars, freq=length).tz_localize(zone) for day in DAYS
    ]
    return np.concatenate([each.tz_convert("UTC").tz_localize(None).to_numpy() for each in local])


def foreign_exchange() -> np.ndarray:
    """Hours from Sunday 22:00 to Friday 22:00 UTC."""
    hours = pd.date_range("2024-01-01", periods=24 * 200, freq="h")
    weekend = (
        (hours.day_of_week == 5)
        | ((hours.day_of_week == 4) & (hours.hour >= 22))
        | ((hours.day_of_week == 6) & (hours.hour < 22))
    )
    return hours[~weekend].to_numpy()


@pytest.mark.parametrize(
    ("dates", "bars", "per_year"),
    [
        (DAYS.to_numpy(), "daily", 252),
        (DAYS.to_numpy() + np.timedelta64(21, "h"), "daily", 252),
        (DAYS.to_numpy()[:2], "daily", 252),
        (DAYS.to_numpy()[:1], "daily", 252),
        (pd.date_range("2024-01-01", periods=100).to_numpy(), "daily", 365),
        (pd.date_range("2024-01-01", periods=200, freq="W-FRI").to_numpy(), "weekly", 52),
        (pd.date_range("2004-01-01", periods=100, freq="BME").to_numpy(), "monthly", 12),
        (pd.date_range("2004-01-01", periods=40, freq="QE").to_numpy(), "quarterly", 4),
        (pd.date_range("1984-01-01", periods=40, freq="YE").to_numpy(), "yearly", 1),
        (sessions("America/New_York", "9h30min", 78, "5min"), "5-minute", 78 * 252),
        (sessions("America/New_York", "9h30min", 390, "1min"), "1-minute", 390 * 252),
        (sessions("Australia/Sydney", "10h", 7, "1h"), "1-hour", 7 * 252),  # crosses midnight UTC
        (foreign_exchange(), "1-hour", 24 * 252),
        (pd.date_range("2024-01-01", periods=2000, freq="h").to_numpy(), "1-hour", 24 * 365),
        (pd.date_range("2024-01-01", periods=200, freq="12h").to_numpy(), "12-hour", 2 * 365),
        (DAYS.to_numpy()[::4], "6-day", 65.4),
    ],
)
def test_bar_length_and_bars_per_year_are_inferred(dates, bars, per_year):
    calendar = calendar_of(dates)
    assert calendar.bars == bars
    assert calendar.periods_per_year == pytest.approx(per_year, rel=0.01)


def test_a_single_weekend_day_or_a_long_pause_does_not_change_the_calendar():
    saturday = np.append(DAYS.to_numpy(), np.datetime64("2024-03-02"))
    assert calendar_of(np.sort(saturday)).periods_per_year == 252
    assert calendar_of(np.delete(DAYS.to_numpy(), slice(50, 130))).periods_per_year == 252


def test_half_days_do_not_shorten_the_session():
    bars = sessions("America/New_York", "9h30min", 78, "5min").reshape(250, 78)
    short = np.concatenate([day[: 42 if k % 3 == 0 else 78] for k, day in enumerate(bars)])
    assert calendar_of(short).periods_per_year == 78 * 252


def test_a_description_shows_the_calendar():
    dates = pd.date_range("2024-01-01", periods=40, freq="ME").to_numpy()
    found = describe(Panel.from_arrays({"x": np.ones((40, 1))}, dates, ["A"]))
    assert "calendar" in str(found)
    assert "monthly bars, 12 per year" in str(found)
    assert found.as_dict()["periods_per_year"] == 12
