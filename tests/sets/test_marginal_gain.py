"""The reward by marginal gain: what it measures, and that searches with it are reproducible."""

import numpy as np
import pytest

import quarva as qv
from quarva.errors import RecipeError
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.notation import expression_of
from quarva.loop.memory import Memory
from quarva.loop.probe_panel import probe_panel_of
from quarva.loop.searcher import SearchContext
from quarva.scenarios import plant, simulate
from quarva.searchers import GEP
from quarva.sets.marginal_gain import MarginalGain

FIRST, SECOND = "-pct_change(close, 5)", "ts_zscore(volume, 20)"


@pytest.fixture(scope="module")
def task() -> qv.Task:
    panel = plant(simulate(60, 500, seed=3), [FIRST, SECOND], 0.06).panel
    return qv.Task(panel, "forward_return_1")


@pytest.fixture(scope="module")
def reward(task) -> MarginalGain:
    """A reward whose set consists of the first of two planted formulas."""
    reward = MarginalGain(task, context_of(task), [expression_of(FIRST)], size=10)
    reward.update((), 0)
    return reward


def context_of(task: qv.Task) -> SearchContext:
    alphabet = Alphabet.build(task.fields, ("pct_change", "ts_zscore", "neg", "mean"), (5, 10, 20))
    return SearchContext(
        alphabet, GeneShape(head=3), Memory(), budget=1, seed=0, threads=2,
        probe_panel=probe_panel_of(task, alphabet),
    )  # fmt: skip


def population_of(reward: MarginalGain, *genes: tuple[str, ...]) -> Population:
    alphabet = reward._template.alphabet
    names = list(alphabet.names())
    out = Population.empty(alphabet, GeneShape(head=3), len(genes))
    filler = names.index("close")
    out.symbols[:] = filler
    for k, gene in enumerate(genes):
        out.symbols[k, 0, : len(gene)] = [names.index(symbol) for symbol in gene]
    return out


def test_a_member_earns_nothing_and_another_effect_earns_its_own_score(task, reward):
    asked = population_of(
        reward, ("pct_change_5", "close"), ("ts_zscore_20", "volume"), ("pct_change_10", "close")
    )
    own, rewards = reward.score(asked)
    plain = task.score(asked, validation=False)
    np.testing.assert_array_equal(own.fitness, plain.fitness)
    np.testing.assert_array_equal(own.sign, plain.sign)
    assert own.train[0] > 0.03
    assert rewards[0] < 0.3 * own.train[0]
    assert rewards[1] == pytest.approx(own.train[1], rel=0.1)
    assert rewards[2] < 0.5 * own.train[2]


def test_rewards_equal_an_independent_computation(task, reward):
    """Mean daily correlation of the signal with the standardised target minus the signal of the set."""
    asked = population_of(reward, ("ts_zscore_20", "volume"))
    rewards = reward.score(asked)[1]
    signal = qv.Formula.parse(SECOND, panel=task.panel).signal(task.panel).to_numpy()
    own = reward._set.signal(task.panel).to_numpy()
    daily = []
    for day in np.flatnonzero(task.segments == 0):
        y = task.targets[0][day].astype(float)
        if not np.isfinite(y).any():
            continue
        there = np.isfinite(y)
        if not np.isfinite(signal[day]).any():
            continue
        left = (y - np.nanmean(y)) / np.nanstd(y) - np.nan_to_num(own[day])
        filled = np.where(np.isfinite(signal[day]), signal[day], np.nanmean(signal[day]))
        daily.append(np.corrcoef(left[there], filled[there])[0, 1])
    assert rewards[0] == pytest.approx(abs(np.mean(daily)) - 2 * task.parsimony, rel=1e-5)


def test_a_reward_is_restored(task, reward):
    asked = population_of(reward, ("ts_zscore_20", "volume"), ("ts_zscore_5", "close"))
    rewards = reward.score(asked)[1]
    other = MarginalGain(task, context_of(task), (), size=10)
    other.restore({name: np.asarray(value) for name, value in reward.state().items()})
    assert other.formulas == reward.formulas
    np.testing.assert_array_equal(other.score(asked)[1], rewards)
    assert not other.is_due(2_499)
    assert other.is_due(2_500)


@pytest.mark.parametrize(
    ("searcher", "settings"),
    [("gep", {"population": 60}), ("random", {}), ("blend", {"alone": 600}), ("policy", {"batch": 200})],
)
def test_a_resumed_search_ends_like_an_uninterrupted_one(task, tmp_path, searcher, settings):
    def found(budget, threads, **given):
        return qv.search(
            task, searcher, budget, seed=4, threads=threads, settings=settings, progress=False,
            functions=("pct_change", "ts_zscore", "neg", "mean", "div", "rank"), head=6, start="none",
            **given,
        )  # fmt: skip

    whole = found(6_000, 2)
    for budget in (2_000, 3_100):
        found(budget, 1, checkpoint=tmp_path / "c.npz", resume=budget > 2_000)
    resumed = found(6_000, 1, checkpoint=tmp_path / "c.npz", resume=True)
    assert [each.formula.text for each in resumed] == [each.formula.text for each in whole]
    np.testing.assert_array_equal(resumed.set.weights, whole.set.weights)
    assert resumed.set.expected == whole.set.expected
    assert whole.evaluations == resumed.evaluations


def test_a_search_with_another_reward_cannot_be_resumed(task, tmp_path):
    given = {"progress": False, "checkpoint": tmp_path / "c.npz"}
    qv.search(task, "random", 300, reward="own", **given)
    with pytest.raises(qv.errors.RunError, match="its reward was own and is now gain"):
        qv.search(task, "random", 300, resume=True, **given)


def test_rescoring_replaces_the_fitness_of_the_islands(task):
    told = {}

    class Watched(GEP):
        def rescore(self, score):
            before = self._fitness.copy()
            super().rescore(score)
            told["changed"] = (before != self._fitness).any()
            told["best"] = self._best.copy(), self._fitness.reshape(self.islands, -1).max(axis=1)

    qv.search(task, Watched(population=60), 3_000, progress=False)
    assert told["changed"]
    np.testing.assert_array_equal(*told["best"])


def test_a_search_stops_when_the_expected_figure_no_longer_rises():
    """On noise, nothing is gained after the first set."""
    task = qv.Task(simulate(40, 400, seed=9), "forward_return_1")
    found = qv.search(task, "random", 200_000, progress=False)
    assert found.stopped == "converged"
    assert found.evaluations < 50_000
    own = qv.search(task, "random", found.evaluations + 5_000, reward="own", progress=False)
    assert own.stopped == "budget"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"reward": "both"}, "unknown reward 'both'; choose gain or own"),
        ({"reward": "gain", "set_size": 0}, "cannot be the gain, because set_size = 0"),
    ],
)
def test_a_reward_that_cannot_be_computed_is_refused(task, given, message):
    with pytest.raises(RecipeError, match=message):
        qv.search(task, "random", 100, progress=False, **given)


def test_a_task_without_a_set_has_no_gain(task):
    alone = qv.Task(task.panel, "forward_return_1", "sharpe")
    with pytest.raises(RecipeError, match="cannot be the gain, because there is no set"):
        qv.search(alone, "random", 100, reward="gain", progress=False)
    assert qv.search(alone, "random", 100, progress=False).stopped == "budget"
