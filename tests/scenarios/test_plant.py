"""A planted effect: exactly the drive is added to the returns, and the formulas predict it."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from quarva.engine import Formula
from quarva.errors import FormulaError, PanelError, RecipeError
from quarva.panel import Panel
from quarva.scenarios import plant, simulate

FORMULAS = ["-pct_change(close, 5)", "ts_zscore(volume, 20)", "group_demean(close / open, sector)"]


@pytest.fixture(scope="module")
def market() -> Panel:
    panel = simulate(80, 300, seed=4)
    values = panel.values.copy()
    values[:, 100:110, 3] = np.nan  # a suspended asset
    values[:, 200:, 5] = np.nan  # a delisted one
    return replace(panel, values=values)


def returns(panel: Panel) -> np.ndarray:
    close = panel.field("close").astype(np.float64)
    out = np.full(close.shape, np.nan)
    out[1:] = close[1:] / close[:-1] - 1
    return out


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_the_drive_is_what_is_added_to_the_returns(market, delay):
    planted = plant(market, FORMULAS, 0.05, delay=delay)
    added = returns(planted.panel) - returns(market)
    drive = np.full_like(added, np.nan)
    drive[delay + 1 :] = planted.drive[: -delay - 1]
    there = np.isfinite(added)
    there[: delay + 1] = False
    np.testing.assert_array_equal(np.isfinite(drive), there)
    np.testing.assert_allclose(added[there], drive[there], atol=3e-6)  # float32 prices
    assert np.isnan(planted.drive[-delay - 1 :]).all()


def test_the_drive_is_computed_from_the_new_prices(market):
    """The sum of the z-scores of the formulas on the new panel, times the amplitude."""
    planted = plant(market, FORMULAS, 0.05)
    expected = np.zeros(market.shape)
    for text, amplitude in zip(FORMULAS, planted.amplitudes, strict=True):
        signal = Formula.parse(text, panel=planted.panel).signal(planted.panel).to_numpy().astype(np.float64)
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # days without a value
            score = (signal - np.nanmean(signal, 1, keepdims=True)) / np.nanstd(signal, 1, keepdims=True)
        expected += amplitude * np.nan_to_num(score)
    there = np.isfinite(planted.drive)
    there[:20] = False  # warm-up: no formula varies there for certain
    np.testing.assert_allclose(planted.drive[there], expected[there], rtol=2e-4, atol=1e-7)


def test_the_coefficient_rises_by_what_was_asked(market):
    planted = plant(market, ["ts_zscore(volume, 20)", "-pct_change(close, 20)"], 0.08)
    gain = np.subtract(planted.realised, planted.before)
    np.testing.assert_allclose(gain, 0.08, atol=0.015)


def test_bars_keep_their_proportions_and_other_fields_their_values(market):
    planted = plant(market, FORMULAS, 0.05).panel
    for name in ("open", "high", "low"):
        ratio = planted.field(name) / planted.field("close")
        np.testing.assert_allclose(ratio, market.field(name) / market.field("close"), rtol=1e-6)
    np.testing.assert_array_equal(planted.field("volume"), market.field("volume"))
    np.testing.assert_array_equal(np.isnan(planted.values), np.isnan(market.values))


def test_a_plant_is_deterministic_and_says_what_it_did(market):
    one, other = plant(market, FORMULAS, 0.02), plant(market, FORMULAS, 0.02)
    np.testing.assert_array_equal(one.panel.values, other.panel.values)
    assert one.panel.notes[-1].startswith("planted -pct_change(close, 5), ts_zscore(volume, 20)")


@pytest.mark.parametrize(
    ("formulas", "ic", "message"),
    [
        ([], 0.01, "no formula to plant"),
        (["close / close"], 0.01, "differs between assets on 0 days"),
        (["pct_change(close, 260)"], 0.01, "differs between assets on 40 days"),
        (["rank(close)"], 0.0, "ic = 0"),
        (["rank(close)"], 0.6, "ic = 0.6"),
        (["rank(close)"], float("nan"), "ic = nan"),
    ],
)
def test_a_plant_that_cannot_be_made_is_refused(market, formulas, ic, message):
    with pytest.raises(RecipeError, match=message):
        plant(market, formulas, ic)


def test_a_panel_that_cannot_carry_a_plant_is_refused(market):
    with pytest.raises(FormulaError, match="vwap"):
        plant(market, "vwap / close")
    with pytest.raises(RecipeError, match="no field close"):
        plant(replace(market, values=market.values[4:], fields=("volume",)), "rank(volume)")
    with pytest.raises(RecipeError, match="3 assets; a plant needs 5"):
        plant(simulate(3, 100), "rank(close)")
    wrong = market.values.copy()
    wrong[3, 7, 2] = -1
    with pytest.raises(RecipeError, match="the close of S03 on .* is -1"):
        plant(replace(market, values=wrong), "rank(close)")


def test_a_nearly_still_day_does_not_weaken_the_plant(market):
    """A holiday filled with the prices of the day before, and one price that moves a little."""
    values = market.values.copy()
    values[:, 150] = values[:, 149]
    values[3, 150, 0] *= 1.0001
    still = plant(replace(market, values=values), "rank(volume)", 0.05)
    assert still.amplitudes[0] == pytest.approx(plant(market, "rank(volume)", 0.05).amplitudes[0], rel=0.08)


def test_a_crash_keeps_its_return_but_for_the_drive(market):
    values = market.values.copy()
    values[:4, 150:, 8] *= 0.04
    crashed = replace(market, values=values)
    planted = plant(crashed, "rank(volume)", 0.05)
    added = returns(planted.panel)[150, 8] - returns(crashed)[150, 8]
    assert added == pytest.approx(planted.drive[148, 8], abs=1e-6)


@pytest.mark.parametrize("pair", [["rank(close)", "rank(close)"], ["rank(close)", "-rank(close)"]])
def test_a_formula_is_not_planted_twice(market, pair):
    with pytest.raises(RecipeError, match="planted twice"):
        plant(market, pair)


def test_a_panel_without_enough_returns_cannot_carry_a_plant(market):
    with pytest.raises(RecipeError, match="cannot carry a plant with delay 260"):
        plant(market, "rank(close)", delay=260)
    few = market.values.copy()
    few[:, :, 4:] = np.nan
    with pytest.raises(RecipeError, match="5 assets have returns that differ on 0 days"):
        plant(replace(market, values=few), "rank(volume)")
    infinite = market.values.copy()
    infinite[3, 7, 2] = np.inf
    with pytest.raises(RecipeError, match="the close of S03 on .* is inf"):
        plant(replace(market, values=infinite), "rank(close)")


def test_arguments_of_the_wrong_type_are_refused(market):
    assert plant(market, Formula("rank(close)")).formulas == ("rank(close)",)
    with pytest.raises(FormulaError):
        plant(market, None)
    with pytest.raises(RecipeError, match="ic must be a number"):
        plant(market, "rank(close)", "much")
    with pytest.raises(PanelError):
        plant("market.csv", "rank(close)")
