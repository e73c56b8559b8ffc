"""Each of Ferreira's genetic operators keeps chromosomes valid and does what its name says."""

import numpy as np
import pytest

from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.rng import pick
from quarva.searchers.gep import genetic_operators

HEAD, GENES, CONSTANTS = 6, 3, 4
ALPHABET = Alphabet.build(["x", "y", "z"], ["add", "mul", "sin", "neg"], constants=True)
SHAPE = GeneShape(head=HEAD, genes=GENES, constants=CONSTANTS)
SAMPLER = genetic_operators.SymbolSampler.of(ALPHABET, HEAD, 0.5)
TRIES = 300


@pytest.fixture
def rng():
    return np.array([11], np.uint64)


@pytest.fixture
def chromosomes():
    """Chromosomes and a copy of them."""
    random = np.random.default_rng(0)
    before, after = (Population.random(ALPHABET, SHAPE, TRIES, random) for _ in range(2))
    for part in ("symbols", "dc", "constants"):
        getattr(after, part)[:] = getattr(before, part)
    return before, after


@pytest.fixture
def others():
    return Population.random(ALPHABET, SHAPE, TRIES, np.random.default_rng(1))


def each(population):
    return zip(population.symbols, population.dc, population.constants)


def buffer():
    return np.empty(100, np.int16)


def assert_equal(a, b, *parts):
    for part in parts:
        np.testing.assert_array_equal(getattr(a, part), getattr(b, part))


def test_created_chromosomes_are_valid_and_have_the_given_share_of_functions(rng):
    population = Population.empty(ALPHABET, SHAPE, 2000)
    for symbols, dc, constants in each(population):
        genetic_operators.create(symbols, dc, constants, rng, SAMPLER)
    assert not population.invalid().any()
    is_function = population.symbols < ALPHABET.n_functions
    assert is_function[:, :, :HEAD].mean() == pytest.approx(0.5, abs=0.02)
    assert not is_function[:, :, HEAD:].any()
    assert set(np.unique(population.symbols)) == set(range(len(ALPHABET)))
    assert set(np.unique(population.dc)) == set(range(CONSTANTS))
    assert population.constants.std() == pytest.approx(1, abs=0.05)


def test_mutation_changes_each_position_at_its_rate(rng, chromosomes):
    before, after = chromosomes
    for symbols in after.symbols:
        genetic_operators.mutate(symbols, rng, genetic_operators.gap_tables(0.1, symbols.size), SAMPLER)
    assert not after.invalid().any()
    assert_equal(before, after, "dc", "constants")
    changed = (before.symbols != after.symbols).mean(axis=0)
    # A position may be mutated to the same symbol: with four terminals, one time in four.
    assert changed.mean() == pytest.approx(0.1 * 0.808, abs=0.008)
    assert (changed > 0).all()


@pytest.mark.parametrize(("rate", "share"), [(0.0, 0.0), (1.0, 0.808)])
def test_mutation_at_extreme_rates_changes_the_expected_share(rng, chromosomes, rate, share):
    before, after = chromosomes
    for symbols in after.symbols:
        genetic_operators.mutate(symbols, rng, genetic_operators.gap_tables(rate, symbols.size), SAMPLER)
    assert not after.invalid().any()
    assert (before.symbols != after.symbols).mean() == pytest.approx(share, abs=0.015)


def test_gaps_follow_the_distribution_of_independent_mutations():
    probability, alias = genetic_operators.gap_tables(0.2, 5)
    rng = np.array([3], np.uint64)
    drawn = np.bincount([pick(rng, probability, alias) for _ in range(50_000)], minlength=6) / 50_000
    np.testing.assert_allclose(drawn, [*(0.2 * 0.8 ** np.arange(5)), 0.8**5], atol=0.01)


@pytest.mark.parametrize("grow", [False, True])
def test_mutation_of_the_expression_changes_one_of_its_symbols(rng, chromosomes, grow):
    before, after = chromosomes
    lengths = before.lengths()
    for symbols, length in zip(after.symbols, lengths):
        genetic_operators.mutate_expression(symbols[1], rng, length[1], grow, SAMPLER)
    assert not after.invalid().any()
    assert_equal(before, after, "dc", "constants")
    where = np.argwhere(before.symbols != after.symbols)
    assert len(where) == len(np.unique(where[:, 0])) == TRIES
    assert all(g == 1 and i < lengths[p, g] for p, g, i in where)
    functions = np.mean([after.symbols[p, g, i] < ALPHABET.n_functions for p, g, i in where if i < HEAD])
    assert functions == 1 if grow else 0.3 < functions < 0.7


def test_mutation_with_one_symbol_changes_nothing(rng):
    sampler = genetic_operators.SymbolSampler.of(Alphabet.build(["x"], []), 1, 0.5)
    gene = np.zeros(2, np.int16)
    genetic_operators.mutate_expression(gene, rng, 1, False, sampler)
    assert gene.tolist() == [0, 0]


def test_inversion_reverses_a_segment_of_the_head_and_leaves_the_tail(rng, chromosomes):
    before, after = chromosomes
    changed = 0
    for old, new in zip(before.symbols[:, 0], after.symbols[:, 0]):
        genetic_operators.invert(new, rng, HEAD)
        np.testing.assert_array_equal(old[HEAD:], new[HEAD:])
        outcomes = []
        for a in range(HEAD):
            for b in range(a, HEAD):
                outcome = old.copy()
                outcome[a : b + 1] = outcome[a : b + 1][::-1]
                outcomes.append(outcome.tolist())
        assert new.tolist() in outcomes
        changed += (old != new).any()
    assert changed > TRIES / 3
    assert not after.invalid().any()


def test_is_transposition_changes_neither_the_root_nor_the_tail(rng, chromosomes):
    before, after = chromosomes
    for old, new in zip(before.symbols[:, 0], after.symbols[:, 0]):
        genetic_operators.transpose_is(new, rng, HEAD, 3, buffer())
        assert new[0] == old[0]
        np.testing.assert_array_equal(old[HEAD:], new[HEAD:])
        outcomes = [
            [*old[:target], *old[source : source + size], *old[target:]][:HEAD]
            for size in (1, 2, 3)
            for source in range(len(old) - size + 1)
            for target in range(1, HEAD)
        ]
        assert new[:HEAD].tolist() in outcomes
    assert not after.invalid().any()
    assert (before.symbols != after.symbols).any(axis=(1, 2)).mean() > 0.5


def test_is_transposition_leaves_a_head_of_one_position(rng):
    gene = np.array([0, 5, 6], np.int16)
    genetic_operators.transpose_is(gene, rng, 1, 3, buffer())
    assert gene.tolist() == [0, 5, 6]


def test_ris_transposition_moves_a_segment_that_begins_with_a_function_to_the_root(rng, chromosomes):
    before, after = chromosomes
    for old, new in zip(before.symbols[:, 0], after.symbols[:, 0]):
        genetic_operators.transpose_ris(new, rng, HEAD, 3, ALPHABET.n_functions, buffer())
        np.testing.assert_array_equal(old[HEAD:], new[HEAD:])
        if (old == new).all():
            continue
        assert new[0] < ALPHABET.n_functions
        outcomes = [
            [*old[source : source + size], *old][:HEAD]
            for size in (1, 2, 3)
            for source in range(HEAD)
            if old[source] < ALPHABET.n_functions
        ]
        assert new[:HEAD].tolist() in outcomes
    assert not after.invalid().any()
    assert (before.symbols != after.symbols).any(axis=(1, 2)).mean() > 0.5


def test_ris_transposition_without_a_function_does_nothing(rng):
    gene = np.full(2 * HEAD + 1, ALPHABET.n_functions, np.int16)
    genetic_operators.transpose_ris(gene, rng, HEAD, 3, ALPHABET.n_functions, buffer())
    assert (gene == ALPHABET.n_functions).all()


def test_gene_transposition_moves_a_gene_to_the_front(rng, chromosomes):
    before, after = chromosomes
    fronts = []
    for (old, old_dc, old_constants), (new, dc, constants) in zip(each(before), each(after)):
        genetic_operators.transpose_gene(new, dc, constants, rng)
        moved = next(g for g in range(GENES) if (old[g] == new[0]).all())
        order = [moved, *(g for g in range(GENES) if g != moved)]
        np.testing.assert_array_equal(new, old[order])
        np.testing.assert_array_equal(dc, old_dc[order])
        np.testing.assert_array_equal(constants, old_constants[order])
        fronts.append(moved)
    assert set(fronts) == set(range(GENES))
    assert not after.invalid().any()


@pytest.mark.parametrize("cut", [-3, 0, 5, 40])
@pytest.mark.parametrize(("first", "last"), [(0, 0), (3, 8), (-4, 2), (6, 99)])
def test_recombination_takes_segments_of_the_other_parent(chromosomes, others, cut, first, last):
    gene, other = chromosomes[0].symbols[0, 0], others.symbols[0, 0]
    child, i = np.empty_like(gene), np.arange(len(gene))
    genetic_operators.recombine(gene, other, cut, first, last, child)
    np.testing.assert_array_equal(child, np.where((i >= cut) | ((i >= first) & (i < last)), other, gene))


def test_constants_and_the_dc_domain_mutate_at_their_rate(rng, chromosomes):
    before, after = chromosomes
    for _, dc, constants in each(after):
        genetic_operators.vary_constants(
            dc, constants, rng, genetic_operators.gap_tables(0.2, dc.size + constants.size)
        )
    assert_equal(before, after, "symbols")
    assert not after.invalid().any()
    assert (before.constants != after.constants).mean() == pytest.approx(0.2, abs=0.03)
    assert (before.dc != after.dc).mean() == pytest.approx(0.2 * (1 - 1 / CONSTANTS), abs=0.03)
    small = np.abs(after.constants / before.constants - 1) < 0.3
    changed = before.constants != after.constants
    assert 0.4 < small[changed].mean() < 0.7


def test_a_segment_inserted_at_the_end_is_truncated():
    row = np.arange(8, dtype=np.int16)
    genetic_operators.insert(row, 0, 3, 4, 5, buffer())
    assert row.tolist() == [0, 1, 2, 3, 0, 5, 6, 7]
