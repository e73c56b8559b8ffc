"""Invariants of the engine on random formulas over all operators, bit for bit unless stated otherwise."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarva.engine import Program, evaluate, signals
from quarva.karva import OPERATORS, parse
from quarva.panel import GroupCodes

ASSETS = st.sampled_from([1, 5, 20, 37, 300])
SEEDS = st.integers(0, 2**32 - 1)
# Sums over assets are vectorised, so that their order of summation depends on the positions of the assets.
SUMS_OVER_ASSETS = ("zscore", "demean", "scale", "residual", "group_demean", "group_zscore")


def bits(values):
    """Bits of float32 numbers, so that NaN equals NaN and −0 differs from 0."""
    return np.where(np.isnan(values), np.float32(np.nan), values).view(np.uint32)


def run(pop, panel, threads=1):
    return signals(Program.from_population(pop), panel, threads=threads)


def reordered(panel, order):
    groups = {name: GroupCodes(group.codes[order], group.labels) for name, group in panel.groups.items()}
    return replace(
        panel,
        values=np.ascontiguousarray(panel.values[:, :, order]),
        assets=tuple(panel.assets[i] for i in order),
        groups=groups,
        universe=None if panel.universe is None else panel.universe[:, order],
    )


@given(assets=ASSETS, day=st.integers(0, 148), seed=SEEDS, universe=st.booleans())
def test_later_days_do_not_change_a_signal(assets, day, seed, universe, market, population):
    panel = market(150, assets, seed, universe=universe)
    values = panel.values.copy()
    rng = np.random.default_rng(seed)
    values[:, day + 1 :] = rng.choice([np.nan, 0.0, 1e30, -3.0, 7.0], values[:, day + 1 :].shape)
    mask = (
        None
        if panel.universe is None
        else np.concatenate([panel.universe[: day + 1], ~panel.universe[day + 1 :]])
    )
    pop = population(60, seed)
    now, later = run(pop, panel), run(pop, replace(panel, values=values, universe=mask))
    np.testing.assert_array_equal(bits(later[:, : day + 1]), bits(now[:, : day + 1]))


@given(assets=ASSETS, days=st.integers(1, 150), seed=SEEDS)
def test_a_shorter_panel_has_the_beginning_of_the_same_signals(assets, days, seed, market, population):
    panel = market(150, assets, seed)
    short = replace(panel, values=np.ascontiguousarray(panel.values[:, :days]), dates=panel.dates[:days])
    pop = population(60, seed)
    np.testing.assert_array_equal(bits(run(pop, short)), bits(run(pop, panel)[:, :days]))


@given(assets=ASSETS, seed=SEEDS, universe=st.booleans())
def test_permuting_assets_permutes_signals(assets, seed, universe, market, population):
    panel = market(80, assets, seed, universe=universe)
    order = np.random.default_rng(seed).permutation(assets)
    names = [op.name for op in OPERATORS if op.name not in SUMS_OVER_ASSETS]
    pop = population(60, seed, functions=names)
    np.testing.assert_array_equal(bits(run(pop, reordered(panel, order))), bits(run(pop, panel)[:, :, order]))


@pytest.mark.parametrize(
    "operator", [op for op in OPERATORS if op.name in SUMS_OVER_ASSETS], ids=lambda op: op.name
)
@given(assets=ASSETS, seed=SEEDS, universe=st.booleans())
def test_permuting_assets_permutes_sums_over_assets_approximately(
    operator, assets, seed, universe, market, call, kernel
):
    panel = market(80, assets, seed, universe=universe)
    order = np.random.default_rng(seed).permutation(assets)
    formulas = [call(operator, parse(name)) for name in panel.fields]
    got, expected = kernel(formulas, reordered(panel, order)), kernel(formulas, panel)[:, :, order]
    scale = np.nanmax(np.abs(expected), axis=(1, 2), initial=0.0)[:, None, None]
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    assert np.nanmax(np.abs(got - expected) - 1e-6 * scale, initial=0.0) <= 0.0


@given(assets=st.sampled_from([20, 37]), alone=st.integers(0, 19), seed=SEEDS)
def test_a_single_asset_has_the_same_signals_as_among_others(assets, alone, seed, market, population):
    panel = market(150, assets, seed)
    names = [op.name for op in OPERATORS if op.kind in ("elementwise", "rolling")]
    pop = population(60, seed, functions=names)
    one = reordered(panel, np.array([alone]))
    np.testing.assert_array_equal(bits(run(pop, one))[:, :, 0], bits(run(pop, panel))[:, :, alone])


@given(assets=ASSETS, seed=SEEDS, universe=st.booleans(), genes=st.sampled_from([1, 3]))
def test_a_signal_does_not_depend_on_other_formulas(assets, seed, universe, genes, market, population):
    panel = market(80, assets, seed, universe=universe)
    pop = population(40, seed, genes=genes)
    chosen = np.random.default_rng(seed).permutation(40)[:9]
    together = run(pop, panel)
    np.testing.assert_array_equal(bits(run(pop[chosen], panel)), bits(together[chosen]))
    np.testing.assert_array_equal(bits(run(pop[chosen[:1]], panel)), bits(together[chosen[:1]]))


@pytest.mark.parametrize("statistic", ["ic", "rank_ic", "sse", "corr"])
@pytest.mark.parametrize("assets", [1, 20, 37])
def test_a_score_does_not_depend_on_other_formulas_or_threads(statistic, assets, market, population):
    panel = market(120, assets, universe=True)
    rng = np.random.default_rng(1)
    targets = rng.normal(size=(2, 120, assets)).astype(np.float32)
    segments = rng.integers(-1, 2, 120)
    pop = population(100)

    def scores(which, threads):
        return evaluate(
            Program.from_population(which), panel, targets, statistic, segments, 2, threads=threads
        )

    together = scores(pop, 1)
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(scores(pop, threads), together)
    order = rng.permutation(100)
    np.testing.assert_array_equal(scores(pop[order], 2), together[order])
    np.testing.assert_array_equal(scores(pop[order[:1]], 1), together[order[:1]])


def test_signals_do_not_depend_on_the_number_of_threads(market, population):
    panel, pop = market(120, 37), population(100)
    for threads in (2, 5, None):
        np.testing.assert_array_equal(bits(run(pop, panel, threads)), bits(run(pop, panel, 1)))


def test_expressions_and_chromosomes_give_the_same_signals(market, population):
    panel, pop = market(80, 20), population(200, genes=2)
    trees = signals(Program.from_expressions(pop.expressions()), panel)
    np.testing.assert_array_equal(bits(trees), bits(run(pop, panel)))
