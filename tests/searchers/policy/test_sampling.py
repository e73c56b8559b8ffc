"""Samples are legal, have the likelihood that training computes, and do not depend on the threads."""

import numpy as np
import pytest
import torch

from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.grammar.grammar import Grammar
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.model import BODIES, Generator
from quarva.searchers.policy.sampling import sample
from quarva.searchers.policy.teacher_forcing import TeacherForcing, is_legal

RULES = ("inverse", "trigonometry", "constants")
PRIOR = LengthPrior(10.0, 5.0)


@pytest.fixture(scope="module")
def grammar():
    alphabet = Alphabet.build(
        ["x", "y"], ["add", "sub", "div", "sin", "cos", "exp", "log", "neg"], numbers=[1.0]
    )
    return Grammar(alphabet, GeneShape(head=7), RULES)


def generator(grammar, body="gru", *, trained=0.0, layers=1, seed=3):
    """Return a network with random weights, and a peaked distribution if `trained` is large."""
    torch.manual_seed(seed)
    made = Generator(grammar.alphabet, body, 16, layers, 0.6)
    with torch.no_grad():
        made.bias += trained * torch.randn(len(grammar.alphabet))
    return made


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("body", BODIES)
def test_sampling_and_teacher_forcing_agree_on_likelihood_and_entropy(grammar, body, layers):
    made = generator(grammar, body, layers=layers)
    drawn = sample(made, grammar, 300, np.random.default_rng(1), PRIOR)
    log_p, entropy = TeacherForcing.of(drawn.symbols[:, None], grammar, PRIOR).evaluate(made, 1.0)
    np.testing.assert_allclose(log_p.detach(), drawn.log_p, atol=2e-5)
    np.testing.assert_allclose(entropy.detach(), drawn.entropy, atol=2e-5)


@pytest.mark.parametrize("body", BODIES)
def test_likelihoods_of_all_expressions_sum_to_one(body):
    grammar = Grammar(Alphabet.build(["x", "y"], ["neg", "add"]), GeneShape(head=1))
    made = generator(grammar, body)
    genes = [[2, 2, 2], [3, 2, 2], [0, 2, 2], [0, 3, 2]] + [[1, a, b] for a in (2, 3) for b in (2, 3)]
    log_p, _ = TeacherForcing.of(np.array(genes, np.int16)[:, None], grammar, PRIOR).evaluate(made, 1.0)
    assert log_p.exp().sum().item() == pytest.approx(1.0, abs=1e-5)


def test_genes_are_sampled_with_the_frequency_of_their_likelihood():
    grammar = Grammar(Alphabet.build(["x"], ["neg", "add"]), GeneShape(head=2))
    made = generator(grammar)
    drawn = sample(made, grammar, 20_000, np.random.default_rng(2), PRIOR)
    words, counts = np.unique(
        [bytes(s[:n].tolist()) for s, n in zip(drawn.symbols, drawn.length, strict=True)], return_counts=True
    )
    for word, count in zip(words, counts, strict=True):
        here = [bytes(s[:n].tolist()) == word for s, n in zip(drawn.symbols, drawn.length, strict=True)]
        chance = float(np.exp(drawn.log_p[here.index(True)]))
        assert abs(count / 20_000 - chance) < 5 * np.sqrt(chance / 20_000)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("trained", [0.0, 3.0, 30.0])
def test_every_gene_is_legal_however_peaked_the_distribution(grammar, body, trained):
    made = generator(grammar, body, trained=trained)
    drawn = sample(made, grammar, 2000, np.random.default_rng(0), PRIOR)
    pop = Population.empty(grammar.alphabet, grammar.shape, 2000)
    pop.symbols[:, 0] = drawn.symbols
    assert not pop.invalid().any()
    np.testing.assert_array_equal(pop.lengths()[:, 0], drawn.length)
    assert is_legal(pop.symbols, grammar).all()


@pytest.mark.parametrize("body", BODIES)
def test_the_tail_rule_alone_prevents_invalid_genes(grammar, body):
    made, invalid = generator(grammar, body), []
    for tail in (False, True):
        free = Grammar(grammar.alphabet, grammar.shape, tail=tail)
        drawn = sample(made, free, 1000, np.random.default_rng(0), LengthPrior(10.0, 0.0))
        pop = Population.empty(free.alphabet, free.shape, 1000)
        pop.symbols[:, 0] = drawn.symbols
        invalid.append(pop.invalid().sum())
        assert ((drawn.length > free.length) <= pop.invalid()).all()
    assert invalid[0] > 50
    assert invalid[1] == 0


def test_genes_that_break_a_rule_are_not_legal(grammar):
    names = grammar.alphabet.names()
    genes = np.full((2, 1, grammar.length), names.index("x"), np.int16)
    genes[0, 0, :2] = names.index("sin"), names.index("cos")
    genes[1, 0, :2] = names.index("sin"), names.index("exp")
    assert is_legal(genes, grammar).tolist() == [False, True]


def test_samples_do_not_depend_on_the_threads(grammar):
    made = generator(grammar)
    one, three = (sample(made, grammar, 1700, np.random.default_rng(5), PRIOR, threads) for threads in (1, 3))
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_number_of_torch_threads_is_restored(grammar):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        sample(generator(grammar), grammar, 1100, np.random.default_rng(5), PRIOR, 2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_symbols_after_the_end_of_an_expression_are_ignored(grammar):
    made = generator(grammar)
    genes = sample(made, grammar, 64, np.random.default_rng(6), PRIOR)
    other, cut = genes.symbols.copy(), grammar.alphabet.n_functions
    after = np.arange(grammar.length) >= genes.length[:, None]
    other[after] = cut + (other[after] - cut + 1) % (len(grammar.alphabet) - cut)
    found = []
    for symbols in (genes.symbols, other):
        log_p, entropy = TeacherForcing.of(symbols[:, None], grammar, PRIOR).evaluate(made, 0.9)
        gradients = torch.autograd.grad(log_p.sum() + entropy.sum(), list(made.parameters()))
        found.append([log_p.detach(), entropy.detach(), *gradients])
    for a, b in zip(*found, strict=True):
        assert torch.equal(a, b)


def test_the_length_prior_changes_lengths(grammar):
    made = generator(grammar)
    free, short = (
        sample(made, grammar, 2000, np.random.default_rng(0), LengthPrior(4.0, spread)).length
        for spread in (0.0, 1.0)
    )
    assert np.abs(short - 4.0).mean() < 0.5 * np.abs(free - 4.0).mean()


def test_a_higher_temperature_increases_diversity(grammar):
    made = generator(grammar, trained=2.0)
    factors = np.repeat(np.float32([1.0, 0.25]), 1000)
    prior = LengthPrior(10.0, 0.0)
    drawn = sample(made, grammar, 2000, np.random.default_rng(0), prior, inverse_temperature=factors)
    cold, hot = (len({bytes(s) for s in part}) for part in np.split(drawn.symbols[:, :3], 2))
    assert hot > 1.2 * cold


def test_an_invalid_prior_is_refused():
    from quarva import RecipeError

    with pytest.raises(RecipeError, match="length must be at least 1"):
        LengthPrior(0.0, 5.0)


@pytest.mark.parametrize("body", BODIES)
def test_stepwise_and_parallel_logits_agree(grammar, body):
    made = generator(grammar, body, layers=2)
    rows = torch.randint(0, 3 * (len(grammar.alphabet) + 1), (5, 9, 7))
    whole = made(rows)
    with torch.no_grad():
        state, tables = made.body.begin(5), made.tables()
        for i in range(9):
            logits, state = made.step(rows[:, i], state, tables)
            np.testing.assert_allclose(logits, whole[:, i].detach(), atol=1e-5)


def test_windows_of_one_operator_share_parameters():
    alphabet = Alphabet.build(["close"], ["mean", "std"], [5, 20])
    torch.manual_seed(0)
    made = Generator(alphabet, "gru", 8, 1, 0.5)
    five, twenty, other_five, _ = (made.tables()[1][:, v] for v in range(4))
    loss = (five * 1.0).sum()
    (gradient,) = torch.autograd.grad(loss, made.operator)
    assert gradient[made.operator_of[1]].abs().sum() > 0
    assert made.operator_of[0] == made.operator_of[1] != made.operator_of[2]
    assert made.parameter_of[0] == made.parameter_of[2] != made.parameter_of[1]
    assert not torch.equal(five, twenty)
    assert not torch.equal(five, other_five)


def test_operators_have_equal_initial_probability_for_any_number_of_windows():
    alphabet = Alphabet.build(["close"], ["mean", "neg"], [5, 10, 20, 40])
    made = Generator(alphabet, "gru", 8, 1, 0.6)
    probabilities = made.bias.exp()
    assert probabilities[:4].sum().item() == pytest.approx(0.3)
    assert probabilities[4].item() == pytest.approx(0.3)
    assert probabilities.sum().item() == pytest.approx(1.0)
