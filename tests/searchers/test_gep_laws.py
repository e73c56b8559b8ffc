"""Whatever GEP's moves do to chromosomes, what comes out can be read; and what GEP proposes is new."""

import numpy as np
import pytest

from quarva.karva import OPERATORS, Alphabet, GeneShape
from quarva.loop.memory import Memory
from quarva.loop.searcher import SearchContext
from quarva.searchers.gep.gep import GEP

NAMES = [op.name for op in OPERATORS]
MOVES = [
    "inversion", "is_transposition", "ris_transposition", "gene_transposition", "one_point", "two_point",
    "gene_recombination",
]  # fmt: skip
ALL_MOVES = dict.fromkeys(MOVES, 1.0)
WAYS = [
    (Alphabet.build(["close", "volume"], constants=True), GeneShape(head=8), {}),
    (Alphabet.build(["x"], ["add", "sub", "mul", "div", "sin", "cos"]), GeneShape(head=24), {"patience": 3}),
    (
        Alphabet.build(["close"], NAMES, (3, 20), ["sector"], [1.0], True),
        GeneShape(head=6, genes=3, link="mul"),
        ALL_MOVES | {"mutations": 6.0, "constants": 1.0, "selection": "roulette"},
    ),
    (Alphabet.build(["a", "b"], ["add"], constants=True), GeneShape(head=1, genes=4, constants=1), ALL_MOVES),
    (Alphabet.build(["a"], ["sin", "neg"]), GeneShape(head=40), ALL_MOVES | {"transposon": 40}),
]


def space_of(alphabet, shape, seed=0, threads=2):
    return SearchContext(alphabet, shape, Memory(), 1_000_000, seed, threads)


def evolve(searcher, space, genes):
    """Populations, until so many genes were proposed; fitness at random, now and then not there."""
    rng = np.random.default_rng(space.seed)
    searcher.begin(space)
    while genes > 0:
        pop = searcher.ask(genes)
        yield pop
        fitness = rng.normal(size=len(pop))
        fitness[rng.random(len(pop)) < 0.05] = np.nan
        searcher.tell(pop, fitness)
        genes -= pop.symbols.shape[0] * pop.symbols.shape[1]


@pytest.mark.parametrize(("alphabet", "shape", "rates"), WAYS)
def test_of_a_million_evolved_genes_none_is_invalid(alphabet, shape, rates, faults):
    seen = 0
    for pop in evolve(GEP(population=2000, **rates), space_of(alphabet, shape), 1_000_000 // len(WAYS)):
        assert not pop.invalid().any()
        assert not faults(pop).any()
        seen += pop.symbols.shape[0] * pop.symbols.shape[1]
    assert seen >= 200_000


def test_children_say_what_was_never_scored_but_for_one_in_fifty():
    space = space_of(*WAYS[0][:2])
    repeated = proposed = 0
    for pop in evolve(GEP(), space, 60_000):
        keys = pop.keys()
        _, new = space.memory.look_up(keys)
        space.memory.put(keys[new], np.zeros(new.sum()))
        repeated += (~new).sum()
        proposed += len(keys)
    assert repeated < 0.02 * proposed


def told(searcher, space, batches):
    """Everything that is asked while the fitness of a formula is a function of its key."""
    asked = []
    for _ in range(batches):
        pop = searcher.ask(10_000)
        keys = pop.keys()
        asked.append(keys)
        searcher.tell(pop, np.sin(keys.astype(float)))
    return np.concatenate(asked)


def test_what_is_asked_does_not_depend_on_the_threads():
    asked = []
    for threads in (1, 2, 5):
        searcher, space = GEP(population=100, islands=7), space_of(*WAYS[2][:2], threads=threads)
        searcher.begin(space)
        asked.append(told(searcher, space, 10))
    np.testing.assert_array_equal(asked[0], asked[1])
    np.testing.assert_array_equal(asked[0], asked[2])


def test_a_restored_search_asks_what_it_would_have_asked():
    space = space_of(*WAYS[0][:2])
    searcher = GEP(population=50)
    searcher.begin(space)
    told(searcher, space, 20)
    state = {name: np.array(value) for name, value in searcher.state().items()}
    wanted = told(searcher, space, 20)
    again = GEP(population=50)
    again.begin(space)
    again.restore(state)
    np.testing.assert_array_equal(told(again, space, 20), wanted)


def test_two_seeds_ask_for_different_formulas():
    asked = []
    for seed in (0, 1):
        searcher, space = GEP(), space_of(*WAYS[0][:2], seed=seed)
        searcher.begin(space)
        asked.append(set(told(searcher, space, 1).tolist()))
    assert len(asked[0] & asked[1]) < 0.5 * len(asked[0])
