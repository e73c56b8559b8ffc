"""The power of a recipe: shares of planted effects that a search carries to unseen days."""

from dataclasses import replace

import numpy as np
import pytest

from quarva.errors import RecipeError, TaskError
from quarva.runs.power import default_plants, power
from quarva.runs.recipe import SearchRecipe
from quarva.scenarios import plant, share, simulate

RECIPE = SearchRecipe(budget=300, split=(0.6, 0.8))


@pytest.fixture(scope="module")
def market():
    return simulate(60, 400, seed=5)


def test_a_strong_effect_is_found_and_a_weak_one_less(market):
    told = []
    weak, strong = power(market, RECIPE, strengths=[0.002, 0.1], progress=False, told=told.append)
    assert told == [weak, strong]
    assert strong.share > 0.7
    assert strong.share > weak.share
    assert strong.share > strong.share_of_best
    assert strong.expected_low < strong.expected < strong.expected_high
    assert strong.evaluations == 300
    assert len(strong.planted) == 3


def test_the_share_is_the_correlation_with_the_drive(market):
    planted = plant(market, "-pct_change(close, 5)", 0.1)
    assert share(planted.drive, planted.drive) == pytest.approx(1)
    assert share(-planted.drive, planted.drive) == pytest.approx(-1)
    signal = np.random.default_rng(0).normal(size=planted.drive.shape).astype(np.float32)
    signal[::7, :30] = np.nan
    days = np.arange(len(signal)) > 200
    daily = []
    for day in np.flatnonzero(days):
        known = np.isfinite(planted.drive[day])
        if known.any() and planted.drive[day][known].std() > 0:
            x = np.where(np.isfinite(signal[day]), signal[day] - np.nanmean(signal[day][known]), 0)[known]
            daily.append(x @ (d := planted.drive[day][known] - planted.drive[day][known].mean()))
            daily[-1] /= np.linalg.norm(x) * np.linalg.norm(d)
    assert share(signal, planted.drive, days) == pytest.approx(np.mean(daily), abs=1e-6)
    assert np.isnan(share(signal, planted.drive, np.zeros(len(signal), bool)))


def test_plants_are_those_that_the_fields_allow(market):
    assert len(default_plants(market)) == 3
    closes = replace(market, values=market.values[3:4], fields=("close",))
    assert all("volume" not in text and "open" not in text for text in default_plants(closes))
    with pytest.raises(RecipeError, match="lacks the field close"):
        default_plants(replace(market, values=market.values[:1], fields=("other",)))


def test_what_cannot_be_measured_is_refused(market):
    with pytest.raises(TaskError, match="the power of a recipe is that of its set"):
        power(market, replace(RECIPE, objective="ts_corr"), progress=False)
    with pytest.raises(TaskError, match="forward_volatility_5 is not one"):
        power(market, replace(RECIPE, target="forward_volatility_5"), progress=False)
    with pytest.raises(RecipeError, match="leave set_size out"):
        power(market, replace(RECIPE, set_size=0), progress=False)
    few, short = simulate(60, 110, seed=1), replace(RECIPE, split=(0.4, 0.7))
    with pytest.raises(TaskError, match="there is no set: the training part has"):
        power(few, short, ["-pct_change(close, 5)"], progress=False)
    with pytest.raises(RecipeError, match="no strength is given"):
        power(market, RECIPE, strengths=[], progress=False)
    with pytest.raises(RecipeError):
        power(market, RECIPE, strengths=[0.9], progress=False)
