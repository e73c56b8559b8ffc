"""The bandit allocates more evaluations to successful arms, and a minimum share to all."""

import numpy as np
import pytest

from quarva.searchers.blend.bandit import Bandit


def play(bandit, success, batches=400, size=100):
    """Simulate batches; each formula of an arm enters the elite with the arm's probability."""
    rng, level, key = np.random.default_rng(0), 0.0, 1
    for _ in range(batches):
        arm = bandit.next_arm()
        fitness = np.where(rng.random(size) < success[arm], level + rng.random(size), np.nan)
        level += 0.01
        bandit.credit(arm, np.arange(key, key + size, dtype=np.uint64), fitness)
        key += size
    return bandit.spent / bandit.spent.sum()


def test_arms_without_success_have_equal_shares():
    assert play(Bandit((0.1, 0.1), 10), (0.0, 0.0)) == pytest.approx([0.5, 0.5], abs=0.02)


@pytest.mark.parametrize("arm", [0, 1])
def test_the_successful_arm_gets_most_and_the_other_its_minimum(arm):
    success = np.where(np.arange(2) == arm, 0.2, 0.0)
    spent = play(Bandit((0.1, 0.1), 50), success)
    assert spent[arm] > 0.8
    assert spent[1 - arm] >= 0.08


def test_a_formula_earns_credit_once_within_a_batch_and_across_batches():
    bandit = Bandit((0.0, 0.0), 10)
    bandit.credit(1, np.array([7, 7, 7], np.uint64), np.array([1.0, 1.0, 1.0]))
    twin = Bandit((0.0, 0.0), 10)
    twin.credit(1, np.array([7, 8, 9], np.uint64), np.array([1.0, np.nan, np.nan]))
    assert bandit.allocation().tolist() == twin.allocation().tolist()
    before = bandit.allocation()[0]
    bandit.credit(0, np.array([7], np.uint64), np.array([1.0]))
    again = bandit.allocation()[0]
    bandit.credit(0, np.array([8, 9], np.uint64), np.array([2.0, np.nan]))
    assert again < before
    assert bandit.allocation()[0] > again


def test_a_restored_bandit_continues_identically():
    whole, half = Bandit((0.1, 0.1, 0.1), 20), Bandit((0.1, 0.1, 0.1), 20)
    play(whole, (0.1, 0.2, 0.0), 50)
    half.restore({name: np.copy(part) for name, part in whole.state().items()})
    assert np.array_equal(play(whole, (0.3, 0.1, 0.0), 50), play(half, (0.3, 0.1, 0.0), 50))
