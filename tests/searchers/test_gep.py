"""GEP prefers the fit, keeps the best, starts anew when it stands still, and seeks what is new."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarva.karva.alphabet import PANEL_FUNCTIONS, Alphabet
from quarva.karva.genes import GeneShape
from quarva.karva.rng import alias, below, normal, pick, uniform
from quarva.loop import Memory, SearchContext
from quarva.searchers import GEP
from quarva.searchers.gep import breeding


def space(seed=0, threads=1, genes=2, constants=True, memory=None):
    alphabet = Alphabet.build(["x", "y"], PANEL_FUNCTIONS, constants=constants)
    shape = GeneShape(head=7, genes=genes)
    return SearchContext(alphabet, shape, Memory() if memory is None else memory, 10**6, seed, threads)


def begun(**settings):
    way = GEP(**{"population": 40, "islands": 2, **settings})
    way.begin(space())
    return way


def short(population):
    """A fitness of which more is possible: short formulas."""
    return -population.sizes().astype(float)


@pytest.mark.parametrize("genes", [1, 3])
@pytest.mark.parametrize("constants", [True, False])
@pytest.mark.parametrize("selection", ["tournament", "roulette"])
def test_a_hundred_generations_hold_no_invalid_chromosome(genes, constants, selection):
    way = GEP(population=100, selection=selection, patience=9)
    way.begin(space(genes=genes, constants=constants))
    random = np.random.default_rng(0)
    for _ in range(100):
        population = way.ask(10**6)
        assert not population.invalid().any()
        fitness = random.standard_normal(len(population))
        fitness[random.random(len(population)) < 0.3] = np.nan
        way.tell(population, fitness)


def spun(fitness):
    wheel = np.empty_like(fitness)
    breeding.spin(fitness, wheel)
    return wheel


@pytest.mark.parametrize("selection", ["tournament", "roulette"])
def test_selection_prefers_the_fit_and_never_takes_the_invalid_from_the_wheel(selection):
    rng = np.array([3], np.uint64)
    fitness = np.concatenate([np.linspace(0, 1, 50), np.full(50, -np.inf)])
    wheel = spun(fitness)
    taken = [breeding.parent(fitness, wheel, 0, 100, selection == "roulette", 3, rng) for _ in range(20_000)]
    counts = np.bincount(taken, minlength=100)
    assert counts[40:50].sum() > 2 * counts[10:20].sum()
    if selection == "roulette":
        assert counts[50:].sum() == 0
        np.testing.assert_allclose(
            counts[:50] / 20_000, np.diff(wheel[:50], prepend=0) / wheel[-1], atol=0.01
        )
    else:
        # The best of three, 50 of a hundred being invalid: an invalid one wins where all three are.
        assert counts[50:].sum() / 20_000 == pytest.approx(0.125, abs=0.01)


def test_selection_among_the_invalid_alone_takes_any():
    fitness, rng = np.full(9, -np.inf), np.array([1], np.uint64)
    taken = {breeding.parent(fitness, spun(fitness), 0, 9, True, 3, rng) for _ in range(500)}
    assert taken == set(range(9))


def test_selection_stays_on_its_island():
    fitness, rng = np.arange(30.0), np.array([1], np.uint64)
    wheel = np.concatenate([spun(part) for part in np.split(fitness, 3)])
    for roulette in (False, True):
        taken = {breeding.parent(fitness, wheel, 10, 10, roulette, 2, rng) for _ in range(1000)}
        assert set(range(12, 20)) <= taken <= set(range(10, 20))


def test_the_best_of_an_island_survives_unchanged():
    way = begun(elite=2, patience=0)
    best = np.full(2, -np.inf)
    for _ in range(30):
        population = way.ask(10**6)
        way.tell(population, short(population))
        now = way._fitness.reshape(2, 40).max(axis=1)
        assert (now >= best).all()
        np.testing.assert_array_equal(way._fitness, short(way._now.population))
        best = now


def test_without_an_elite_the_best_may_be_lost():
    way = begun(elite=0, patience=0)
    population = way.ask(10**6)
    way.tell(population, np.arange(80.0))
    population = way.ask(10**6)
    way.tell(population, np.zeros(80))
    assert way._fitness.max() == 0


def test_an_island_that_stands_still_starts_anew_and_the_other_does_not():
    way, level = begun(patience=4), 0.0
    fresh = []
    for _ in range(12):
        population = way.ask(10**6)
        level += 1
        fitness = np.zeros(80)
        fitness[40:] = level  # the second island gains, the first does not
        way.tell(population, fitness)
        fresh.append(way._fresh.tolist())
    assert not any(second for _, second in fresh)
    # A new beginning counts as a gain: four generations, then the next.
    assert [first for first, _ in fresh] == [False, False, False, False, True] * 2 + [False, False]


def test_patience_zero_never_starts_anew():
    way = begun(patience=0)
    for _ in range(30):
        way.tell(way.ask(10**6), np.zeros(80))
        assert not way._fresh.any()


def test_children_are_new_to_the_memory_and_to_their_island():
    memory = Memory()
    way = GEP(population=60, islands=2, patience=0)
    way.begin(space(memory=memory))
    for _ in range(20):
        population = way.ask(10**6)
        keys = population.keys()
        assert not memory.contains(keys).any()
        for island in (keys[:60], keys[60:]):
            assert len(np.unique(island)) == 60
        new = np.flatnonzero(memory.look_up(keys)[1])
        memory.put(keys[new], np.zeros(len(new)))
        way.tell(population, -short(population))  # long ones: of short formulas there are too few


@pytest.mark.parametrize("functions", [PANEL_FUNCTIONS, ["if_else", "lt", "add", "corr", "log"]])
@pytest.mark.parametrize("constants", [True, False])
def test_what_breeding_reads_is_what_the_population_says(functions, constants):
    alphabet = Alphabet.build(["x", "y"], functions, constants=constants)
    way = GEP(population=40, islands=2)
    way.begin(SearchContext(alphabet, GeneShape(head=7, genes=3), Memory(), 10**6, 0, 1))
    for generation in range(10):
        population = way.ask(10**6)
        np.testing.assert_array_equal(population.known_keys, replace(population, known_keys=None).keys())
        np.testing.assert_array_equal(way._next.genes.length, population.lengths())
        way.tell(population, short(population) + generation)


def test_what_is_proposed_depends_on_the_seed_alone():
    def proposed(seed, threads):
        way = GEP(population=50, islands=3)
        way.begin(space(seed, threads))
        out = []
        for _ in range(5):
            population = way.ask(1)
            out.append(population.keys())
            way.tell(population, short(population))
        return np.concatenate(out)

    one = proposed(1, 1)
    np.testing.assert_array_equal(one, proposed(1, 2))
    np.testing.assert_array_equal(one, proposed(1, 3))
    assert (one != proposed(2, 1)).mean() > 0.9


def test_draws_follow_their_distributions():
    rng = np.array([5], np.uint64)
    flat = np.array([uniform(rng) for _ in range(20_000)])
    assert flat.min() >= 0
    assert flat.max() < 1
    np.testing.assert_allclose(np.histogram(flat, 10, (0, 1))[0] / 20_000, 0.1, atol=0.01)
    assert {below(rng, 7) for _ in range(500)} == set(range(7))
    bell = np.array([normal(rng) for _ in range(20_000)])
    assert bell.mean() == pytest.approx(0, abs=0.03)
    assert bell.std() == pytest.approx(1, abs=0.03)
    weights = np.array([0.2, 0.0, 0.6, 1.2])
    drawn = np.bincount([pick(rng, *alias(weights)) for _ in range(20_000)], minlength=4) / 20_000
    np.testing.assert_allclose(drawn, weights / 2, atol=0.015)
    assert drawn[1] == 0


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda weights: sum(weights) > 1e-6))
def test_tables_of_draws_hold_their_weights(weights):
    weights = np.array(weights)
    chance, other = alias(weights)
    held = np.minimum(chance, 1.0)
    np.add.at(held, other, 1.0 - np.minimum(chance, 1.0))
    np.testing.assert_allclose(held / len(weights), weights / weights.sum(), atol=1e-9)
