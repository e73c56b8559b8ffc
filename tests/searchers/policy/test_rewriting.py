"""Rewritten formulas are legal and close to their templates, and every kind of rewrite occurs."""

import numpy as np
import pytest
import torch

from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.grammar.grammar import Grammar
from quarva.searchers import Policy
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.model import BODIES, Generator
from quarva.searchers.policy.rewriting import Templates
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


def templates_of(grammar, genes, rewrites):
    population = Population.empty(grammar.alphabet, grammar.shape, len(genes))
    population.symbols[:, 0] = genes
    return Templates.of(genes, rewrites, population.lengths()[:, 0], grammar.alphabet.arity)


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
@pytest.mark.parametrize("rewrites", [0.5, 3.0, 100.0])
def test_rewritten_genes_are_legal(grammar, body, rewrites):
    made, rng = generator(grammar, body), np.random.default_rng(0)
    free = sample(made, grammar, N, rng, PRIOR).symbols
    templates = templates_of(grammar, free, rewrites)
    drawn = sample(made, grammar, N, rng, PRIOR, templates=templates)
    population = Population.empty(grammar.alphabet, grammar.shape, N)
    population.symbols[:, 0] = drawn.symbols
    assert not population.invalid().any()
    assert is_legal(population.symbols, grammar).all()
    np.testing.assert_array_equal(population.lengths()[:, 0], drawn.length)


@pytest.mark.parametrize("body", BODIES)
def test_without_rewrites_the_template_is_copied(grammar, body):
    made, rng = generator(grammar, body), np.random.default_rng(0)
    free = sample(made, grammar, 200, rng, PRIOR).symbols
    drawn = sample(made, grammar, 200, rng, PRIOR, templates=templates_of(grammar, free, 1e-9))
    assert texts(grammar, drawn.symbols) == texts(grammar, free)


def test_every_kind_of_rewrite_occurs(grammar):
    template = gene(grammar, "add", "x", "sin", "y")
    copied = texts(grammar, np.stack([template]))[0]
    made, rng = generator(grammar), np.random.default_rng(0)
    templates = templates_of(grammar, np.tile(template, (N, 1)), 1.0)
    found = texts(grammar, sample(made, grammar, N, rng, PRIOR, templates=templates).symbols)
    names = ["exp", "add", "x", "sin", "y"]
    above = texts(grammar, np.stack([gene(grammar, *names)]))[0]
    up = texts(grammar, np.stack([gene(grammar, "sin", "y")]))[0]
    other = texts(grammar, np.stack([gene(grammar, "div", "x", "sin", "y")]))[0]
    free = texts(grammar, sample(made, grammar, N, rng, PRIOR).symbols)
    assert 0.2 < np.mean([text == copied for text in found]) < 0.6
    for text in (above, up, other):
        assert found.count(text) > 1.5 * free.count(text) + 5


def test_a_gene_without_a_template_is_sampled_freely(grammar):
    made = generator(grammar)
    free = sample(made, grammar, 200, np.random.default_rng(5), PRIOR)
    templates = templates_of(grammar, free.symbols[100:], 2.0).after(Templates.none(100, grammar.length))
    drawn = sample(made, grammar, 200, np.random.default_rng(5), PRIOR, templates=templates)
    np.testing.assert_array_equal(drawn.symbols[:100], free.symbols[:100])
    np.testing.assert_array_equal(drawn.log_p[:100], free.log_p[:100])
    assert (drawn.symbols[100:] != free.symbols[100:]).any()


def test_rewriting_does_not_depend_on_the_threads(grammar):
    made = generator(grammar)
    free = sample(made, grammar, 700, np.random.default_rng(5), PRIOR).symbols
    one, three = (
        sample(
            made, grammar, 700, np.random.default_rng(6), PRIOR, n, templates=templates_of(grammar, free, 2.0)
        ).symbols
        for n in (1, 3)
    )
    np.testing.assert_array_equal(one, three)


def test_chromosomes_of_several_genes_can_be_rewritten(find, table_task):
    found = find(table_task, "policy", 1500, genes=3, settings={"batch": 200, "width": 16, "rewrite": 0.9})
    assert found.evaluations == 1500
    assert found.invalid == 0


def test_a_resumed_run_keeps_the_templates(find, figures, table_task, tmp_path):
    settings = {"batch": 100, "width": 16, "rewrite": 0.7, "models": 30, "patience": 5}
    whole = find(table_task, "policy", 1500, seed=2, settings=settings)
    find(table_task, "policy", 777, seed=2, settings=settings, checkpoint=tmp_path / "c.npz")
    resumed = find(
        table_task, "policy", 1500, seed=2, settings=settings, checkpoint=tmp_path / "c.npz", resume=True
    )
    assert figures(resumed) == figures(whole)


def test_a_share_above_one_is_refused():
    from quarva import RecipeError

    with pytest.raises(RecipeError, match="rewrite must be at most 1"):
        Policy(rewrite=1.5)
