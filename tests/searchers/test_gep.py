"""GEP: selection, elitism, restarts and novelty."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarva.karva.alphabet import PANEL_FUNCTIONS, Alphabet
from quarva.karva.genes import GeneShape
from quarva.karva.rng import alias_tables, below, normal, pick, uniform
from quarva.loop import Memory, SearchContext
from quarva.searchers import GEP
from quarva.searchers.gep import breeding


def search_context(seed=0, threads=1, genes=2, constants=True, memory=None):
    alphabet = Alphabet.build(["x", "y"], PANEL_FUNCTIONS, constants=constants)
    shape = GeneShape(head=7, genes=genes)
    return SearchContext(alphabet, shape, Memory() if memory is None else memory, 10**6, seed, threads)


def started(**settings):
    gep = GEP(**{"population": 40, "islands": 2, **settings})
    gep.begin(search_context())
    return gep


def shortness(population):
    """Return a fitness that rewards short formulas."""
    return -population.sizes().astype(float)


@pytest.mark.parametrize("genes", [1, 3])
@pytest.mark.parametrize("constants", [True, False])
@pytest.mark.parametrize("selection", ["tournament", "roulette"])
def test_a_hundred_generations_have_no_invalid_chromosome(genes, constants, selection):
    gep = GEP(population=100, selection=selection, patience=9)
    gep.begin(search_context(genes=genes, constants=constants))
    random = np.random.default_rng(0)
    for _ in range(100):
        population = gep.ask(10**6)
        assert not population.invalid().any()
        fitness = random.standard_normal(len(population))
        fitness[random.random(len(population)) < 0.3] = np.nan
        gep.tell(population, fitness)


def wheel_of(fitness):
    wheel = np.empty_like(fitness)
    breeding.cumulative_roulette(fitness, wheel)
    return wheel


@pytest.mark.parametrize("selection", ["tournament", "roulette"])
def test_selection_prefers_high_fitness_and_roulette_never_selects_invalid_chromosomes(selection):
    rng = np.array([3], np.uint64)
    fitness = np.concatenate([np.linspace(0, 1, 50), np.full(50, -np.inf)])
    wheel = wheel_of(fitness)
    selected = [
        breeding.select_parent(fitness, wheel, 0, 100, selection == "roulette", 3, rng) for _ in range(20_000)
    ]
    counts = np.bincount(selected, minlength=100)
    assert counts[40:50].sum() > 2 * counts[10:20].sum()
    if selection == "roulette":
        assert counts[50:].sum() == 0
        np.testing.assert_allclose(
            counts[:50] / 20_000, np.diff(wheel[:50], prepend=0) / wheel[-1], atol=0.01
        )
    else:
        # Half are invalid, so an invalid one wins one tournament of three in eight.
        assert counts[50:].sum() / 20_000 == pytest.approx(0.125, abs=0.01)


def test_selection_among_invalid_chromosomes_can_select_any():
    fitness, rng = np.full(9, -np.inf), np.array([1], np.uint64)
    selected = {breeding.select_parent(fitness, wheel_of(fitness), 0, 9, True, 3, rng) for _ in range(500)}
    assert selected == set(range(9))


def test_selection_stays_on_the_island():
    fitness, rng = np.arange(30.0), np.array([1], np.uint64)
    wheel = np.concatenate([wheel_of(part) for part in np.split(fitness, 3)])
    for roulette in (False, True):
        selected = {breeding.select_parent(fitness, wheel, 10, 10, roulette, 2, rng) for _ in range(1000)}
        assert set(range(12, 20)) <= selected <= set(range(10, 20))


def test_the_elite_survives_unchanged():
    gep = started(elite=2, patience=0)
    best = np.full(2, -np.inf)
    for _ in range(30):
        population = gep.ask(10**6)
        gep.tell(population, shortness(population))
        now = gep._fitness.reshape(2, 40).max(axis=1)
        assert (now >= best).all()
        np.testing.assert_array_equal(gep._fitness, shortness(gep._now.population))
        best = now


def test_without_elitism_the_best_may_be_lost():
    gep = started(elite=0, patience=0)
    population = gep.ask(10**6)
    gep.tell(population, np.arange(80.0))
    population = gep.ask(10**6)
    gep.tell(population, np.zeros(80))
    assert gep._fitness.max() == 0


def test_only_a_stagnant_island_restarts():
    gep, level = started(patience=4), 0.0
    restarting = []
    for _ in range(12):
        population = gep.ask(10**6)
        level += 1
        fitness = np.zeros(80)
        fitness[40:] = level  # the second island improves, the first does not
        gep.tell(population, fitness)
        restarting.append(gep._restarting.tolist())
    assert not any(second for _, second in restarting)
    # A restart counts as an improvement, so the next one follows after four more generations.
    assert [first for first, _ in restarting] == [False, False, False, False, True] * 2 + [False, False]


def test_patience_zero_never_restarts():
    gep = started(patience=0)
    for _ in range(30):
        gep.tell(gep.ask(10**6), np.zeros(80))
        assert not gep._restarting.any()


def test_offspring_are_new_to_the_memory_and_distinct_on_the_island():
    memory = Memory()
    gep = GEP(population=60, islands=2, patience=0)
    gep.begin(search_context(memory=memory))
    for _ in range(20):
        population = gep.ask(10**6)
        keys = population.keys()
        assert not memory.contains(keys).any()
        for island in (keys[:60], keys[60:]):
            assert len(np.unique(island)) == 60
        new = np.flatnonzero(memory.look_up(keys)[1])
        memory.put(keys[new], np.zeros(len(new)))
        gep.tell(
            population, -shortness(population)
        )  # rewards long formulas, because there are too few short ones


@pytest.mark.parametrize("functions", [PANEL_FUNCTIONS, ["if_else", "lt", "add", "corr", "log"]])
@pytest.mark.parametrize("constants", [True, False])
def test_keys_and_lengths_of_offspring_are_those_of_the_population(functions, constants):
    alphabet = Alphabet.build(["x", "y"], functions, constants=constants)
    gep = GEP(population=40, islands=2)
    gep.begin(SearchContext(alphabet, GeneShape(head=7, genes=3), Memory(), 10**6, 0, 1))
    for generation in range(10):
        population = gep.ask(10**6)
        np.testing.assert_array_equal(population.known_keys, replace(population, known_keys=None).keys())
        np.testing.assert_array_equal(gep._next.genes.lengths, population.lengths())
        gep.tell(population, shortness(population) + generation)


def test_proposals_depend_on_the_seed_only():
    def proposed(seed, threads):
        gep = GEP(population=50, islands=3)
        gep.begin(search_context(seed, threads))
        out = []
        for _ in range(5):
            population = gep.ask(1)
            out.append(population.keys())
            gep.tell(population, shortness(population))
        return np.concatenate(out)

    one = proposed(1, 1)
    np.testing.assert_array_equal(one, proposed(1, 2))
    np.testing.assert_array_equal(one, proposed(1, 3))
    assert (one != proposed(2, 1)).mean() > 0.9


def test_random_numbers_follow_their_distributions():
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
    drawn = np.bincount([pick(rng, *alias_tables(weights)) for _ in range(20_000)], minlength=4) / 20_000
    np.testing.assert_allclose(drawn, weights / 2, atol=0.015)
    assert drawn[1] == 0


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda weights: sum(weights) > 1e-6))
def test_alias_tables_reproduce_the_weights(weights):
    weights = np.array(weights)
    probability, alias = alias_tables(weights)
    held = np.minimum(probability, 1.0)
    np.add.at(held, alias, 1.0 - np.minimum(probability, 1.0))
    np.testing.assert_allclose(held / len(weights), weights / weights.sum(), atol=1e-9)
