"""Rules that turn signals into positions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quarva.errors import TaskError
from quarva.strategies import LongShort, RankWeights, SignTiming, VolatilityScaled

RULES = [LongShort(0.2), LongShort(0.5), RankWeights(), SignTiming()]
signals = arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 40)),
    elements=st.sampled_from([np.nan, -2.5, -1.0, 0.0, 0.5, 1.0, 1.5, 3.0]),
)


def textbook_long_short(row: np.ndarray, quantile: float) -> np.ndarray:
    """Average the weights over every order that breaks the ties: what fair sharing at the edge means."""
    values = pd.Series(row).dropna()
    n = len(values)
    out = pd.Series(0.0, index=range(len(row)))
    if n < 2:
        return out.to_numpy()
    k = max(1, int(np.floor(round(quantile * n, 9))))
    slots = np.zeros(n)
    slots[:k], slots[n - k :] = -0.5 / k, slots[n - k :] + 0.5 / k
    order = values.sort_values(kind="stable").index
    shared = pd.Series(slots, index=order).groupby(values.loc[order]).transform("mean")
    out.loc[order] = shared
    return out.to_numpy()


@given(signals, st.sampled_from([0.05, 0.1, 0.29, 0.3, 0.5]))
@settings(max_examples=200, deadline=None)
def test_long_short_divides_positions_equally_among_ties(signal, quantile):
    got = LongShort(quantile).positions(signal)
    want = np.array([textbook_long_short(row, quantile) for row in signal])
    np.testing.assert_allclose(got, want, atol=1e-12)


@given(signals)
@settings(max_examples=100, deadline=None)
def test_rank_weights_are_the_centred_average_ranks(signal):
    ranks = pd.DataFrame(signal.astype(float)).rank(axis=1)
    centred = ranks.sub(ranks.mean(axis=1), axis=0)
    want = centred.div(centred.abs().sum(axis=1).replace(0, np.nan), axis=0).fillna(0.0)
    np.testing.assert_allclose(RankWeights().positions(signal), want, atol=1e-12)


@given(signals)
@settings(max_examples=100, deadline=None)
def test_sign_timing_gives_equal_shares_by_sign(signal):
    frame = pd.DataFrame(signal.astype(float))
    want = np.sign(frame).div(frame.notna().sum(axis=1).replace(0, np.nan), axis=0).fillna(0.0)
    np.testing.assert_allclose(SignTiming().positions(signal), want, atol=1e-12)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_permuting_assets_permutes_positions(rule):
    rng = np.random.default_rng(0)
    signal = rng.integers(-3, 4, (50, 37)).astype(np.float32)
    signal[rng.random(signal.shape) < 0.1] = np.nan
    order = rng.permutation(37)
    np.testing.assert_allclose(rule.positions(signal[:, order]), rule.positions(signal)[:, order], atol=1e-15)


@pytest.mark.parametrize("rule", RULES[:3], ids=str)
def test_cross_sectional_rules_have_gross_one_and_net_zero(rule):
    p = rule.positions(np.random.default_rng(1).standard_normal((30, 200)))
    np.testing.assert_allclose(np.abs(p).sum(axis=1), 1.0)
    np.testing.assert_allclose(p.sum(axis=1), 0.0, atol=1e-12)


@pytest.mark.parametrize("size", [2, 5, 17, 100, 1000])
def test_long_short_holds_the_extremes_of_many_assets(size):
    rng = np.random.default_rng(size)
    signal = np.round(rng.standard_t(2, (20, size)), 2).astype(np.float32)
    got = LongShort(0.2).positions(signal)
    np.testing.assert_allclose(got, [textbook_long_short(row, 0.2) for row in signal], atol=1e-12)


def test_a_missing_signal_gives_no_position():
    signal = np.full((3, 5), np.nan)
    signal[1, 2] = 1.0
    for rule in RULES[:3]:
        assert (rule.positions(signal) == 0).all()
    assert SignTiming().positions(signal)[1, 2] == 1.0


def test_a_signal_of_one_asset_may_be_a_series():
    assert SignTiming().positions([1.0, -2.0, 0.0, np.nan]).ravel().tolist() == [1.0, -1.0, 0.0, 0.0]


def test_volatility_scaling_equals_pandas():
    rng = np.random.default_rng(2)
    returns = 0.01 * rng.standard_normal((120, 4)) * [1, 2, 0, 4]
    returns[60, 3] = np.nan
    signal = rng.standard_normal((120, 4))
    sigma = pd.DataFrame(returns).rolling(20).std() * np.sqrt(252)
    factor = (0.1 / sigma.where(sigma > 0)).clip(upper=0.6).fillna(0.0)
    got = VolatilityScaled(SignTiming(), target=0.1, window=20, cap=0.6).positions(signal, returns)
    np.testing.assert_allclose(got, SignTiming().positions(signal) * factor)
    for cells in (got[:, 2], got[:19], got[60:80, 3]):
        assert (cells == 0).all()


def test_position_rules_refuse_invalid_parameters():
    for quantile in (0, -0.1, 0.6):
        with pytest.raises(TaskError, match=r"\(0, 0.5\]"):
            LongShort(quantile)
    with pytest.raises(TaskError, match="window"):
        VolatilityScaled(SignTiming(), window=1)
    with pytest.raises(TaskError, match="'cap'"):
        VolatilityScaled(SignTiming(), cap=0)
    with pytest.raises(TaskError, match="needs the returns of the assets"):
        VolatilityScaled(SignTiming()).positions(np.ones((5, 2)))
    with pytest.raises(TaskError, match="two axes"):
        LongShort().positions(np.ones((2, 2, 2)))
