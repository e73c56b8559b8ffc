"""Each of Ferreira's moves keeps a chromosome valid and does what its name says."""

import numpy as np
import pytest

from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.search import moves

HEAD, GENES, CONSTANTS = 6, 3, 4
ALPHABET = Alphabet.build(["x", "y", "z"], ["add", "mul", "sin", "neg"], constants=True)
SHAPE = GeneShape(head=HEAD, genes=GENES, constants=CONSTANTS)
LETTERS = (HEAD, ALPHABET.cumulative, ALPHABET.n_functions, 0.5)
TRIES = 300


@pytest.fixture
def rng():
    return np.array([11], np.uint64)


@pytest.fixture
def chromosomes():
    """Chromosomes, and a copy of each to compare with."""
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


def same(a, b, *parts):
    for part in parts:
        np.testing.assert_array_equal(getattr(a, part), getattr(b, part))


def test_creation_draws_valid_chromosomes_with_the_share_of_functions_asked_for(rng):
    population = Population.empty(ALPHABET, SHAPE, 2000)
    for symbols, dc, constants in each(population):
        moves.create(symbols, dc, constants, rng, *LETTERS)
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
        moves.mutate(symbols, rng, moves.mutation_gap(0.1), *LETTERS)
    assert not after.invalid().any()
    same(before, after, "dc", "constants")
    changed = (before.symbols != after.symbols).mean(axis=0)
    # A letter may be drawn again: of the terminals, of which there are four, one in four.
    assert changed.mean() == pytest.approx(0.1 * 0.78, abs=0.01)
    assert (changed > 0).all()


@pytest.mark.parametrize(("rate", "share"), [(0.0, 0.0), (0.999, 0.78)])
def test_mutation_at_its_extremes(rng, chromosomes, rate, share):
    before, after = chromosomes
    for symbols in after.symbols:
        moves.mutate(symbols, rng, moves.mutation_gap(rate), *LETTERS)
    assert not after.invalid().any()
    assert (before.symbols != after.symbols).mean() == pytest.approx(share, abs=0.03)


def test_mutation_of_the_expression_changes_one_position_that_speaks(rng, chromosomes):
    before, after = chromosomes
    lengths = before.lengths()
    for symbols in after.symbols:
        moves.mutate_expression(symbols, rng, ALPHABET.arity, *LETTERS)
    assert not after.invalid().any()
    where = np.argwhere(before.symbols != after.symbols)
    assert len(np.unique(where[:, 0])) == len(where) > 0.5 * TRIES
    assert all(i < lengths[p, g] for p, g, i in where)


def test_inversion_turns_a_stretch_of_the_head_around_and_leaves_the_tail(rng, chromosomes):
    before, after = chromosomes
    turned = 0
    for old, new in zip(before.symbols[:, 0], after.symbols[:, 0]):
        moves.invert(new, rng, HEAD)
        np.testing.assert_array_equal(old[HEAD:], new[HEAD:])
        ways = []
        for a in range(HEAD):
            for b in range(a, HEAD):
                way = old.copy()
                way[a : b + 1] = way[a : b + 1][::-1]
                ways.append(way.tolist())
        assert new.tolist() in ways
        turned += (old != new).any()
    assert turned > TRIES / 3
    assert not after.invalid().any()


def test_is_transposition_never_touches_the_root_or_the_tail(rng, chromosomes):
    before, after = chromosomes
    for old, new in zip(before.symbols[:, 0], after.symbols[:, 0]):
        moves.transpose_is(new, rng, HEAD, 3, buffer())
        assert new[0] == old[0]
        np.testing.assert_array_equal(old[HEAD:], new[HEAD:])
        ways = [
            [*old[:target], *old[source : source + size], *old[target:]][:HEAD]
            for size in (1, 2, 3)
            for source in range(len(old) - size + 1)
            for target in range(1, HEAD)
        ]
        assert new[:HEAD].tolist() in ways
    assert not after.invalid().any()
    assert (before.symbols != after.symbols).any(axis=(1, 2)).mean() > 0.5


def test_a_head_of_one_position_has_no_place_but_the_root(rng):
    gene = np.array([0, 5, 6], np.int16)
    moves.transpose_is(gene, rng, 1, 3, buffer())
    assert gene.tolist() == [0, 5, 6]


def test_ris_transposition_brings_a_stretch_that_begins_with_a_function_to_the_root(rng, chromosomes):
    before, after = chromosomes
    for old, new in zip(before.symbols[:, 0], after.symbols[:, 0]):
        moves.transpose_ris(new, rng, HEAD, 3, ALPHABET.n_functions, buffer())
        np.testing.assert_array_equal(old[HEAD:], new[HEAD:])
        if (old == new).all():
            continue
        assert new[0] < ALPHABET.n_functions
        ways = [
            [*old[source : source + size], *old][:HEAD]
            for size in (1, 2, 3)
            for source in range(HEAD)
            if old[source] < ALPHABET.n_functions
        ]
        assert new[:HEAD].tolist() in ways
    assert not after.invalid().any()
    assert (before.symbols != after.symbols).any(axis=(1, 2)).mean() > 0.5


def test_ris_transposition_without_a_function_does_nothing(rng):
    gene = np.full(2 * HEAD + 1, ALPHABET.n_functions, np.int16)
    moves.transpose_ris(gene, rng, HEAD, 3, ALPHABET.n_functions, buffer())
    assert (gene == ALPHABET.n_functions).all()


def test_gene_transposition_brings_a_whole_gene_to_the_front(rng, chromosomes):
    before, after = chromosomes
    fronts = []
    for (old, old_dc, old_constants), (new, dc, constants) in zip(each(before), each(after)):
        moves.transpose_gene(new, dc, constants, rng)
        moved = next(g for g in range(GENES) if (old[g] == new[0]).all())
        order = [moved, *(g for g in range(GENES) if g != moved)]
        np.testing.assert_array_equal(new, old[order])
        np.testing.assert_array_equal(dc, old_dc[order])
        np.testing.assert_array_equal(constants, old_constants[order])
        fronts.append(moved)
    assert set(fronts) == set(range(GENES))
    assert not after.invalid().any()


@pytest.mark.parametrize("first", [0, 4, 13, 20])
@pytest.mark.parametrize("size", [1, 7, 13, 30])
def test_recombination_takes_a_stretch_from_the_other_parent(chromosomes, others, first, size):
    before, after = chromosomes
    length = before.symbols.shape[2]
    last = min(first + size, GENES * length)
    for (symbols, dc, constants), other in zip(each(after), each(others)):
        moves.cross_over(symbols, dc, constants, *other, first, last)
    taken = np.zeros(GENES * length, bool)
    taken[first:last] = True
    taken = taken.reshape(GENES, length)
    np.testing.assert_array_equal(after.symbols, np.where(taken, others.symbols, before.symbols))
    for g, whole in enumerate(taken.all(axis=1)):
        source = others if whole else before
        np.testing.assert_array_equal(after.dc[:, g], source.dc[:, g])
        np.testing.assert_array_equal(after.constants[:, g], source.constants[:, g])
    assert not after.invalid().any()


def test_constants_and_their_domain_mutate_at_their_rate(rng, chromosomes):
    before, after = chromosomes
    for _, dc, constants in each(after):
        moves.vary_constants(dc, constants, rng, 0.2)
    same(before, after, "symbols")
    assert not after.invalid().any()
    assert (before.constants != after.constants).mean() == pytest.approx(0.2, abs=0.03)
    assert (before.dc != after.dc).mean() == pytest.approx(0.2 * (1 - 1 / CONSTANTS), abs=0.03)
    small = np.abs(after.constants / before.constants - 1) < 0.3
    changed = before.constants != after.constants
    assert 0.4 < small[changed].mean() < 0.7


def test_a_stretch_inserted_at_the_end_is_cut_off():
    row = np.arange(8, dtype=np.int16)
    moves.insert(row, 0, 3, 4, 5, buffer())
    assert row.tolist() == [0, 1, 2, 3, 0, 5, 6, 7]
