"""Objectives weigh formulas, and a step on them moves the network there, or leaves it as it was."""

import numpy as np
import pytest
import torch

from quarva import RecipeError
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.grammar.grammar import Grammar
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.model import Generator
from quarva.searchers.policy.objectives import balance_targets, parts_of, priority_queue, ranks, risk_seeking
from quarva.searchers.policy.queue import Queue, distinct_best
from quarva.searchers.policy.sampling import sample
from quarva.searchers.policy.teacher_forcing import TeacherForcing
from quarva.searchers.policy.trainer import LossWeights, Trainer

PRIOR = LengthPrior(10.0, 5.0)
N = 90


@pytest.fixture(scope="module")
def grammar():
    return Grammar(
        Alphabet.build(["x", "y"], ["add", "div", "sin", "exp"], constants=True), GeneShape(head=6)
    )


@pytest.fixture
def learner(grammar):
    torch.manual_seed(4)
    return Trainer(Generator(grammar.alphabet, "gru", 16, 1, 0.6), 0.01, 0.8)


@pytest.fixture
def lesson(grammar, learner):
    drawn = sample(learner.generator, grammar, N, np.random.default_rng(0), PRIOR)
    return TeacherForcing.of(drawn.symbols[:, None], grammar, PRIOR)


def chances(learner, lesson):
    return lesson.judge(learner.generator, 1.0)[0].detach().exp().numpy()


def test_learning_makes_wanted_formulas_likelier(learner, lesson):
    before = chances(learner, lesson)
    for _ in range(20):
        learner.step(lesson, LossWeights.of(N, weight=np.r_[1.0, np.zeros(N - 1)]))
    assert chances(learner, lesson)[0] > 2 * before[0]


def test_entropy_makes_choices_more_open(learner, lesson):
    before = lesson.judge(learner.generator, 0.8)[1].mean().item()
    for _ in range(20):
        learner.step(lesson, LossWeights.of(N, wide=1 / N))
    assert lesson.judge(learner.generator, 0.8)[1].mean().item() > before


def test_in_balance_chances_are_in_proportion_to_rewards():
    grammar = Grammar(Alphabet.build(["x", "y"], ["sin"]), GeneShape(head=1))
    genes = np.array([[1, 1], [2, 1], [0, 1], [0, 2]], np.int16)
    torch.manual_seed(4)
    learner = Trainer(Generator(grammar.alphabet, "gru", 16, 1, 0.6), 0.01, 0.8)
    lesson, reward = TeacherForcing.of(genes[:, None], grammar, PRIOR), np.array([1.0, 2.0, 3.0, 4.0])
    for _ in range(400):
        learner.step(lesson, LossWeights.of(4, target=np.log(reward), share=0.25))
    np.testing.assert_allclose(chances(learner, lesson), reward / 10, atol=0.01)
    assert np.exp(learner.log_z.item()) == pytest.approx(10.0, rel=0.03)


def test_the_number_of_threads_changes_no_bit_of_what_is_learned(grammar, lesson):
    found = []
    for threads in (1, 3):
        torch.manual_seed(4)
        learner = Trainer(Generator(grammar.alphabet, "gru", 16, 1, 0.6), 0.01, 0.8)
        losses = [learner.step(lesson, LossWeights.of(N, 1 / N, 0.01), threads) for _ in range(3)]
        found.append((losses, learner.state()["learner_weights"]))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_pieces_add_up_to_the_gradient_of_the_whole(learner, lesson):
    log_p, _ = lesson.judge(learner.generator, 0.8)
    weight = np.linspace(0, 1, N)
    whole = -(torch.from_numpy(np.float32(weight)) * log_p).sum()
    gradients = torch.autograd.grad(whole, list(learner.generator.parameters()))
    length = torch.cat([each.flatten() for each in gradients]).norm()
    loss = learner.step(lesson, LossWeights.of(N, weight))
    assert loss == pytest.approx(whole.item(), rel=1e-5)
    for parameter, gradient in zip(learner.generator.parameters(), gradients, strict=True):
        np.testing.assert_allclose(parameter.grad, gradient / max(length, 1.0), atol=1e-5)


@pytest.mark.parametrize(("genes", "layers"), [(1, 1), (1, 2), (3, 1), (2, 3)])
def test_compiled_loops_have_the_gradient_that_torch_has(genes, layers):
    alphabet = Alphabet.build(["x", "y"], ["add", "div", "sin", "if_else"], numbers=[2.0])
    grammar = Grammar(alphabet, GeneShape(head=7, genes=genes), ("trigonometry", "constants"))
    torch.manual_seed(genes + layers)
    learner, rng = Trainer(Generator(alphabet, "gru", 10, layers, 0.6), 0.01, 0.8), np.random.default_rng(1)
    drawn = sample(learner.generator, grammar, N * genes, rng, PRIOR)
    lesson = TeacherForcing.of(drawn.symbols.reshape(N, genes, -1), grammar, PRIOR)
    wants = LossWeights(rng.random(N) / N, rng.random(N) / N, rng.standard_normal(N), rng.random(N) / N)
    with torch.no_grad():
        learner.log_z += 1.5
    loss, expected = learner._by_torch(lesson, wants, 1)
    found, gradients = learner._by_loops(lesson, wants, 2)
    assert found == pytest.approx(loss, rel=1e-5)
    for each, gradient in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(each, gradient, atol=3e-6 * float(gradient.abs().max()) + 1e-6)


def test_a_loss_that_diverges_brings_the_last_good_weights_back(learner, lesson):
    learner.step(lesson, LossWeights.of(N, 1 / N))
    good = learner.state()["learner_weights"]
    assert np.isnan(learner.step(lesson, LossWeights.of(N, np.inf)))
    assert np.isfinite(learner.state()["learner_weights"]).all()
    with torch.no_grad():
        learner.generator.bias[:] = float("nan")
    assert np.isnan(learner.step(lesson, LossWeights.of(N, 1 / N)))
    assert np.isfinite(learner.state()["learner_weights"]).all()
    assert np.abs(learner.state()["learner_weights"] - good).max() < 0.1
    assert np.isfinite(learner.step(lesson, LossWeights.of(N, 1 / N)))


def test_a_learner_goes_on_from_its_state_as_if_undisturbed(grammar, learner, lesson):
    for _ in range(3):
        learner.step(lesson, LossWeights.of(N, 1 / N, 0.01))
    state = {name: np.array(value) for name, value in learner.state().items()}
    torch.manual_seed(99)
    other = Trainer(Generator(grammar.alphabet, "gru", 16, 1, 0.6), 0.01, 0.8)
    other.restore(state)
    for _ in range(3):
        assert learner.step(lesson, LossWeights.of(N, 1 / N, 0.01)) == other.step(
            lesson, LossWeights.of(N, 1 / N, 0.01)
        )
    np.testing.assert_array_equal(learner.state()["learner_weights"], other.state()["learner_weights"])


def test_the_state_of_another_network_is_refused(grammar, learner):
    other = Trainer(Generator(grammar.alphabet, "gru", 8, 1, 0.6), 0.01, 0.8)
    with pytest.raises(ValueError, match="weights for a network of"):
        other.restore(learner.state())


@pytest.mark.parametrize("weigh", [risk_seeking, ranks, priority_queue])
def test_weights_sum_to_one_fall_and_do_not_know_the_scale_of_fitness(weigh):
    fitness = np.array([5.0, 3.0, 2.0, -1.0])
    weights = weigh(fitness)
    assert weights.sum() == pytest.approx(1.0)
    assert (np.diff(weights) <= 0).all()
    np.testing.assert_allclose(weigh(1e-3 * fitness + 7.0), weights)


def test_equal_fitness_gives_no_direction():
    assert risk_seeking(np.full(3, 0.2)).tolist() == [0, 0, 0]


def test_log_rewards_lie_between_zero_and_the_sharpness():
    targets = balance_targets(np.array([-9.0, 0.0, 0.5, 1.0, 2.0]), 0.0, 1.0, 10.0)
    assert targets.tolist() == [0.0, 0.0, 5.0, 10.0, 10.0]


def test_objectives_are_named_with_plus_between():
    assert parts_of("pg+pqt") == {"pg", "pqt"}
    with pytest.raises(RecipeError, match="unknown objective 'ppo'; known are pg, rank, pqt, tb"):
        parts_of("pg+ppo")


def population(grammar, genes):
    pop = Population.random(grammar.alphabet, grammar.shape, len(genes), np.random.default_rng(0))
    for p, gene in enumerate(genes):
        pop.symbols[p, 0, : len(gene)] = [grammar.alphabet.names().index(name) for name in gene]
    return pop


def test_a_formula_counts_once_whatever_its_constants_and_the_order_of_its_arguments(grammar):
    genes = [["add", "x", "?"], ["y"], ["add", "?", "x"], ["add", "x", "?"], ["sin", "x"]]
    pop = population(grammar, genes)
    best, keys = distinct_best(pop, np.array([1.0, 5.0, 3.0, 2.0, np.nan]), 10)
    assert best.tolist() == [1, 2]
    assert len(keys) == 2


def test_the_queue_keeps_the_best_whoever_comes_first(grammar):
    pop = population(grammar, [["x"], ["y"], ["sin", "x"], ["x"]])
    queue = Queue(Population.empty(grammar.alphabet, grammar.shape, 0), 2)
    queue.add(pop[:2], np.array([1.0, 2.0]))
    queue.add(pop[2:], np.array([1.5, 4.0]))
    assert queue.fitness.tolist() == [4.0, 2.0]
    assert [str(e) for e in queue.population.expressions()] == [str(e) for e in pop[[3, 1]].expressions()]
    empty = Queue(Population.empty(grammar.alphabet, grammar.shape, 0), 0)
    empty.add(pop, np.ones(4))
    assert len(empty) == 0
