"""Properties of GEP for many shapes and rates: chromosomes are valid, and formulas are new."""

import numpy as np
import pytest

from quarva.karva import OPERATORS, Alphabet, GeneShape
from quarva.loop.memory import Memory
from quarva.loop.searcher import SearchContext
from quarva.searchers.gep.gep import GEP

NAMES = [op.name for op in OPERATORS]
RATES = [
    "inversion", "is_transposition", "ris_transposition", "gene_transposition", "one_point", "two_point",
    "gene_recombination",
]  # fmt: skip
ALL_RATES = dict.fromkeys(RATES, 1.0)
CASES = [
    (Alphabet.build(["close", "volume"], constants=True), GeneShape(head=8), {}),
    (Alphabet.build(["x"], ["add", "sub", "mul", "div", "sin", "cos"]), GeneShape(head=24), {"patience": 3}),
    (
        Alphabet.build(["close"], NAMES, (3, 20), ["sector"], [1.0], True),
        GeneShape(head=6, genes=3, link="mul"),
        ALL_RATES | {"mutations": 6.0, "constants": 1.0, "selection": "roulette"},
    ),
    (Alphabet.build(["a", "b"], ["add"], constants=True), GeneShape(head=1, genes=4, constants=1), ALL_RATES),
    (Alphabet.build(["a"], ["sin", "neg"]), GeneShape(head=40), ALL_RATES | {"transposon": 40}),
]


def context_of(alphabet, shape, seed=0, threads=2):
    return SearchContext(alphabet, shape, Memory(), 1_000_000, seed, threads)


def evolve(searcher, context, genes):
    """Yield populations until `genes` genes have been proposed; the fitness is random and sometimes NaN."""
    rng = np.random.default_rng(context.seed)
    searcher.begin(context)
    while genes > 0:
        pop = searcher.ask(genes)
        yield pop
        fitness = rng.normal(size=len(pop))
        fitness[rng.random(len(pop)) < 0.05] = np.nan
        searcher.tell(pop, fitness)
        genes -= pop.symbols.shape[0] * pop.symbols.shape[1]


@pytest.mark.parametrize(("alphabet", "shape", "rates"), CASES)
def test_evolved_genes_are_always_valid(alphabet, shape, rates, faults):
    seen = 0
    for pop in evolve(GEP(population=2000, **rates), context_of(alphabet, shape), 1_000_000 // len(CASES)):
        assert not pop.invalid().any()
        assert not faults(pop).any()
        seen += pop.symbols.shape[0] * pop.symbols.shape[1]
    assert seen >= 200_000


def test_at_most_two_percent_of_the_offspring_are_known():
    context = context_of(*CASES[0][:2])
    repeated = proposed = 0
    for pop in evolve(GEP(), context, 60_000):
        keys = pop.keys()
        _, new = context.memory.look_up(keys)
        context.memory.put(keys[new], np.zeros(new.sum()))
        repeated += (~new).sum()
        proposed += len(keys)
    assert repeated < 0.02 * proposed


def run(searcher, context, batches):
    """Return the keys of all proposals, with a fitness that is a function of the key."""
    asked = []
    for _ in range(batches):
        pop = searcher.ask(10_000)
        keys = pop.keys()
        asked.append(keys)
        searcher.tell(pop, np.sin(keys.astype(float)))
    return np.concatenate(asked)


def test_proposals_do_not_depend_on_the_threads():
    asked = []
    for threads in (1, 2, 5):
        searcher, context = GEP(population=100, islands=7), context_of(*CASES[2][:2], threads=threads)
        searcher.begin(context)
        asked.append(run(searcher, context, 10))
    np.testing.assert_array_equal(asked[0], asked[1])
    np.testing.assert_array_equal(asked[0], asked[2])


def test_a_restored_search_continues_identically():
    context = context_of(*CASES[0][:2])
    searcher = GEP(population=50)
    searcher.begin(context)
    run(searcher, context, 20)
    state = {name: np.array(value) for name, value in searcher.state().items()}
    expected = run(searcher, context, 20)
    again = GEP(population=50)
    again.begin(context)
    again.restore(state)
    np.testing.assert_array_equal(run(again, context, 20), expected)


def test_different_seeds_propose_different_formulas():
    asked = []
    for seed in (0, 1):
        searcher, context = GEP(), context_of(*CASES[0][:2], seed=seed)
        searcher.begin(context)
        asked.append(set(run(searcher, context, 1).tolist()))
    assert len(asked[0] & asked[1]) < 0.5 * len(asked[0])
