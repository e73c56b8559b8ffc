"""The policy as a searcher: it learns, skips uninformative batches, and can be resumed."""

import os
import warnings

import numpy as np
import pytest

from quarva.errors import FormulaError, RecipeError
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.loop import Memory, SearchContext
from quarva.panel import Table
from quarva.searchers import Policy
from quarva.tasks import Task

SMALL = {"batch": 100, "width": 16, "queue": 5}


def search_context(functions=("add", "mul", "sin"), *, genes=1, constants=False, threads=1, seed=0, head=6):
    alphabet = Alphabet.build(["x"], functions, constants=constants)
    return SearchContext(alphabet, GeneShape(head=head, genes=genes), Memory(), 10_000, seed, threads)


def started(settings=SMALL, **given):
    policy = Policy(**settings)
    policy.begin(search_context(**given))
    return policy


def sines(population):
    """Return a fitness that rewards sines."""
    return np.array([str(tree).count("sin") for tree in population.expressions()], float)


@pytest.mark.parametrize("objective", ["pg", "rank", "pqt", "tb", "pg+pqt", "rank+pqt+tb"])
@pytest.mark.parametrize("body", ["gru", "transformer"])
def test_rewarded_formulas_become_more_frequent(objective, body):
    policy = started(SMALL | {"objective": objective, "body": body, "learning_rate": 0.01, "rules": ""})
    means = []
    for _ in range(25):
        asked = policy.ask(1)
        fitness = sines(asked)
        means.append(fitness.mean())
        policy.tell(asked, fitness)
    assert np.mean(means[-5:]) > 1.5 * means[0]


def test_learning_outperforms_an_untrained_network(find):
    x = np.linspace(-1, 1, 20)
    task = Task(Table.from_arrays({"x": x}, x**4 + x**3 + x**2 + x), parsimony=0.0)
    given = {
        "functions": ["add", "sub", "mul", "div", "sin", "cos", "exp", "log"],
        "constants": False,
        "head": 12,
    }
    better = 0
    for seed in range(3):
        trained = find(task, "policy", 6000, seed=seed, **given)
        untrained = find(
            task, "policy", 6000, seed=seed, settings={"learning_rate": 0.0, "patience": 0}, **given
        )
        is_better = trained.best.fitness > untrained.best.fitness
        better += is_better or trained.evaluations < untrained.evaluations
    assert better == 3


def test_chromosomes_of_several_genes_are_learned():
    policy = started(SMALL | {"learning_rate": 0.01, "rules": ""}, genes=3)
    means = []
    for _ in range(25):
        asked = policy.ask(1)
        assert asked.symbols.shape[1] == 3
        assert not asked.invalid().any()
        fitness = sines(asked)
        means.append(fitness.mean())
        policy.tell(asked, fitness)
    assert np.mean(means[-5:]) > 1.5 * means[0]


@pytest.mark.parametrize("kind", ["panel", "table"])
@pytest.mark.parametrize("first", [1, 250, 777])
def test_a_resumed_run_ends_like_an_uninterrupted_one(
    find, figures, panel_task, table_task, tmp_path, kind, first
):
    task = panel_task if kind == "panel" else table_task
    settings = SMALL | {"patience": 4, "objective": "pg+pqt+tb"}
    whole = find(task, "policy", 1500, seed=2, settings=settings)
    find(task, "policy", first, seed=2, settings=settings, checkpoint=tmp_path / "c.npz")
    resumed = find(
        task, "policy", 1500, seed=2, settings=settings, checkpoint=tmp_path / "c.npz", resume=True
    )
    assert figures(resumed) == figures(whole)


def test_findings_do_not_depend_on_the_threads(find, figures, panel_task):
    settings = {"batch": 700, "width": 16}
    one, two = (find(panel_task, "policy", 2000, seed=1, threads=n, settings=settings) for n in (1, 2))
    assert figures(one) == figures(two)


def test_seeds_differ_and_torchs_random_state_is_preserved():
    import torch

    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    asked = [started(seed=seed).ask(1).symbols for seed in (0, 0, 1)]
    assert torch.equal(torch.rand(1), expected)
    np.testing.assert_array_equal(asked[0], asked[1])
    assert not np.array_equal(asked[0], asked[2])


@pytest.mark.parametrize("score", [np.nan, 0.25])
def test_uninformative_scores_are_skipped_with_one_warning(score):
    policy = started(SMALL | {"patience": 0})
    before = policy.state()["trainer_weights"]
    asked = policy.ask(1)
    with pytest.warns(RuntimeWarning, match="learns nothing"):
        policy.tell(asked, np.full(len(asked), score))
    np.testing.assert_array_equal(policy.state()["trainer_weights"], before)
    asked = policy.ask(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        policy.tell(asked, np.full(len(asked), score))
        asked = policy.ask(1)
        policy.tell(asked, sines(asked))
    assert not np.array_equal(policy.state()["trainer_weights"], before)


def test_the_network_restarts_without_improvement():
    policy = started(SMALL | {"patience": 3})
    for _ in range(8):
        asked = policy.ask(1)
        policy.tell(asked, np.minimum(sines(asked), 1.0))
    assert policy.metrics()["starts"] == 2


def test_taught_formulas_become_more_likely_unless_they_break_the_rules():
    policy = started(SMALL | {"objective": "pqt", "learning_rate": 0.01})
    names = policy._context.alphabet.names()
    taught = Population.random(policy._context.alphabet, policy._context.shape, 2, np.random.default_rng(0))
    for p, gene in enumerate([["mul", "mul", "x", "x", "x"], ["sin", "sin", "x"]]):
        taught.symbols[p, 0, : len(gene)] = [names.index(name) for name in gene]
    cube = taught.keys()[0]
    first = np.mean(policy.ask(1).keys() == cube)
    for _ in range(25):
        policy.teach(taught, np.array([1.0, 2.0]))
        asked = policy.ask(1)
        policy.tell(asked, np.linspace(0, 0.5, len(asked)))
    assert policy._queue.fitness[0] == 1.0
    assert np.mean(policy.ask(1).keys() == cube) > first + 0.05


def test_formulas_can_have_constants(find):
    x = np.linspace(0, 1, 20)
    policy = started(constants=True)
    asked = policy.ask(1)
    assert "?" in asked.alphabet.names()
    assert len(np.unique(asked.constants)) > 100
    task = Task(Table.from_arrays({"x": x}, 3 * x + 0.5))
    assert find(task, "policy", 300, settings=SMALL, constants=True).evaluations == 300


def test_an_observer_receives_the_metrics(find, table_task):
    heard = []
    find(table_task, "policy", 400, settings=SMALL, progress=heard.append)
    figures = heard[-1].metrics
    assert set(figures) == {"score", "entropy", "distinct", "invalid", "starts", "loss"}
    assert figures["invalid"] == 0.0
    assert 0 < figures["distinct"] <= 1
    assert figures["entropy"] > 0
    find(table_task, "random", 400, progress=heard.append)
    assert heard[-1].metrics is None


def test_a_log_for_tensorboard_is_written(find, table_task, tmp_path):
    pytest.importorskip("tensorboard")
    find(table_task, "policy", 300, settings=SMALL | {"log": str(tmp_path / "log")})
    assert any(name.startswith("events") for name in os.listdir(tmp_path / "log"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"objective": "ppo"}, "unknown objective 'ppo'"),
        ({"body": "lstm"}, "body must be 'gru' or 'transformer'"),
        ({"width": 15}, "width must be even"),
        ({"elite": 1.5}, "elite must be at most 1"),
        ({"batch": 0}, "batch must be at least 10"),
        ({"length": 0}, "length must be at least 1"),
        ({"learning_rate": float("nan")}, "learning_rate must be at least"),
    ],
)
def test_an_invalid_setting_is_refused(setting, message):
    with pytest.raises(RecipeError, match=message):
        Policy(**setting)


def test_an_invalid_grammar_or_shape_is_refused_before_the_search():
    with pytest.raises(FormulaError, match="the alphabet has only one symbol"):
        started(functions=())
    with pytest.raises(FormulaError, match="unknown rule"):
        started({"rules": "grammar"})
    with pytest.raises(FormulaError, match="1 to 150 positions, not 10000"):
        started(head=10_000)
