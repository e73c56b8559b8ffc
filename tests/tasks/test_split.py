"""Splits of panels and tables into training, validation and the sealed test."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarva.errors import TaskError
from quarva.tasks import TEST, TRAIN, UNUSED, VALIDATION
from quarva.tasks.split import split_days, split_rows

DATES = np.busday_offset("2015-01-01", np.arange(100), roll="forward").astype("datetime64[D]")


@given(st.integers(40, 300), st.integers(1, 8), st.integers(0, 3), st.floats(0.4, 0.6), st.floats(0.7, 0.8))
def test_no_target_of_a_part_uses_prices_of_the_next(days, ahead, embargo, first, second):
    dates = np.busday_offset("2015-01-01", np.arange(days), roll="forward")
    try:
        split = split_days(dates, (first, second), ahead=ahead, embargo=embargo)
    except TaskError:
        return
    starts = {part: np.flatnonzero(split.segments == part)[0] for part in (VALIDATION, TEST)}
    ends = {part: np.flatnonzero(split.segments == part)[-1] for part in (TRAIN, VALIDATION)}
    assert ends[TRAIN] + ahead + embargo < starts[VALIDATION]
    assert ends[VALIDATION] + ahead + embargo < starts[TEST]
    # exactly the purged and embargoed days are lost, and the parts follow one another
    assert np.count_nonzero(split.segments == UNUSED) == 2 * (ahead + embargo)
    used = split.segments[split.segments != UNUSED]
    assert (np.diff(used) >= 0).all()
    assert split.segments[-1] == TEST


def test_the_default_is_sixty_twenty_twenty():
    segments = split_days(DATES, ahead=2).segments
    assert [np.count_nonzero(segments == part) for part in (TRAIN, VALIDATION, TEST)] == [58, 18, 20]


@pytest.mark.parametrize(
    "borders",
    [
        ("2015-03-02", "2015-04-01"),
        (datetime.date(2015, 3, 2), pd.Timestamp("2015-04-01")),
        (np.datetime64("2015-02-28"), "2015-04-01"),  # a Saturday: validation begins on Monday
    ],
)
def test_split_borders_can_be_dates(borders):
    split = split_days(DATES, borders, ahead=3)
    first = {part: DATES[np.flatnonzero(split.segments == part)[0]] for part in (VALIDATION, TEST)}
    assert first == {VALIDATION: np.datetime64("2015-03-02"), TEST: np.datetime64("2015-04-01")}
    assert split.spans == {
        "train": ("2015-01-01", "2015-02-24"),
        "validation": ("2015-03-02", "2015-03-26"),
        "test": ("2015-04-01", "2015-05-20"),
    }


def test_intraday_bars_can_be_split():
    dates = pd.date_range("2020-01-01", periods=100, freq="h").to_numpy().astype("datetime64[ns]")
    split = split_days(dates, ("2020-01-03", "2020-01-04T06:00"), ahead=2)
    assert split.spans["validation"] == ("2020-01-03", "2020-01-04T03:00:00")


@pytest.mark.parametrize(
    ("borders", "message"),
    [
        (
            ("2014-01-01", "2015-03-01"),
            "2014-01-01 lies outside the panel; the panel runs from 2015-01-01 to 2015-05-20",
        ),
        (("2015-03-01", "2016-01-01"), "2016-01-01 lies outside the panel"),
        (("2015-04-01", "2015-03-01"), "the test must begin after the validation"),
        (("2015-04-01", "2015-04-01"), "the test must begin after the validation"),
        (("2015-03-01", "2015-03-03"), "of the 1 days of the validation part 0 remain after 2 purged"),
        (("2015-01-05", "2015-03-03"), "of the 2 days of the train part 0 remain"),
        (("2015-04-01", "2015-05-20"), "of the 1 days of the test part"),
        (("soon", "2015-03-03"), "'soon' is not a date such as 2017-01-31"),
        (("2015-03-01",), "two borders"),
        ("2015-03-01", "two borders"),
        ((1.5, 2.5), "outside the panel|not a date"),
    ],
)
def test_invalid_borders_are_refused(borders, message):
    with pytest.raises(TaskError, match=message) as error:
        split_days(DATES, borders, ahead=2)
    assert "\n" not in str(error.value)


def test_a_negative_embargo_is_refused():
    with pytest.raises(TaskError, match="embargo"):
        split_days(DATES, ahead=2, embargo=-1)


def test_rows_of_a_split_are_random_but_reproducible():
    rows = split_rows(50, (0.6, 0.8))
    assert np.bincount(rows).tolist() == [30, 10, 10]
    np.testing.assert_array_equal(rows, split_rows(50, ("0.6", "0.8")))
    assert not (np.diff(rows) >= 0).all()
    assert (split_rows(50, None) == TRAIN).all()


@pytest.mark.parametrize(
    "borders", [(0.8, 0.6), ("2015-01-01", "2015-02-01"), (0.5, 1.2), (0.98, 0.99), (0.5,)]
)
def test_invalid_shares_of_rows_are_refused(borders):
    with pytest.raises(TaskError):
        split_rows(50, borders)
