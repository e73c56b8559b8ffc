"""The page of a network or a trader: diagnostics of its signal, layers and learning curves."""

import dataclasses
import re

import numpy as np
import pytest

from quarva.networks import Learner
from quarva.report import build, render
from quarva.rl import Trader
from quarva.scenarios import simulate
from quarva.tasks import Task, attach_signals

FEATURES = ("pct_change(close, 1)", "(close - low) / (high - low)")


@pytest.fixture(scope="module")
def task():
    market = simulate(12, 300, seed=3, plant="-pct_change(close, 3)", ic=0.3)
    return Task(market, "forward_return_1", risk="none")


@pytest.fixture(scope="module")
def fitted(task):
    learner = Learner("conv1d", {"width": 4}, FEATURES, length=4, members=2, epochs=3)
    return learner.fit(task, progress=False)


@pytest.fixture(scope="module")
def policy(task):
    return Trader("dqn", FEATURES, length=4, episode_length=20, updates=30, batch=64).fit(task)


@pytest.mark.parametrize("name", ["fitted", "policy"])
def test_scores_and_diagnostics_of_a_model_are_those_of_its_signal(task, name, request):
    learned = request.getfixturevalue(name)
    page = build(task, learned)
    row = page.pool[0]
    assert row.size == learned.parameters
    assert page.model.kind == {"fitted": "network", "policy": "trader"}[name]
    for code, part in enumerate(("train", "validation")):
        assert getattr(row, part) == pytest.approx(getattr(learned, part), rel=1e-6)
        daily = page.information.ic[page.information.segments == code]
        assert np.nanmean(daily) == pytest.approx(getattr(row, part), abs=1e-6)
        assert page.decay.means[part][0] == pytest.approx(getattr(row, part), abs=1e-6)
    walked = task.strategy(page.model.sign * learned.values(task.panel)).run(task.panel)
    part = walked.part(task.earned_segments == 1)
    assert page.performance["validation"]["sharpe"] == pytest.approx(part.sharpe)


@pytest.mark.parametrize("name", ["fitted", "policy"])
def test_the_page_of_a_model_does_not_depend_on_the_sealed_test(task, name, request):
    learned = request.getfixturevalue(name)
    values = task.panel.values.copy()
    values[:, np.flatnonzero(task.segments == 2)[0] :] *= np.float32(3.0)
    other = Task(dataclasses.replace(task.panel, values=values), "forward_return_1", risk="none")
    assert render(build(other, learned)) == render(build(task, learned))


def test_the_page_of_a_network_shows_its_layers_and_training(task, fitted):
    page = build(task, fitted, run="mine")
    model = page.model
    assert sum(layer.parameters for layer in model.layers) == fitted.parameters
    assert [layer.name for layer in model.layers] == ["body.0", "body.2", "head.0", "head.2"]
    assert model.layers[0].shapes == "4 × 2 × 2, 4"
    np.testing.assert_allclose(model.training.curves["held out"], fitted.history["stopping"])
    assert page.question.fields == ("close", "high", "low")
    text = render(page)
    asked = "How well does a network of close, high and low rank 12 assets by their 1-day forward return?"
    assert asked in text
    for words in ("channels [B, F, S]", "conv1d, width 4", "2; the signal is their mean", FEATURES[1]):
        assert words in text
    assert "Which formula" not in text
    assert 'id="training"' in text


def test_baselines_that_are_not_beaten_come_first_on_the_page(task, fitted):
    beaten = dataclasses.replace(
        fitted, metric=2.0, baselines={"constant": 1.0, "linear": 1.5, "last value": 9}
    )
    text = render(build(task, beaten))
    said = "Not better than constant and linear in validation."
    assert text.index(said) < text.index(fitted.title) < text.index("The validation score")
    better = dataclasses.replace(fitted, metric=0.5, baselines={"constant": 1.0})
    assert "Not better" not in render(build(task, better))


def test_a_reading_of_the_sealed_test_is_shown(task, fitted):
    asked = Task(task.panel, "forward_return_1", risk="none")
    assert "not read" in render(build(asked, fitted))
    lent, (reader,) = attach_signals(asked, fitted.values(asked.panel)[None])
    lent.read_test(reader)
    assert "read once" in render(build(asked, fitted))


def test_a_trader_is_compared_with_buy_and_hold(task, policy):
    page = build(task, policy)
    assert set(page.model.baselines) == {"holding nothing", "holding all"}
    assert page.model.baselines["holding nothing"] == 0
    assert page.model.training.steps[-1] == 30
    text = render(page)
    assert "How well does a trader of" in text
    assert "−1, 0, 1" in text
    lost = dataclasses.replace(policy, metric=-0.1)
    assert "Not better than holding nothing" in render(build(task, lost))


def test_a_network_trained_for_one_epoch_has_a_page(task):
    page = build(task, Learner("dense", {"width": 2}, FEATURES, length=2, epochs=1).fit(task, progress=False))
    assert len(page.model.training.steps) == 1
    assert not re.search(r"\bnan\b", render(page))
