"""Signals on a probe panel of few assets and days, and their similarity."""

from dataclasses import replace

import numpy as np
import pytest

from quarva import engine
from quarva.karva import GeneShape, parse
from quarva.karva.alphabet import PANEL_FUNCTIONS, Alphabet
from quarva.karva.genes import encode
from quarva.loop.probe_panel import probe_panel_of
from quarva.loop.signature import CLIP
from quarva.panel import Panel, Table
from quarva.scenarios import simulate
from quarva.tasks import TRAIN, Task

SHAPE = GeneShape(head=6)


def alphabet_of(panel):
    functions = [*PANEL_FUNCTIONS, *(["group_rank"] if panel.groups else [])]
    return Alphabet.build(panel.fields, functions, (5, 10), tuple(panel.groups))


def population_of(alphabet, texts):
    """Chromosomes of formulas."""
    return encode([parse(text) for text in texts], alphabet, SHAPE, np.random.default_rng(0))


@pytest.fixture(scope="module")
def market():
    return simulate(130, 300, seed=5)


def look(panel, texts, objective="ic", **given):
    task = Task(panel, target="forward_return_1", objective=objective, **given)
    alphabet = alphabet_of(panel)
    probe_panel = probe_panel_of(task, alphabet)
    return probe_panel, probe_panel.signatures(population_of(alphabet, texts), threads=1)


def test_the_product_of_two_signals_is_their_mean_daily_correlation(market):
    texts = ["delta(close, 5)", "rank(volume)", "-delta(close, 5)"]
    probe_panel, signatures = look(market, texts)
    assert signatures.dtype == np.float32
    assert signatures.shape == (3, len(probe_panel.days) * 100)
    signals = engine.signals(
        engine.Program.from_expressions([parse(text) for text in texts]), probe_panel.panel
    )
    daily = []
    for day in probe_panel.days:
        one, other = (np.float64(signal[day]) for signal in signals[:2])
        clipped = [np.clip((x - x.mean()) / x.std(), -CLIP, CLIP) for x in (one, other)]
        daily.append(clipped)
    one, other = np.array(daily).swapaxes(0, 1)
    expected = (one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum())
    assert signatures[0] @ signatures[1] == pytest.approx(expected, abs=1e-5)
    assert signatures[0] @ signatures[2] == pytest.approx(-1, abs=1e-5)
    assert np.linalg.norm(signatures, axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_constant_and_missing_signals_have_no_correlation(market):
    _, signatures = look(market, ["close / close", "log(close - close)"])
    assert (signatures == 0).all()


def test_the_probe_panel_contains_training_days_only(market):
    texts = ["delta(close, 5)", "ts_rank(volume, 10)"]
    _, before = look(market, texts)
    days = np.flatnonzero(Task(market, target="forward_return_1").segments == TRAIN)
    values = market.values.copy()
    values[:, days[-1] + 1 :] *= 3
    _, after = look(replace(market, values=values), texts)
    assert (before == after).all()


def test_few_assets_are_probed_on_many_days_and_many_assets_on_few():
    alone = simulate(1, 4000, seed=1)
    probe_panel, _ = look(alone, ["close"], objective="ts_corr")
    assert probe_panel.pooled
    assert len(probe_panel.days) == 1600
    crowd = simulate(400, 300, seed=1)
    probe_panel, _ = look(crowd, ["close"])
    assert not probe_panel.pooled
    assert len(probe_panel.panel.assets) == 100
    assert len(probe_panel.days) == 16
    assert np.all(np.diff(probe_panel.days) == 4)
    assert probe_panel.days[0] >= 15  # room for the longest window once and a half


def test_one_asset_is_standardised_over_its_days():
    alone = simulate(1, 900, seed=2)
    _, signatures = look(alone, ["delta(close, 5)", "ts_rank(volume, 10)"], objective="ts_corr")
    assert np.linalg.norm(signatures, axis=1) == pytest.approx(np.ones(2), abs=1e-5)


@pytest.mark.parametrize("days", [70, 90, 150])
def test_a_short_training_part_is_enough(days):
    probe_panel, signatures = look(simulate(20, days, seed=3), ["delta(close, 5)"])
    assert (np.diff(probe_panel.days) > 0).all()
    assert probe_panel.days[-1] == len(probe_panel.panel.dates) - 1
    assert np.isfinite(signatures).all()
    assert np.linalg.norm(signatures[0]) == pytest.approx(1, abs=1e-5)


def test_the_probe_panel_keeps_groups_and_universe(market):
    days, assets = market.shape
    there = np.ones((days, assets), bool)
    there[:, ::3] = False
    labels = ["one" if asset % 2 else "other" for asset in range(assets)]
    panel = Panel.from_arrays(
        dict(zip(market.fields, market.values, strict=True)), market.dates, market.assets,
        groups={"sector": labels}, universe=there,
    )  # fmt: skip
    probe_panel, signatures = look(panel, ["group_rank(close, sector)"])
    places = [panel.assets.index(asset) for asset in probe_panel.panel.assets]
    assert (probe_panel.panel.universe == there[:1, places]).all()
    assert (probe_panel.panel.groups["sector"].codes == panel.groups["sector"].codes[places]).all()
    table = signatures[0].reshape(len(probe_panel.days), -1)
    assert (table[:, ~there[0, places]] == 0).all()
    assert (table != 0).any()


def test_assets_without_a_target_are_not_probed():
    panel = simulate(40, 200, seed=4)
    values = panel.values.copy()
    values[:, :, :10] = np.nan
    probe_panel, _ = look(replace(panel, values=values), ["close"])
    assert set(probe_panel.panel.assets) == set(panel.assets[10:])


def test_a_table_has_no_probe_panel():
    x = np.linspace(0, 1, 30)
    task = Task(Table.from_arrays({"x": x}, x**2))
    assert probe_panel_of(task, Alphabet.build(("x",), ["add"])) is None
