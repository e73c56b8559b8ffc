"""A simulated market has the stylised facts of a real one, and only the planted formula predicts it."""

import numpy as np
import pytest
from scipy import stats

from quarva.engine import Formula
from quarva.errors import FormulaError, RecipeError
from quarva.panel import Panel, describe
from quarva.scenarios import BAR, Market, planted_ic, simulate

PLANTS = [
    "rank(corr(close, volume, 10))",
    "-delta(close, 5) / close",
    "ts_rank(volume, 10)",
    "(high - low) / mean(close, 20)",
    "group_demean(pct_change(close, 3), sector)",
]


def returns_of(panel: Panel) -> np.ndarray:
    close = panel.field("close").astype(np.float64)
    return close[1:] / close[:-1] - 1


def correlation(panel: Panel, formula: str) -> float:
    """The planted coefficient, computed with pandas independently of `planted_ic`."""
    signal = Formula.parse(formula, panel=panel).signal(panel).astype(float)
    close = panel.to_frame().pivot(index="date", columns="asset", values="close").astype(float)
    forward = (close.shift(-2) / close.shift(-1) - 1).set_axis(signal.columns, axis=1)
    return float(signal.corrwith(forward, axis=1).mean())


@pytest.fixture(scope="module")
def empty() -> Panel:
    return simulate(100, 750, seed=3)


def test_the_panel_has_no_gaps(empty):
    assert empty.fields == BAR
    assert empty.shape == (750, 100)
    assert np.isfinite(empty.values).all()
    assert len(empty.groups["sector"].labels) == 8
    assert np.is_busday(empty.dates).all()
    found = describe(empty)
    assert (found.broken_bars, found.zero_volumes, found.gap_count, found.twins) == (0, 0, 0, ())


def test_simulated_bars_are_consistent(empty):
    opened, high, low, close, volume = empty.values
    assert (low > 0).all()
    assert (low <= np.minimum(opened, close)).all()
    assert (high >= np.maximum(opened, close)).all()
    assert (volume >= 1).all()
    assert (high > low).mean() > 0.999


def test_tails_are_fat_and_volatility_clusters(empty):
    returns = returns_of(empty)
    assert np.median(stats.kurtosis(returns, axis=0)) > 2
    size = np.abs(returns)
    persistence = [stats.pearsonr(size[1:, n], size[:-1, n])[0] for n in range(size.shape[1])]
    assert np.mean(persistence) > 0.05
    direction = [stats.pearsonr(returns[1:, n], returns[:-1, n])[0] for n in range(size.shape[1])]
    assert abs(np.mean(direction)) < 0.05


def test_assets_are_correlated_and_more_so_within_a_sector(empty):
    correlations = np.corrcoef(returns_of(empty).T)
    codes = empty.groups["sector"].codes
    same = codes[:, None] == codes[None, :]
    others = ~np.eye(len(codes), dtype=bool)
    assert 0.1 < correlations[others].mean() < 0.5
    assert correlations[same & others].mean() > correlations[~same].mean() + 0.02


def test_volume_rises_with_the_absolute_return(empty):
    size = np.abs(returns_of(empty))
    volume = np.log(empty.field("volume")[1:])
    ranks = [stats.spearmanr(size[:, n], volume[:, n])[0] for n in range(size.shape[1])]
    assert np.mean(ranks) > 0.3


@pytest.mark.parametrize("formula", [*PLANTS, "close", "std(close, 20) / close"])
def test_nothing_predicts_an_empty_market(empty, formula):
    assert abs(correlation(empty, formula)) < 0.03


@pytest.mark.parametrize("ic", [0.05, -0.1])
@pytest.mark.parametrize("formula", PLANTS)
def test_the_planted_formula_has_the_requested_coefficient(formula, ic):
    panel = simulate(100, 500, seed=1, plant=formula, ic=ic)
    assert abs(correlation(panel, formula) - ic) < 0.01
    assert "planted" in panel.notes[0]
    signal = Formula.parse(formula).signal(panel).to_numpy()
    assert abs(planted_ic(signal, panel.field("close")) - correlation(panel, formula)) < 1e-6


def test_the_signal_affects_the_return_two_days_later_with_one_amplitude():
    formula = "rank(delta(volume, 2))"
    panel, empty = simulate(40, 300, 5, formula, ic=0.2), simulate(40, 300, 5)
    signal = Formula.parse(formula).signal(panel).to_numpy().astype(float)[2:-2]
    effect = (returns_of(panel) - returns_of(empty))[3:]  # returns_of starts one day later
    zscore = (signal - signal.mean(axis=1, keepdims=True)) / signal.std(axis=1, keepdims=True)
    amplitude = (effect * zscore).mean()
    assert amplitude > 0
    np.testing.assert_allclose(effect, amplitude * zscore, atol=1e-6)


def test_the_signal_affects_no_other_day():
    formula = "rank(pct_change(close, 1))"  # its values on two days are independent
    panel = simulate(200, 600, seed=2, plant=formula, ic=0.1)
    signal = Formula.parse(formula).signal(panel).to_numpy()
    close = panel.field("close")
    for later in (1, 2, 3):
        assert abs(planted_ic(signal[:-later], close[later:])) < 0.02


def test_the_signal_has_its_effect_from_the_first_day_on():
    panel = simulate(200, 300, seed=2, plant="rank(mean(close, 40) / close)", ic=0.2)
    signal = Formula.parse("rank(mean(close, 40) / close)").signal(panel).to_numpy()
    assert planted_ic(signal[39:100], panel.field("close")[39:100]) > 0.15


def test_the_seed_determines_the_panel():
    panels = [simulate(20, 100, seed, PLANTS[0]) for seed in (1, 1, 2)]
    assert panels[0].fingerprint() == panels[1].fingerprint()
    assert panels[0].fingerprint() != panels[2].fingerprint()


def test_a_simulated_panel_passes_the_checks_of_reading(tmp_path):
    panel = simulate(30, 200, seed=0)
    panel.write(tmp_path / "market.parquet")
    assert Panel.read(tmp_path / "market.parquet").fingerprint() == panel.fingerprint()


def test_small_markets_are_possible():
    assert simulate(1, 2, seed=0).shape == (2, 1)
    panel = simulate(5, 60, seed=0, plant="rank(volume)", ic=0.3)
    assert abs(correlation(panel, "rank(volume)") - 0.3) < 0.01


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"assets": 0}, "assets = 0: a simulated market must have at least 1"),
        ({"assets": 4, "plant": "rank(close)"}, "must have at least 5"),
        ({"days": 1}, "days = 1: this simulated market must have at least 2"),
        ({"days": 40, "plant": "mean(close, 20)"}, "days = 40: this simulated market must have at least 49"),
        ({"plant": "rank(close)", "ic": 0.9}, "ic = 0.9: the information coefficient of a plant"),
        ({"plant": "rank(close)", "ic": float("nan")}, "ic = nan"),
        ({"plant": "sign(close)"}, "the same value for all assets; plant another formula"),
        ({"start": "soon"}, "start = 'soon' is not a date"),
    ],
)
def test_impossible_requests_are_refused(options, match):
    with pytest.raises(RecipeError, match=match):
        simulate(**{"assets": 10, "days": 60, **options})


def test_an_unknown_field_is_refused():
    with pytest.raises(FormulaError, match="vwap"):
        simulate(10, 60, plant="rank(vwap)")


def test_a_market_without_finite_variance_is_refused():
    with pytest.raises(RecipeError, match="freedom must be above 2"):
        Market(freedom=2.0)
