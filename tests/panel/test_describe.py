"""A description shows the contents of a panel and its oddities."""

import json

import numpy as np
import pytest

from quarva.panel import Panel, describe


def test_every_oddity_is_found():
    days = 10
    close = np.tile(np.arange(10.0, 10 + days)[:, None], (1, 5))
    close[:, 1] += 1
    close[3:6, 1] = np.nan  # a gap
    close[7:, 2] *= 2.5  # a jump
    close[:2, 3] = np.nan  # a late beginning
    close[8:, 3] = np.nan  # an early end
    low = close - 1
    low[4, 2] = close[4, 2] + 1  # a broken bar
    volume = np.full(close.shape, 5.0)
    volume[1, 0] = 0
    volume[np.isnan(close)] = np.nan
    dates = np.datetime64("2020-01-01") + np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 14])
    panel = Panel.from_arrays(
        {"close": close, "low": low, "volume": volume}, dates, "ABCDE", groups={"sector": list("xxyyy")}
    )
    found = describe(panel)
    assert (found.days, found.assets, found.first, found.last) == (10, 5, "2020-01-01", "2020-01-15")
    assert found.longest_pause == 6
    assert found.groups == {"sector": 2}
    assert found.coverage["close"] == (50 - 3 - 4) / 50
    assert (found.gap_count, found.missing_in_gaps) == (1, 3)
    gap = found.longest_gap
    assert (gap.asset, gap.first, gap.last, gap.bars) == ("B", "2020-01-04", "2020-01-06", 3)
    assert found.jump_count == 1
    jump = found.jumps[0]
    assert (jump.field, jump.asset, jump.date) == ("close", "C", "2020-01-08")
    np.testing.assert_allclose(jump.change, 17 * 2.5 / 16 - 1, rtol=1e-6)
    assert (found.zero_volumes, found.broken_bars) == (1, 1)
    assert (found.late, found.ended) == (1, 1)
    life = found.lives[3]
    assert (life.asset, life.first, life.last) == ("D", "2020-01-03", "2020-01-08")
    assert found.twins == ()
    assert json.loads(json.dumps(found.as_dict()))["lives"][0]["asset"] == "A"
    for part in ("gaps", "1, 3 bars in total", "C close +166 % on 2020-01-08", "zero volume", "broken bars"):
        assert part in str(found)


def test_a_clean_panel_has_no_remarks():
    rng = np.random.default_rng(0)
    prices = np.exp(rng.normal(0, 0.01, (20, 2)).cumsum(axis=0))
    found = describe(Panel.from_arrays({"close": prices}, np.datetime64("2020-01-01") + np.arange(20), "AB"))
    assert (found.gap_count, found.jump_count, found.late, found.ended) == (0, 0, 0, 0)
    assert found.longest_gap is None
    assert "twins" not in str(found)


def test_assets_with_equal_values_are_reported_together():
    values = np.array([[1.0, 2, 1, 2, 3], [2, 3, 2, 3, 4]])
    found = describe(Panel.from_arrays({"x": values}, np.datetime64("2020-01-01") + np.arange(2), "ABCDE"))
    assert found.twins == (("A", "C"), ("B", "D"))


def test_an_asset_without_a_value_has_no_dates():
    values = np.array([[1.0, np.nan], [2.0, np.nan]])
    found = describe(Panel.from_arrays({"x": values}, np.datetime64("2020-01-01") + np.arange(2), "AB"))
    assert (found.lives[1].first, found.lives[1].coverage) == (None, 0.0)


@pytest.mark.parametrize(
    ("step", "text"),
    [("5m", "5 minutes"), ("90m", "1.5 hours"), ("1h", "1 hour"), ("24h", "1 day"), ("72h", "3 days")],
)
def test_a_pause_is_shown_in_a_suitable_unit(step, text):
    step = np.timedelta64(int(step[:-1]), step[-1])
    dates = np.datetime64("2020-01-01T09:00", "s") + np.arange(4) * step
    panel = Panel.from_arrays({"close": 1 + np.arange(8.0).reshape(4, 2) / 100}, dates, "AB")
    assert dict(describe(panel).rows())["longest pause"] == text
