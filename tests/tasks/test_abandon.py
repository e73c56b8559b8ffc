"""Early abandonment: who is dropped, and that whoever is not has the figures it would have had."""

import numpy as np
import pytest

from quarva.engine import Program
from quarva.karva import parse
from quarva.panel import Panel
from quarva.tasks import Abandonment, Task

GOOD = "x"
POOR = ["rank(noise)", "noise * x0", "ts_rank(noise, 5)", "delta(noise, 3)"]


@pytest.fixture(scope="module")
def task():
    """x tells tomorrow's return in part; noise tells nothing."""
    rng = np.random.default_rng(7)
    shape = (600, 40)
    x, noise, x0 = rng.normal(size=(3, *shape))
    daily = 0.01 * (0.2 * x + rng.normal(size=shape))
    close = 100 * np.exp(np.cumsum(np.roll(daily, 2, axis=0), axis=0))
    fields = {"close": close, "x": x, "noise": noise, "x0": x0}
    dates = np.datetime64("2010-01-01") + np.arange(600)
    return Task(Panel.from_arrays(fields, dates, [f"a{i}" for i in range(40)]), "forward_return_1", "ic")


@pytest.fixture(scope="module")
def program():
    return Program.from_expressions([parse(text) for text in [GOOD, *POOR]])


def test_what_can_not_reach_the_floor_is_dropped_and_the_rest_is_scored_whole(task, program):
    floors = np.full(len(program), 0.1)
    whole, some = task.score(program), task.score(program, floors=floors, abandonment=Abandonment())
    assert whole.train[0] > 0.15
    assert some.dropped.tolist() == [False, True, True, True, True]
    for part in ("fitness", "train", "validation", "sign"):
        assert getattr(some, part)[0] == getattr(whole, part)[0]
    assert np.isnan(some.validation[1:]).all()
    assert (some.fitness[1:] < 0.1).all()


def test_a_floor_of_minus_infinity_drops_nobody(task, program):
    whole = task.score(program)
    some = task.score(program, floors=np.full(len(program), -np.inf), abandonment=Abandonment())
    assert not some.dropped.any()
    np.testing.assert_array_equal(some.fitness, whole.fitness)


def test_the_mean_of_all_days_is_within_what_was_granted(task):
    """Two standard errors hold for about 95 formulas in a hundred, were their daily figures independent."""
    texts = [
        f"noise * {a} + x0 * {b} + rank(x0 - {b} * noise)" for a in (1, 2, 3, -1, -2) for b in range(1, 9)
    ]
    program = Program.from_expressions([parse(text) for text in texts])
    rule = Abandonment()
    most = task.score(program, floors=np.full(len(program), np.inf), abandonment=rule).fitness
    whole = task.score(program).fitness
    assert (whole <= most).mean() > 0.85


def test_objectives_without_daily_means_ignore_it(program):
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(0.01 * rng.normal(size=(400, 10)), axis=0))
    fields = {"close": close, **{name: rng.normal(size=(400, 10)) for name in ("x", "noise", "x0")}}
    panel = Panel.from_arrays(fields, np.datetime64("2010-01-01") + np.arange(400), list("abcdefghij"))
    task = Task(panel, "forward_return_1", "icir")
    scores = task.score(program, floors=np.full(len(program), np.inf), abandonment=Abandonment())
    assert scores.dropped is None
