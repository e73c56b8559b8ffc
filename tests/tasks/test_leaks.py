"""Fields that are a transformation of the target are found; ordinary fields are not reported."""

import numpy as np
import pandas as pd
import pytest

from quarva.panel import Panel, Table
from quarva.scenarios import simulate
from quarva.tasks import FORWARD, Direction, Field, ForwardReturn, Task, parse_target
from quarva.tasks.leaks import find_leaks


@pytest.fixture(scope="module")
def market():
    """40 assets × 300 days that nothing predicts."""
    return simulate(40, 300, seed=5)


def copies(target):
    """The target [T, N] as people leave it in their files."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(target)
    before, after = frame.shift(1), frame.shift(-1)
    size = frame.shape
    return {
        "copied": frame, "ranked": frame.rank(axis=1), "signed": np.sign(frame), "cubed": frame**3,
        "negated": -frame, "in_percent": 100 * frame + 5, "in_tenths": frame.rank(axis=1, pct=True).round(1),
        "demeaned": frame.sub(frame.mean(axis=1), axis=0),
        "noisy": frame + 0.1 * frame.std().mean() * rng.normal(size=size),
        "scaled_by_day": frame * np.exp(rng.normal(0, 1, (len(frame), 1))),
        "scaled_by_asset": frame * np.exp(rng.normal(0, 1, frame.shape[1])),
        "scaled_by_cell": frame * np.exp(rng.normal(0, 1, size)),
        "half_missing": frame.where(rng.random(size) < 0.5),
        "a_day_old": before, "a_day_early": after, "ranked_a_day_old": before.rank(axis=1),
        "signed_a_day_early": np.sign(after), "scaled_and_shifted": 50 * before + 3,
    }  # fmt: skip


def with_fields(panel, fields):
    values = {name: panel.field(name) for name in panel.fields}
    values |= {name: np.asarray(each, np.float32) for name, each in fields.items()}
    return Panel.from_arrays(values, panel.dates, panel.assets)


@pytest.mark.parametrize("target", ["forward_return_1", "forward_return_5", "direction_5"])
def test_every_copy_of_the_target_is_found(market, target):
    leaking = copies(parse_target(target, market).values(market).astype(float))
    task = Task(with_fields(market, leaking), target)
    found = {leak.name: leak for leak in task.leaks(task.fields, [task.panel.field(f) for f in task.fields])}
    assert set(found) == set(leaking)
    assert found["copied"].value == pytest.approx(1)
    assert found["negated"].value == pytest.approx(-1)
    assert {name: leak.shift for name, leak in found.items() if leak.shift} == {
        "a_day_old": -1, "a_day_early": 1, "ranked_a_day_old": -1, "signed_a_day_early": 1,
        "scaled_and_shifted": -1,
    }  # fmt: skip


def test_leaks_of_a_single_asset_are_found_over_its_days(market):
    one = Panel.from_arrays({"close": market.field("close")[:, :1]}, market.dates, market.assets[:1])
    leaking = copies(ForwardReturn(5).values(one).astype(float))
    task = Task(with_fields(one, leaking), "forward_return_5")
    found = {leak.name for leak in task.leaks(task.fields, [task.panel.field(f) for f in task.fields])}
    # A single asset has one rank and no mean besides its own.
    assert found == set(leaking) - {"ranked", "in_tenths", "demeaned", "ranked_a_day_old"}


def test_past_values_of_a_target_are_not_a_leak(market):
    close = pd.DataFrame(market.field("close").astype(float))
    panel = with_fields(market, {"return_5": close.pct_change(5), "return_1": close.pct_change(1)})
    for target in (ForwardReturn(5), ForwardReturn(1), ForwardReturn(1, delay=0), ForwardReturn(5, delay=0)):
        assert Task(panel, target).warnings == ()


@pytest.mark.parametrize(
    ("plant", "ic"), [(None, 0.05), ("-delta(close, 5) / close", 0.2), ("rank(volume)", 0.3)]
)
def test_ordinary_fields_are_not_leaks(plant, ic):
    panel = simulate(30, 250, seed=2, plant=plant, ic=ic)
    close = pd.DataFrame(panel.field("close").astype(float))
    change = close.pct_change()
    rng = np.random.default_rng(0)
    ordinary = {f"change_{w}": close.pct_change(w) for w in (1, 20)}
    ordinary |= {f"volatility_{w}": change.rolling(w).std() for w in (5, 20, 60)}
    ordinary |= {
        "rare": rng.random(close.shape) < 0.002, "sector": np.tile(np.arange(30) % 4, (250, 1)),
        "day": np.tile(np.arange(250)[:, None], (1, 30)),
    }  # fmt: skip
    panel = with_fields(panel, ordinary)
    for kind in sorted(FORWARD):
        for horizon in (2, 20):
            assert Task(panel, FORWARD[kind](horizon, 1)).warnings == (), (kind, horizon)


def test_the_past_of_a_persistent_target_is_not_a_leak():
    """Volatilities far apart are told by their past: rank correlations above 0.95 are honest there."""
    rng = np.random.default_rng(3)
    scale = np.geomspace(1e-3, 0.1, 30)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 1, (400, 30)) * scale, axis=0))
    volatility = pd.DataFrame(close).pct_change().rolling(60).std()
    dates = pd.bdate_range("2020-01-01", periods=400)
    panel = Panel.from_arrays({"close": close, "volatility": volatility}, dates, list(range(30)))
    task = Task(panel, "forward_volatility_20")
    past = volatility[task.segments == 0].corrwith(
        pd.DataFrame(task.targets[0])[task.segments == 0], axis=1, method="spearman"
    )
    assert past.mean() > 0.95
    assert task.warnings == ()
    leaking = with_fields(
        panel, {"label": 2 * np.nan_to_num(parse_target("forward_volatility_20", panel).values(panel))}
    )
    assert [warning.split("'")[1] for warning in Task(leaking, "forward_volatility_20").warnings] == ["label"]


def test_a_constant_order_of_three_assets_is_not_a_leak():
    rng = np.random.default_rng(0)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 1, (150, 3)) * [1e-3, 1e-2, 5e-2], axis=0))
    volatility = pd.DataFrame(close).pct_change().rolling(20).std()
    panel = Panel.from_arrays(
        {"close": close, "volatility": volatility}, pd.bdate_range("2020-01-01", periods=150), "ABC"
    )
    assert Task(panel, "forward_volatility_20").warnings == ()


def test_a_warning_names_the_field_and_how_to_leave_it_out(market):
    label = ForwardReturn(5).values(market)
    task = Task(with_fields(market, {"label": label}), "forward_return_5")
    (said,) = task.warnings
    assert said == (
        "field 'label' is the target forward_return_5 in all but name (rank correlation by day 1.000 with "
        "the target), so the scores of formulas that read it are meaningless; leave it out with --fields "
        "open,high,low,close,volume (fields=['open', 'high', 'low', 'close', 'volume'])"
    )
    assert Task(market, "forward_return_5").warnings == ()


def test_the_leak_check_does_not_use_the_sealed_test(market):
    label = Direction(5).values(market)
    sealed = (Task(market, "direction_5").segments == 2)[:, None]
    noise = np.random.default_rng(0).normal(size=label.shape)
    late = Task(with_fields(market, {"label": np.where(sealed, label, noise)}), "direction_5")
    assert late.warnings == ()


def test_correlated_prices_of_a_day_are_not_a_leak(market):
    assert Task(market, "close").warnings == ()


def test_a_column_of_a_table_may_equal_the_target(market):
    x = np.linspace(1, 2, 50)
    assert Task(Table.from_arrays({"x": x}, 2 * x + 1)).warnings == ()


def test_a_target_known_on_its_own_day_is_not_a_leak(market):
    panel = with_fields(market, {"said": np.tanh(market.field("volume"))})
    assert Task(panel, Field("said", horizon=0), "rank_ic", delay=0).warnings == ()


def test_a_target_without_values_has_no_leaks():
    nothing = np.full((30, 4), np.nan)
    assert find_leaks(["x", "y"], [nothing, nothing + 1], nothing, horizon=1, delay=1) == []
