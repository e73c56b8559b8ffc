"""What is foretold of formulas, against what they score."""

import numpy as np
import pytest
from scipy import stats

from quarva.karva import GeneShape, Population
from quarva.karva.alphabet import Alphabet
from quarva.loop.probe_panel import probe_panel_of
from quarva.scenarios import simulate
from quarva.searchers.surrogate import Surrogate
from quarva.tasks import Task

SHAPE = GeneShape(head=5)


@pytest.fixture(scope="module")
def market():
    return simulate(100, 400, seed=6, plant="rank(delta(close, 5)) - rank(volume)", ic=0.2)


def setting(market, objective, bold=0.0):
    """Foresight that knows nothing, and 600 scored formulas, each once."""
    task = Task(market, target="forward_return_1", objective=objective, parsimony=0.0)
    alphabet = Alphabet.build(market.fields, ["sub", "mul", "rank", "delta", "mean"], (5, 10))
    many = Population.random(alphabet, SHAPE, 3000, np.random.default_rng(1))
    many = many[np.unique(many.keys(), return_index=True)[1]]
    many = many[np.random.default_rng(2).permutation(len(many))[:600]]
    return Surrogate(probe_panel_of(task, alphabet), 1, bold), many, task.score(many, 1).fitness


@pytest.mark.parametrize(("objective", "least"), [("ic", 0.8), ("rank_ic", 0.8), ("sharpe", 0.6)])
def test_a_hundred_scores_tell_what_others_will_score(market, objective, least):
    foresight, many, fitness = setting(market, objective)
    foresight.note(many[:100], fitness[:100])
    scored = np.flatnonzero(np.isfinite(fitness[100:])) + 100
    told = foresight.promise(many[scored])
    assert stats.spearmanr(told, fitness[scored]).statistic > least
    # What promises most is worth more than the best of as many taken by lot.
    few = scored[np.argsort(-told)[:10]]
    assert fitness[few].mean() > np.sort(fitness[scored])[-len(scored) // 4]


def test_a_formula_and_its_negative_promise_the_same_where_they_are_one_finding(market):
    foresight, many, fitness = setting(market, "ic")
    foresight.note(many[:100], fitness[:100])
    assert foresight.promise(many[:100]).min() >= 0


def test_what_is_unlike_all_known_promises_by_its_error(market):
    cautious, many, fitness = setting(market, "ic")
    bold, _, _ = setting(market, "ic", bold=2.0)
    for each in (cautious, bold):
        each.note(many[:100], fitness[:100])
    gap = bold.promise(many) - cautious.promise(many)
    assert (gap >= 0).all()
    assert gap[100:].mean() > 1.5 * gap[:100].mean()  # of what is known there is little error


@pytest.mark.parametrize("told", [np.nan, 0.0, 0.03])
def test_scores_that_are_all_missing_or_equal_foretell_nothing(market, told):
    foresight, many, _ = setting(market, "ic")
    assert (foresight.promise(many[:50]) == 0).all()
    foresight.note(many[:50], np.full(50, told))
    assert (foresight.promise(many[:50]) == 0).all()


def test_no_score_counts_as_none_and_infinite_scores_do_no_harm(market):
    foresight, many, fitness = setting(market, "ic")
    spoilt = fitness[:100].copy()
    spoilt[::7], spoilt[1::7] = np.nan, np.inf
    foresight.note(many[:100], spoilt)
    assert np.isfinite(foresight.promise(many)).all()


def test_the_best_and_others_by_lot_are_remembered_each_once(market):
    foresight, many, fitness = setting(market, "ic")
    for at in range(0, 600, 50):
        foresight.note(many[at : at + 50], fitness[at : at + 50])
        foresight.note(many[at : at + 50], fitness[at : at + 50])
    kept = foresight.state()
    assert len(np.unique(kept["keys"])) == len(kept["keys"]) <= 400
    best = np.nan_to_num(np.unique(np.nan_to_num(fitness)))[-100:]
    assert np.isin(best, kept["fitness"]).all()
    assert (kept["fitness"] < np.nanmedian(fitness)).sum() > 50


def test_a_state_taken_up_foretells_the_same(market):
    foresight, many, fitness = setting(market, "ic")
    foresight.note(many[:200], fitness[:200])
    again, _, _ = setting(market, "ic")
    again.restore(foresight.state())
    assert (again.promise(many) == foresight.promise(many)).all()


def test_of_each_place_the_most_promising_is_chosen(market):
    foresight, many, fitness = setting(market, "ic", bold=0.5)
    foresight.note(many[:100], fitness[:100])
    litters = [many[100:200], many[200:300], many[300:400]]
    chosen = foresight.choose(litters)
    promises = np.stack([foresight.promise(each) for each in litters])
    best = promises.argmax(axis=0)
    for place in range(100):
        assert chosen.keys()[place] == litters[best[place]].keys()[place]
    assert foresight.choose(litters[:1]) is litters[0]
