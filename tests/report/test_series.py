"""Daily series equal those of pandas and of the engine."""

import numpy as np
import pandas as pd
import pytest

from quarva.report.series import daily_ic, quantile_means, rolling_correlation, timing_means


@pytest.fixture
def pair():
    rng = np.random.default_rng(5)
    signal = rng.normal(size=(80, 12)).round(1)  # rounding makes ties
    target = 0.3 * signal + rng.normal(size=signal.shape)
    signal[rng.random(signal.shape) < 0.1] = np.nan
    target[rng.random(signal.shape) < 0.1] = np.nan
    signal[7] = 1.0
    target[9, 2:] = np.nan
    signal[11, :8] = np.nan
    return signal, target


@pytest.mark.parametrize("ranked", [False, True])
def test_daily_ic_is_pandas_correlation_with_missing_signals_at_their_mean(pair, ranked):
    signal, target = pair
    target[20] = np.where(np.isfinite(target[20]), 0.7, np.nan)
    found = daily_ic(signal, target, ranked=ranked, lookback=10)
    for day in range(len(signal)):
        both = pd.DataFrame({"x": signal[day], "y": target[day]}).dropna(subset="y")
        if len(both) < 3 or both.y.nunique() < 2:
            assert np.isnan(found[day])
        elif both.x.notna().sum() < max(3, np.ceil(len(both) / 2)):
            assert found[day] == 0 if day >= 10 else np.isnan(found[day])
        elif both.x.nunique() < 2:
            assert np.isnan(found[day])
        else:
            both = both.rank() if ranked else both
            wanted = both.x.fillna(both.x.mean()).corr(both.y)
            assert found[day] == pytest.approx(wanted, abs=1e-12)
    assert found[11] == 0


def test_days_of_the_warm_up_are_not_counted_as_missing():
    rng = np.random.default_rng(0)
    signal, target = rng.normal(size=(2, 30, 6))
    signal[:8] = np.nan
    signal[20, :4] = np.nan
    found = daily_ic(signal, target, lookback=8)
    assert np.isnan(found[:8]).all()
    assert np.isfinite(found[8:]).all()
    assert found[20] == 0


def test_quantile_means_are_pandas_means_by_rank(pair):
    signal, target = pair
    days = np.arange(len(signal)) % 2 == 0
    parts: dict[int, list[float]] = {}
    for day in np.flatnonzero(days):
        both = pd.DataFrame({"x": signal[day], "y": target[day]}).dropna()
        if len(both) < 4:
            continue
        part = np.floor((both.x.rank() - 0.5) / len(both) * 4)
        for k, mean in (both.y - both.y.mean()).groupby(part).mean().items():
            parts.setdefault(int(k), []).append(mean)
    wanted = [np.mean(parts[k]) for k in range(4)]
    np.testing.assert_allclose(quantile_means(signal, target, days, 4), wanted, atol=1e-12)


def test_quantiles_of_too_few_assets_are_missing():
    rows = np.ones((5, 3))
    assert np.isnan(quantile_means(rows, rows, np.ones(5, bool), 5)).all()


def test_timing_means_are_means_between_limits(pair):
    signal, target = pair
    means = timing_means(signal, target, np.ones(len(signal), bool), np.array([-0.5, 0.5]))
    there = np.isfinite(signal) & np.isfinite(target)
    x, y = signal[there], target[there]
    wanted = [y[x < -0.5].mean(), y[(x >= -0.5) & (x < 0.5)].mean(), y[x >= 0.5].mean()]
    np.testing.assert_allclose(means, wanted)


def test_a_rolling_correlation_does_not_cross_segments():
    rng = np.random.default_rng(1)
    signal, target = rng.normal(size=(300, 1)), rng.normal(size=(300, 1))
    segments = np.repeat(np.array([0, -1, 1], np.int8), 100)
    found = rolling_correlation(signal, target, segments, window=50, min_days=20)
    assert np.isnan(found[:19]).all()
    assert np.isnan(found[100:219]).all()
    assert found[99] == pytest.approx(np.corrcoef(signal[50:100, 0], target[50:100, 0])[0, 1])
    assert found[225] == pytest.approx(np.corrcoef(signal[200:226, 0], target[200:226, 0])[0, 1])
