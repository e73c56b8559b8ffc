"""Targets by name, forward returns, and fields as targets."""

import numpy as np
import pandas as pd
import pytest

from quarva.errors import TaskError
from quarva.panel import Panel
from quarva.tasks import Field, ForwardReturn, parse_target


@pytest.mark.parametrize(("horizon", "delay"), [(1, 1), (5, 1), (20, 0), (3, 4)])
def test_forward_returns_equal_pandas(sample, horizon, delay):
    close = pd.DataFrame(sample.field("close")).astype(float)
    want = close.shift(-delay - horizon) / close.shift(-delay) - 1
    got = ForwardReturn(horizon, delay).values(sample)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9)


def test_a_forward_return_is_missing_if_a_close_is():
    close = np.array([[1.0], [np.nan], [3.0], [4.0], [5.0]])
    panel = Panel.from_arrays({"close": close}, pd.bdate_range("2020-01-01", periods=5), ["A"])
    got = ForwardReturn(1, delay=0).values(panel).ravel()
    np.testing.assert_allclose(got, [np.nan, np.nan, 1 / 3, 1 / 4, np.nan], rtol=1e-6)


def test_targets_have_names(walks):
    assert parse_target("forward_return_5", walks, delay=2) == ForwardReturn(5, 2)
    assert parse_target("other", walks) == parse_target("field:other", walks) == Field("other")
    assert ForwardReturn(5).name == "forward_return_5"
    np.testing.assert_array_equal(Field("other").values(walks), walks.field("other"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("forward_retrun_5", "did you mean 'forward_return_5'"),
        ("othr", "did you mean 'other'"),
        ("field:clse", "the target 'clse' is not a field; did you mean 'close'"),
        ("forward_return_0", "horizon of a forward return must be 1 or more days, not 0"),
        ("forward_return_200", "looks 201 days ahead; the panel has only 100"),
    ],
)
def test_unknown_targets_name_the_nearest(walks, text, message):
    with pytest.raises(TaskError, match=message):
        parse_target(text, walks).values(walks)


def test_invalid_targets_are_refused(walks):
    with pytest.raises(TaskError, match="not -1: a trade cannot precede its signal"):
        ForwardReturn(1, delay=-1)
    with pytest.raises(TaskError, match="horizon of field 'other'"):
        Field("other", horizon=-1)
    close = walks.field("close").copy()
    close[7, 2] = -3
    panel = Panel.from_arrays({"close": close}, walks.dates, walks.assets)
    with pytest.raises(TaskError, match=f"close of A2 on {walks.dates[7]} is -3"):
        ForwardReturn(1).values(panel)
    panel = Panel.from_arrays({"price": walks.field("close")}, walks.dates, walks.assets)
    with pytest.raises(TaskError, match="field 'close'; the panel has price"):
        ForwardReturn(1).values(panel)
