"""Selection among noise formulas, and the standard error of a mean daily IC."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import integrate, stats

from quarva.report import data as rd
from quarva.report import render
from quarva.report.multiple_testing import (
    expected_maximum,
    expected_noise_maximum,
    selection_note,
    standard_errors,
)
from quarva.report.newey_west import standard_error


def mean_of_largest(n: int, two_sided: bool) -> float:
    """E max of n standard normal draws (of their absolute values) by the integral over its distribution."""

    def beyond(x):
        inside = 2 * stats.norm.cdf(x) - 1 if two_sided else stats.norm.cdf(x)
        return 1 - inside**n

    above = integrate.quad(beyond, 0, 12, limit=500)[0]
    return above if two_sided else above - integrate.quad(lambda x: stats.norm.cdf(x) ** n, -12, 0)[0]


@pytest.mark.parametrize("n", [10, 100, 1000, 10_000, 100_000])
def test_the_sign_free_maximum_of_n_equals_that_of_2n_draws(n):
    assert expected_maximum(n) == pytest.approx(mean_of_largest(n, two_sided=False), rel=0.03)
    assert expected_maximum(2 * n) == pytest.approx(mean_of_largest(n, two_sided=True), rel=0.03)
    assert expected_maximum(n) < 0.99 * mean_of_largest(n, two_sided=True)


def test_the_expected_maximum_of_noise_is_an_average_not_a_bound():
    draws = np.random.default_rng(0).normal(size=(4000, 500))
    best = np.abs(draws).max(axis=1)
    assert expected_maximum(1000) == pytest.approx(best.mean(), abs=0.03)
    assert expected_maximum(500) == pytest.approx(draws.max(axis=1).mean(), abs=0.03)
    assert 0.3 < (best > expected_maximum(1000)).mean() < 0.6
    assert expected_maximum(1) == 0


def test_the_score_of_the_best_is_compared_with_the_best_of_noise(report, timing_report, table_report):
    error = standard_errors(report)["train"]
    assert expected_noise_maximum(report) == pytest.approx(expected_maximum(200_000) * error)
    error = standard_errors(timing_report)["train"]
    assert expected_noise_maximum(timing_report) == pytest.approx(expected_maximum(100_000) * error)
    assert expected_noise_maximum(table_report) is None
    alone = dataclasses.replace(report.search, evaluations=1)
    assert expected_noise_maximum(dataclasses.replace(report, search=alone)) is None


def test_a_field_that_is_the_target_says_nothing_about_noise(report):
    ic = np.where(np.isfinite(report.information.ic), 1.0, np.nan)
    copied = dataclasses.replace(report, information=dataclasses.replace(report.information, ic=ic))
    assert expected_noise_maximum(copied) is None
    assert "independent noise" not in selection_note(copied)


def test_the_best_of_noise_is_described_as_an_average_not_a_bound(report, timing_report, table_report):
    for data, unit in ((report, "rank IC"), (timing_report, "Sharpe")):
        page = render(data)
        assert f"independent noise, the best would have a training {unit} of" in page
        assert "an average, not a bound" in page
        assert "reaches less" not in page
        assert selection_note(data, margin=False) in page
        assert "±" not in selection_note(data, margin=False)
    assert "independent noise" not in render(table_report)


def by_weights(daily: np.ndarray, lags: int) -> float:
    """Newey and West's error as a sum over all pairs of days, each weighted by its distance."""
    there = np.isfinite(daily)
    away = np.nan_to_num(daily - daily[there].mean())
    apart = np.abs(np.subtract.outer(np.arange(len(daily)), np.arange(len(daily))))
    weight = np.maximum(1 - apart / (lags + 1), 0)
    return math.sqrt(away @ weight @ away) / there.sum()


@pytest.mark.parametrize("lags", [0, 1, 5, 20, 400])
def test_the_standard_error_is_that_of_all_pairs_of_days(lags):
    rng = np.random.default_rng(3)
    daily = np.convolve(rng.normal(size=320), np.ones(5) / 5, "valid")
    daily[[0, 40, 41, 200]] = np.nan
    assert standard_error(daily, lags) == pytest.approx(by_weights(daily, lags), rel=1e-10)
    assert math.isnan(standard_error(np.full(9, np.nan), lags))


def test_the_standard_error_without_lags_is_the_usual_one():
    daily = np.random.default_rng(1).normal(size=500)
    assert standard_error(daily, 0) == pytest.approx(daily.std() / math.sqrt(500))


@pytest.mark.parametrize("slow", [False, True])
def test_the_standard_error_of_a_mean_ic_equals_its_spread_over_many_markets(slow):
    """Signals of noise against returns of five days: redrawn every day, or the same on all days."""
    rng = np.random.default_rng(0)
    days, assets, horizon = 300, 10, 5
    means, errors = [], []
    for _ in range(400):
        returns = rng.normal(size=(days + horizon, assets))
        sums = np.cumsum(np.vstack([np.zeros(assets), returns]), axis=0)
        target = sums[horizon:][:days] - sums[:days]
        signal = rng.normal(size=(1 if slow else days, assets)) + np.zeros((days, assets))
        x, y = (each - each.mean(axis=1, keepdims=True) for each in (signal, target))
        daily = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
        means.append(daily.mean())
        errors.append(standard_error(daily, horizon))
    ratio = np.mean(errors) / np.std(means)
    assert 0.9 < ratio < 1.1 if not slow else 0.75 < ratio < 1.1  # Bartlett's weights shorten slow ones


def test_errors_of_overlapping_targets_count_the_horizon_in_lags(report):
    information = report.information
    days = information.segments == 1
    assert standard_errors(report)["validation"] == pytest.approx(by_weights(information.ic[days], 5))
    assert "Newey–West, 5 lags" in render(report).replace("\u00a0", " ")
    few = rd.Information(information.dates[:49], information.segments[:49], information.ic[:49])
    assert standard_errors(dataclasses.replace(report, information=few))["train"] is None
