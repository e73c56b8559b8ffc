"""Whose proposals pay proposes more, and nobody falls silent."""

import numpy as np
import pytest

from quarva.searchers.blend.bandit import Bandit


def play(shares, pays, batches=400, size=100):
    """So many batches, of which an arm's formulas better the board with a chance of its own."""
    rng, level, key = np.random.default_rng(0), 0.0, 1
    for _ in range(batches):
        arm = shares.next()
        fitness = np.where(rng.random(size) < pays[arm], level + rng.random(size), np.nan)
        level += 0.01
        shares.paid(arm, np.arange(key, key + size, dtype=np.uint64), fitness)
        key += size
    return shares.spent / shares.spent.sum()


def test_while_nothing_pays_all_propose_alike():
    assert play(Bandit((0.1, 0.1), 10), (0.0, 0.0)) == pytest.approx([0.5, 0.5], abs=0.02)


@pytest.mark.parametrize("arm", [0, 1])
def test_the_arm_that_pays_proposes_more_and_the_other_its_least(arm):
    pays = np.where(np.arange(2) == arm, 0.2, 0.0)
    spent = play(Bandit((0.1, 0.1), 50), pays)
    assert spent[arm] > 0.8
    assert spent[1 - arm] >= 0.08


def test_a_formula_pays_once_within_a_batch_and_over_batches():
    shares = Bandit((0.0, 0.0), 10)
    shares.paid(1, np.array([7, 7, 7], np.uint64), np.array([1.0, 1.0, 1.0]))
    twin = Bandit((0.0, 0.0), 10)
    twin.paid(1, np.array([7, 8, 9], np.uint64), np.array([1.0, np.nan, np.nan]))
    assert shares.shares().tolist() == twin.shares().tolist()
    before = shares.shares()[0]
    shares.paid(0, np.array([7], np.uint64), np.array([1.0]))
    again = shares.shares()[0]
    shares.paid(0, np.array([8, 9], np.uint64), np.array([2.0, np.nan]))
    assert again < before
    assert shares.shares()[0] > again


def test_shares_go_on_from_their_state():
    whole, half = Bandit((0.1, 0.1, 0.1), 20), Bandit((0.1, 0.1, 0.1), 20)
    play(whole, (0.1, 0.2, 0.0), 50)
    half.restore({name: np.copy(part) for name, part in whole.state().items()})
    assert np.array_equal(play(whole, (0.3, 0.1, 0.0), 50), play(half, (0.3, 0.1, 0.0), 50))
