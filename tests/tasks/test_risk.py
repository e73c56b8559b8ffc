"""The risk model against independent regressions, and what is known on the day of a signal."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from quarva.engine import Formula
from quarva.errors import TaskError
from quarva.panel import GroupCodes, Panel
from quarva.scenarios import simulate
from quarva.tasks.risk import RiskModel

DAYS, ASSETS = 300, 60


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulate(ASSETS, DAYS, seed=5)


@pytest.fixture(scope="module")
def target(panel) -> np.ndarray:
    close = panel.field("close").astype(np.float64)
    out = np.full(close.shape, np.nan)
    out[:-2] = close[2:] / close[1:-1] - 1
    out[np.random.default_rng(0).random(out.shape) < 0.02] = np.nan
    return out


def zscore(values: np.ndarray) -> np.ndarray:
    mean, deviation = np.nanmean(values), np.nanstd(values)
    return np.nan_to_num(np.clip((values - mean) / deviation, -3, 3)) if deviation > 0 else values * 0


@pytest.mark.parametrize("day", [130, 200, 297])
def test_residuals_equal_an_ordinary_regression(panel, target, day):
    """60 assets and 4 exposures: no ridge."""
    formulas = {"size": "log(mean(close * volume, 20))", "volatility": "std(pct_change(close, 1), 40)"}
    model = RiskModel(formulas, ())
    found = model.residual(panel, target, 2)
    columns = [
        zscore(Formula.parse(text, panel=panel).signal(panel).to_numpy()[day]) for text in formulas.values()
    ]
    design = np.column_stack([np.ones(ASSETS), *columns])
    there = np.isfinite(target[day])
    fitted = design[there] @ np.linalg.lstsq(design[there], target[day][there], rcond=None)[0]
    assert found.exposures == ("size", "volatility")
    np.testing.assert_allclose(found.residuals[day][there], target[day][there] - fitted, atol=1e-7)
    assert np.isnan(found.values[day][~there]).all()


def test_the_volatility_is_that_of_the_residuals_known_by_the_day(panel, target):
    model = RiskModel({"price": "log(close)"}, (), window=50)
    found = model.residual(panel, target, 2)
    raw = found.residuals.astype(np.float64)
    day, asset = 200, 7
    known = raw[day - 2 - 49 : day - 2 + 1, asset]
    expected = np.sqrt(np.nanmean(known**2))
    assert found.volatility[day, asset] == pytest.approx(expected, rel=1e-5)


def test_values_are_quotients_or_their_normal_scores_made_neutral_again(panel, target):
    formulas, day = {"price": "log(close)"}, 200
    plain = RiskModel(formulas, normal_scores=False).residual(panel, target, 2)
    np.testing.assert_allclose(plain.values[day], plain.residuals[day] / plain.volatility[day], rtol=1e-5)
    found = RiskModel(formulas).residual(panel, target, 2)
    there = np.isfinite(plain.values[day])
    scores = norm.ppf((rankdata(plain.values[day][there]) - 0.5) / there.sum())
    price = zscore(np.log(panel.field("close")[day]))[there]
    design = np.column_stack([np.ones(there.sum()), price])
    fitted = design @ np.linalg.lstsq(design, scores, rcond=None)[0]
    np.testing.assert_allclose(found.values[day][there], scores - fitted, atol=1e-5)
    np.testing.assert_array_equal(found.residuals, plain.residuals)


def test_later_days_change_nothing_but_the_residuals_of_these_days(panel, target):
    model = RiskModel.default(panel)
    day = 220
    other = replace(panel, values=panel.values.copy())
    other.values[:, day + 1 :] *= np.random.default_rng(1).uniform(0.5, 2, other.values[:, day + 1 :].shape)
    moved = target.copy()
    moved[day + 1 :] *= -3
    before, after = model.residual(panel, target, 2), model.residual(other, moved, 2)
    np.testing.assert_array_equal(before.values[: day + 1], after.values[: day + 1])
    assert not np.array_equal(before.values[day + 1 :], after.values[day + 1 :], equal_nan=True)


def test_a_target_known_later_does_not_reach_into_the_volatility(panel, target):
    """The volatility of a day uses no target that becomes known after it."""
    model = RiskModel({"price": "log(close)"}, ())
    moved = target.copy()
    day, span = 150, 6
    moved[day - span + 1 :] *= 10
    before, after = model.residual(panel, target, span), model.residual(panel, moved, span)
    there = np.isfinite(before.values[day])
    np.testing.assert_array_equal(before.volatility[day][there], after.volatility[day][there])
    changed = before.volatility[day + 1] != after.volatility[day + 1]
    assert changed[there].any()


def test_the_default_model_removes_groups_and_exposures(panel, target):
    model = RiskModel.default(panel)
    left = model.neutralise(panel, target)
    sector = panel.groups["sector"].codes
    day = 250
    for code in range(sector.max() + 1):
        if (sector == code).sum() > 1:
            assert np.nanmean(left[day][sector == code]) == pytest.approx(0, abs=1e-8)
    size = zscore(Formula.parse("log(mean(close * volume, 20))", panel=panel).signal(panel).to_numpy()[day])
    there = np.isfinite(left[day])
    assert np.dot(size[there], left[day][there]) == pytest.approx(0, abs=1e-6)


def test_the_default_model_uses_what_the_panel_has(panel):
    names = ["size", "price", "beta", "volatility", "momentum"]
    assert list(RiskModel.default(panel).exposures) == names
    assert RiskModel.default(panel).groups == ("sector",)
    bare = replace(panel, values=panel.values[3:4], fields=("close",), groups={})
    assert list(RiskModel.default(bare).exposures) == names[1:]
    assert RiskModel.default(bare).groups == ()
    small = RiskModel.default(simulate(20, 60))
    assert small.exposures == {}
    assert small.groups == ()


def test_without_exposures_the_mean_of_each_day_is_removed(panel, target):
    left = RiskModel().neutralise(panel, target)
    np.testing.assert_allclose(
        left[:-2], target[:-2] - np.nanmean(target[:-2], axis=1, keepdims=True), atol=1e-8
    )


def test_constant_and_collinear_exposures_are_dropped(panel, target):
    model = RiskModel({"price": "log(close)", "one": "close / close", "twice": "log(close) * 2"}, ())
    found = model.residual(panel, target, 2)
    assert found.exposures == ("price",)
    assert [note.split("'")[1] for note in found.notes] == ["one", "twice"]


def test_a_group_with_one_member_is_joined_to_the_others(panel, target):
    codes = panel.groups["sector"].codes.copy()
    codes[0] = 8
    labels = (*panel.groups["sector"].labels, "alone")
    other = replace(panel, groups={"sector": GroupCodes(codes, labels)})
    found = RiskModel(groups=("sector",)).residual(other, target, 2)
    assert found.notes == ("risk model: groups of sector with a single member are joined: alone",)


def test_statistical_factors_explain_part_of_the_returns():
    """The simulated market has a market factor and sector factors."""
    market = simulate(80, 400, seed=2)
    close = market.field("close").astype(np.float64)
    target = np.full(close.shape, np.nan)
    target[:-1] = close[1:] / close[:-1] - 1
    plain = RiskModel().neutralise(market, target)[200:-1]
    factors = RiskModel(factors=5).neutralise(market, target)[200:-1]
    assert np.var(factors) < 0.93 * np.var(plain)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (RiskModel({"cap": "log(market_cap)"}), "the exposure 'cap' .* cannot be used; .*market_cap"),
        (RiskModel(groups=("country",)), "the group 'country', which the panel lacks"),
        (RiskModel(factors=60), "61 exposures, groups included, too many for 60 assets"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_fit_the_panel_is_refused(panel, target, model, message):
    with pytest.raises(TaskError, match=message):
        model.residual(panel, target, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size = 1", "unknown key 'size'"),
        ("exposures = 3", "exposures must be formulas by name"),
        ("groups = 'sector'", "groups must be a list"),
        ("factors = -1", "factors"),
        ("factors", "cannot be read"),
    ],
)
def test_a_file_with_an_error_is_refused(tmp_path, text, message):
    path = tmp_path / "risk.toml"
    path.write_text(text)
    with pytest.raises(TaskError, match=message):
        RiskModel.read(path)


def test_a_file_is_read(tmp_path, panel):
    path = tmp_path / "risk.toml"
    path.write_text('groups = ["sector"]\nfactors = 2\n[exposures]\nsize = "log(mean(close * volume, 20))"\n')
    model = RiskModel.read(path)
    assert model.groups == ("sector",)
    assert model.factors == 2
    assert dict(model.exposures) == {"size": "log(mean(close * volume, 20))"}


def test_gaps_do_not_switch_the_model_off(panel, target):
    """With 6 % of the bars missing, exposures are carried over the gaps, or a note tells what is known."""
    values = panel.values.copy()
    values[:, np.random.default_rng(3).random(panel.shape) < 0.06] = np.nan
    holes = replace(panel, values=values)
    found = RiskModel({"volatility": "std(pct_change(close, 1), 20)"}, ()).residual(holes, target, 2)
    assert found.notes == ()
    never = RiskModel({"beta": "std(pct_change(close, 1), 240)"}, ()).residual(holes, target, 2)
    assert never.exposures == ()
    assert never.notes == ("risk model: 'beta' is dropped, because it has no value on this panel",)
    half = values.copy()
    half[4, :, 20:] = np.nan  # the volume of most assets
    some = RiskModel({"size": "log(volume)"}, ()).residual(replace(panel, values=half), target, 2)
    assert some.notes == (
        "risk model: 'size' is known for 33 % of the cells; elsewhere it counts as average",
    )


def test_the_default_model_leaves_out_groups_of_a_small_panel():
    small = simulate(32, 60)
    model = RiskModel.default(small)
    assert model.groups == ()


def test_arguments_of_the_wrong_type_are_refused(panel, target):
    for wrong in (3, ["log(close)"]):
        with pytest.raises(TaskError, match="exposures must be formulas by name"):
            RiskModel(wrong)
    for wrong in ("sector", None):
        with pytest.raises(TaskError, match="groups must be a sequence"):
            RiskModel({}, wrong)
    with pytest.raises(TaskError, match="do not fit a panel"):
        RiskModel().neutralise(panel, target[:5])
    with pytest.raises(TaskError, match="known_after"):
        RiskModel().residual(panel, target, -1)
