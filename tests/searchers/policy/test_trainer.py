"""Objectives weight formulas, and training steps follow them or leave the network unchanged."""

import numpy as np
import pytest
import torch

from quarva import RecipeError
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.grammar.grammar import Grammar
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.model import Generator
from quarva.searchers.policy.objectives import (
    balance_targets,
    parse_objective,
    priority_queue,
    ranks,
    risk_seeking,
)
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
def trainer(grammar):
    torch.manual_seed(4)
    return Trainer(Generator(grammar.alphabet, "gru", 16, 1, 0.6), 0.01, 0.8)


@pytest.fixture
def batch(grammar, trainer):
    drawn = sample(trainer.generator, grammar, N, np.random.default_rng(0), PRIOR)
    return TeacherForcing.of(drawn.symbols[:, None], grammar, PRIOR)


def probabilities(trainer, batch):
    return batch.evaluate(trainer.generator, 1.0)[0].detach().exp().numpy()


def test_training_increases_the_likelihood_of_weighted_formulas(trainer, batch):
    before = probabilities(trainer, batch)
    for _ in range(20):
        trainer.step(batch, LossWeights.of(N, log_p=np.r_[1.0, np.zeros(N - 1)]))
    assert probabilities(trainer, batch)[0] > 2 * before[0]


def test_the_entropy_term_increases_entropy(trainer, batch):
    before = batch.evaluate(trainer.generator, 0.8)[1].mean().item()
    for _ in range(20):
        trainer.step(batch, LossWeights.of(N, entropy=1 / N))
    assert batch.evaluate(trainer.generator, 0.8)[1].mean().item() > before


def test_trajectory_balance_samples_in_proportion_to_rewards():
    grammar = Grammar(Alphabet.build(["x", "y"], ["sin"]), GeneShape(head=1))
    genes = np.array([[1, 1], [2, 1], [0, 1], [0, 2]], np.int16)
    torch.manual_seed(4)
    trainer = Trainer(Generator(grammar.alphabet, "gru", 16, 1, 0.6), 0.01, 0.8)
    batch, reward = TeacherForcing.of(genes[:, None], grammar, PRIOR), np.array([1.0, 2.0, 3.0, 4.0])
    for _ in range(400):
        trainer.step(batch, LossWeights.of(4, target=np.log(reward), balance=0.25))
    np.testing.assert_allclose(probabilities(trainer, batch), reward / 10, atol=0.01)
    assert np.exp(trainer.log_z.item()) == pytest.approx(10.0, rel=0.03)


def test_training_does_not_depend_on_the_threads(grammar, batch):
    found = []
    for threads in (1, 3):
        torch.manual_seed(4)
        trainer = Trainer(Generator(grammar.alphabet, "gru", 16, 1, 0.6), 0.01, 0.8)
        losses = [trainer.step(batch, LossWeights.of(N, 1 / N, 0.01), threads) for _ in range(3)]
        found.append((losses, trainer.state()["trainer_weights"]))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_chunks_add_up_to_the_gradient_of_the_batch(trainer, batch):
    log_p, _ = batch.evaluate(trainer.generator, 0.8)
    weight = np.linspace(0, 1, N)
    whole = -(torch.from_numpy(np.float32(weight)) * log_p).sum()
    gradients = torch.autograd.grad(whole, list(trainer.generator.parameters()))
    norm = torch.cat([each.flatten() for each in gradients]).norm()
    loss = trainer.step(batch, LossWeights.of(N, weight))
    assert loss == pytest.approx(whole.item(), rel=1e-5)
    for parameter, gradient in zip(trainer.generator.parameters(), gradients, strict=True):
        np.testing.assert_allclose(parameter.grad, gradient / max(norm, 1.0), atol=1e-5)


@pytest.mark.parametrize(("genes", "layers"), [(1, 1), (1, 2), (3, 1), (2, 3)])
def test_the_compiled_gradient_equals_torchs(genes, layers):
    alphabet = Alphabet.build(["x", "y"], ["add", "div", "sin", "if_else"], numbers=[2.0])
    grammar = Grammar(alphabet, GeneShape(head=7, genes=genes), ("trigonometry", "constants"))
    torch.manual_seed(genes + layers)
    trainer, rng = Trainer(Generator(alphabet, "gru", 10, layers, 0.6), 0.01, 0.8), np.random.default_rng(1)
    drawn = sample(trainer.generator, grammar, N * genes, rng, PRIOR)
    batch = TeacherForcing.of(drawn.symbols.reshape(N, genes, -1), grammar, PRIOR)
    loss_weights = LossWeights(
        rng.random(N) / N, rng.random(N) / N, rng.standard_normal(N), rng.random(N) / N
    )
    with torch.no_grad():
        trainer.log_z += 1.5
    loss, expected = trainer._torch_gradients(batch, loss_weights, 1)
    found, gradients = trainer._compiled_gradients(batch, loss_weights, 2)
    assert found == pytest.approx(loss, rel=1e-5)
    for each, gradient in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(each, gradient, atol=3e-6 * float(gradient.abs().max()) + 1e-6)


def test_a_diverging_loss_restores_the_last_finite_weights(trainer, batch):
    trainer.step(batch, LossWeights.of(N, 1 / N))
    good = trainer.state()["trainer_weights"]
    assert np.isnan(trainer.step(batch, LossWeights.of(N, np.inf)))
    assert np.isfinite(trainer.state()["trainer_weights"]).all()
    with torch.no_grad():
        trainer.generator.bias[:] = float("nan")
    assert np.isnan(trainer.step(batch, LossWeights.of(N, 1 / N)))
    assert np.isfinite(trainer.state()["trainer_weights"]).all()
    assert np.abs(trainer.state()["trainer_weights"] - good).max() < 0.1
    assert np.isfinite(trainer.step(batch, LossWeights.of(N, 1 / N)))


def test_a_restored_trainer_continues_identically(grammar, trainer, batch):
    for _ in range(3):
        trainer.step(batch, LossWeights.of(N, 1 / N, 0.01))
    state = {name: np.array(value) for name, value in trainer.state().items()}
    torch.manual_seed(99)
    other = Trainer(Generator(grammar.alphabet, "gru", 16, 1, 0.6), 0.01, 0.8)
    other.restore(state)
    for _ in range(3):
        assert trainer.step(batch, LossWeights.of(N, 1 / N, 0.01)) == other.step(
            batch, LossWeights.of(N, 1 / N, 0.01)
        )
    np.testing.assert_array_equal(trainer.state()["trainer_weights"], other.state()["trainer_weights"])


def test_the_state_of_another_network_is_refused(grammar, trainer):
    other = Trainer(Generator(grammar.alphabet, "gru", 8, 1, 0.6), 0.01, 0.8)
    with pytest.raises(ValueError, match="weights for a network of"):
        other.restore(trainer.state())


@pytest.mark.parametrize("weigh", [risk_seeking, ranks, priority_queue])
def test_objective_weights_sum_to_one_decrease_and_ignore_the_scale_of_fitness(weigh):
    fitness = np.array([5.0, 3.0, 2.0, -1.0])
    weights = weigh(fitness)
    assert weights.sum() == pytest.approx(1.0)
    assert (np.diff(weights) <= 0).all()
    np.testing.assert_allclose(weigh(1e-3 * fitness + 7.0), weights)


def test_equal_fitness_yields_zero_weights():
    assert risk_seeking(np.full(3, 0.2)).tolist() == [0, 0, 0]


def test_log_rewards_are_clipped_between_zero_and_the_sharpness():
    targets = balance_targets(np.array([-9.0, 0.0, 0.5, 1.0, 2.0]), 0.0, 1.0, 10.0)
    assert targets.tolist() == [0.0, 0.0, 5.0, 10.0, 10.0]


def test_objectives_can_be_joined_by_plus():
    assert parse_objective("pg+pqt") == {"pg", "pqt"}
    with pytest.raises(RecipeError, match="unknown objective 'ppo'; known objectives: pg, rank, pqt, tb"):
        parse_objective("pg+ppo")


def population(grammar, genes):
    pop = Population.random(grammar.alphabet, grammar.shape, len(genes), np.random.default_rng(0))
    for p, gene in enumerate(genes):
        pop.symbols[p, 0, : len(gene)] = [grammar.alphabet.names().index(name) for name in gene]
    return pop


def test_duplicates_ignore_constants_and_the_order_of_commutative_arguments(grammar):
    genes = [["add", "x", "?"], ["y"], ["add", "?", "x"], ["add", "x", "?"], ["sin", "x"]]
    pop = population(grammar, genes)
    best, keys = distinct_best(pop, np.array([1.0, 5.0, 3.0, 2.0, np.nan]), 10)
    assert best.tolist() == [1, 2]
    assert len(keys) == 2


def test_the_queue_keeps_the_best_formulas_in_any_order_of_insertion(grammar):
    pop = population(grammar, [["x"], ["y"], ["sin", "x"], ["x"]])
    queue = Queue(Population.empty(grammar.alphabet, grammar.shape, 0), 2)
    queue.add(pop[:2], np.array([1.0, 2.0]))
    queue.add(pop[2:], np.array([1.5, 4.0]))
    assert queue.fitness.tolist() == [4.0, 2.0]
    assert [str(e) for e in queue.population.expressions()] == [str(e) for e in pop[[3, 1]].expressions()]
    empty = Queue(Population.empty(grammar.alphabet, grammar.shape, 0), 0)
    empty.add(pop, np.ones(4))
    assert len(empty) == 0
