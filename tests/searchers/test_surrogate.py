"""The surrogate: predicted and actual scores of formulas."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from quarva.karva import GeneShape, Population
from quarva.karva.alphabet import Alphabet
from quarva.loop.probe_panel import probe_panel_of
from quarva.scenarios import simulate
from quarva.searchers.surrogate import Surrogate
from quarva.tasks import Task
from quarva.tasks.risk import RiskModel

SHAPE = GeneShape(head=5)


@pytest.fixture(scope="module")
def market():
    return simulate(100, 400, seed=6, plant="rank(delta(close, 5)) - rank(volume)", ic=0.2)


def setting(market, objective, kappa=0.0):
    """Return an untrained surrogate, and 600 distinct formulas with their fitness."""
    risk = "none" if objective == "sharpe" else replace(RiskModel.default(market), normal_scores=False)
    task = Task(market, target="forward_return_1", objective=objective, parsimony=0.0, risk=risk)
    alphabet = Alphabet.build(market.fields, ["sub", "mul", "rank", "delta", "mean"], (5, 10))
    formulas = Population.random(alphabet, SHAPE, 3000, np.random.default_rng(1))
    formulas = formulas[np.unique(formulas.keys(), return_index=True)[1]]
    formulas = formulas[np.random.default_rng(2).permutation(len(formulas))[:600]]
    return Surrogate(probe_panel_of(task, alphabet), 1, kappa), formulas, task.score(formulas, 1).fitness


@pytest.mark.parametrize(("objective", "least"), [("ic", 0.8), ("rank_ic", 0.78), ("sharpe", 0.6)])
def test_a_hundred_scores_suffice_to_predict_others(market, objective, least):
    surrogate, formulas, fitness = setting(market, objective)
    surrogate.update(formulas[:100], fitness[:100])
    scored = np.flatnonzero(np.isfinite(fitness[100:])) + 100
    predicted = surrogate.acquisition(formulas[scored])
    assert stats.spearmanr(predicted, fitness[scored]).statistic > least
    # The formulas with the highest acquisition beat the upper quartile.
    few = scored[np.argsort(-predicted)[:10]]
    assert fitness[few].mean() > np.sort(fitness[scored])[-len(scored) // 4]


def test_the_acquisition_is_not_negative_if_the_sign_is_free(market):
    surrogate, formulas, fitness = setting(market, "ic")
    surrogate.update(formulas[:100], fitness[:100])
    assert surrogate.acquisition(formulas[:100]).min() >= 0


def test_kappa_favours_formulas_unlike_the_training_set(market):
    mean_only, formulas, fitness = setting(market, "ic")
    optimistic, _, _ = setting(market, "ic", kappa=2.0)
    for each in (mean_only, optimistic):
        each.update(formulas[:100], fitness[:100])
    gap = optimistic.acquisition(formulas) - mean_only.acquisition(formulas)
    assert (gap >= 0).all()
    assert gap[100:].mean() > 1.5 * gap[:100].mean()  # the error is small on the training set


@pytest.mark.parametrize("score", [np.nan, 0.0, 0.03])
def test_missing_or_equal_scores_predict_nothing(market, score):
    surrogate, formulas, _ = setting(market, "ic")
    assert (surrogate.acquisition(formulas[:50]) == 0).all()
    surrogate.update(formulas[:50], np.full(50, score))
    assert (surrogate.acquisition(formulas[:50]) == 0).all()


def test_nan_and_infinite_scores_are_tolerated(market):
    surrogate, formulas, fitness = setting(market, "ic")
    scores = fitness[:100].copy()
    scores[::7], scores[1::7] = np.nan, np.inf
    surrogate.update(formulas[:100], scores)
    assert np.isfinite(surrogate.acquisition(formulas)).all()


def test_the_training_set_holds_the_best_and_random_others_without_duplicates(market):
    surrogate, formulas, fitness = setting(market, "ic")
    for at in (0, 0, 150, 150, 300, 450, 450):  # some are scored twice
        surrogate.update(formulas[at : at + 150], fitness[at : at + 150])
    kept = surrogate.state()
    assert len(np.unique(kept["keys"])) == len(kept["keys"]) <= 400
    best = np.nan_to_num(np.unique(np.nan_to_num(fitness)))[-100:]
    assert np.isin(best, kept["fitness"]).all()
    assert (kept["fitness"] < np.nanmedian(fitness)).sum() > 50


def test_a_restored_surrogate_predicts_identically(market):
    surrogate, formulas, fitness = setting(market, "ic")
    surrogate.update(formulas[:200], fitness[:200])
    again, _, _ = setting(market, "ic")
    again.restore(surrogate.state())
    assert (again.acquisition(formulas) == surrogate.acquisition(formulas)).all()


def test_the_candidate_with_the_highest_acquisition_is_chosen_at_each_index(market):
    surrogate, formulas, fitness = setting(market, "ic", kappa=0.5)
    surrogate.update(formulas[:100], fitness[:100])
    candidates = [formulas[100:200], formulas[200:300], formulas[300:400]]
    chosen = surrogate.choose(candidates)
    acquisitions = np.stack([surrogate.acquisition(each) for each in candidates])
    best = acquisitions.argmax(axis=0)
    for i in range(100):
        assert chosen.keys()[i] == candidates[best[i]].keys()[i]
    assert surrogate.choose(candidates[:1]) is candidates[0]
