"""A formula rewritten at a few places stays legal, stays near its model, and moves in each of the ways."""

import numpy as np
import pytest
import torch

from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.grammar.grammar import Grammar
from quarva.searchers import Policy
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.model import BODIES, Generator
from quarva.searchers.policy.rewriting import Models
from quarva.searchers.policy.sampling import sample
from quarva.searchers.policy.teacher_forcing import is_legal

PRIOR = LengthPrior(8.0, 5.0)
N = 3000


@pytest.fixture(scope="module")
def grammar():
    alphabet = Alphabet.build(["x", "y"], ["add", "div", "sin", "exp", "log", "neg"], numbers=[1.0])
    return Grammar(alphabet, GeneShape(head=7), ("inverse", "trigonometry", "constants"))


def generator(grammar, body="gru"):
    torch.manual_seed(3)
    return Generator(grammar.alphabet, body, 16, 1, 0.6)


def models_of(grammar, genes, places):
    population = Population.empty(grammar.alphabet, grammar.shape, len(genes))
    population.symbols[:, 0] = genes
    return Models.of(genes, places, population.lengths()[:, 0], grammar.alphabet.arity)


def texts(grammar, symbols):
    population = Population.empty(grammar.alphabet, grammar.shape, len(symbols))
    population.symbols[:, 0] = symbols
    return [str(tree) for tree in population.expressions()]


def gene(grammar, *names):
    known = grammar.alphabet.names()
    filled = np.full(grammar.length, known.index("x"), np.int16)
    filled[: len(names)] = [known.index(name) for name in names]
    return filled


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("places", [0.5, 3.0, 100.0])
def test_what_is_rewritten_is_legal(grammar, body, places):
    made, rng = generator(grammar, body), np.random.default_rng(0)
    free = sample(made, grammar, N, rng, PRIOR).symbols
    models = models_of(grammar, free, places)
    drawn = sample(made, grammar, N, rng, PRIOR, models=models)
    population = Population.empty(grammar.alphabet, grammar.shape, N)
    population.symbols[:, 0] = drawn.symbols
    assert not population.invalid().any()
    assert is_legal(population.symbols, grammar).all()
    np.testing.assert_array_equal(population.lengths()[:, 0], drawn.length)


@pytest.mark.parametrize("body", BODIES)
def test_without_a_place_that_changes_the_model_is_said_again(grammar, body):
    made, rng = generator(grammar, body), np.random.default_rng(0)
    free = sample(made, grammar, 200, rng, PRIOR).symbols
    drawn = sample(made, grammar, 200, rng, PRIOR, models=models_of(grammar, free, 1e-9))
    assert texts(grammar, drawn.symbols) == texts(grammar, free)


def test_every_move_is_made(grammar):
    model = gene(grammar, "add", "x", "sin", "y")
    said = texts(grammar, np.stack([model]))[0]
    made, rng = generator(grammar), np.random.default_rng(0)
    models = models_of(grammar, np.tile(model, (N, 1)), 1.0)
    found = texts(grammar, sample(made, grammar, N, rng, PRIOR, models=models).symbols)
    names = ["exp", "add", "x", "sin", "y"]
    above = texts(grammar, np.stack([gene(grammar, *names)]))[0]
    up = texts(grammar, np.stack([gene(grammar, "sin", "y")]))[0]
    other = texts(grammar, np.stack([gene(grammar, "div", "x", "sin", "y")]))[0]
    free = texts(grammar, sample(made, grammar, N, rng, PRIOR).symbols)
    assert 0.2 < np.mean([text == said for text in found]) < 0.6
    for text in (above, up, other):
        assert found.count(text) > 1.5 * free.count(text) + 5


def test_a_gene_without_a_model_is_written_freely(grammar):
    made = generator(grammar)
    free = sample(made, grammar, 200, np.random.default_rng(5), PRIOR)
    models = models_of(grammar, free.symbols[100:], 2.0).behind(Models.none(100, grammar.length))
    drawn = sample(made, grammar, 200, np.random.default_rng(5), PRIOR, models=models)
    np.testing.assert_array_equal(drawn.symbols[:100], free.symbols[:100])
    np.testing.assert_array_equal(drawn.log_p[:100], free.log_p[:100])
    assert (drawn.symbols[100:] != free.symbols[100:]).any()


def test_the_number_of_threads_changes_no_bit_of_what_is_rewritten(grammar):
    made = generator(grammar)
    free = sample(made, grammar, 700, np.random.default_rng(5), PRIOR).symbols
    one, three = (
        sample(
            made, grammar, 700, np.random.default_rng(6), PRIOR, n, models=models_of(grammar, free, 2.0)
        ).symbols
        for n in (1, 3)
    )
    np.testing.assert_array_equal(one, three)


def test_chromosomes_of_several_genes_are_rewritten_as_wholes(find, table_task):
    found = find(table_task, "policy", 1500, genes=3, settings={"batch": 200, "width": 16, "rewrite": 0.9})
    assert found.evaluations == 1500
    assert found.invalid == 0


def test_models_are_kept_with_the_state(find, figures, table_task, tmp_path):
    settings = {"batch": 100, "width": 16, "rewrite": 0.7, "models": 30, "patience": 5}
    whole = find(table_task, "policy", 1500, seed=2, settings=settings)
    find(table_task, "policy", 777, seed=2, settings=settings, checkpoint=tmp_path / "c.npz")
    on = find(
        table_task, "policy", 1500, seed=2, settings=settings, checkpoint=tmp_path / "c.npz", resume=True
    )
    assert figures(on) == figures(whole)


def test_a_share_of_more_than_all_is_refused():
    from quarva import RecipeError

    with pytest.raises(RecipeError, match="rewrite must not be above 1"):
        Policy(rewrite=1.5)
