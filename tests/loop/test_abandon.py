"""A search that gives up hopeless formulas early."""

import numpy as np
import pytest

from quarva.panel import Panel
from quarva.runs import search
from quarva.tasks import Task


@pytest.fixture(scope="module")
def task():
    """x tells most of tomorrow's return: the living soon know it, and who does not is hopeless."""
    rng = np.random.default_rng(3)
    shape = (500, 60)
    x = rng.normal(size=shape)
    close = 100 * np.exp(np.cumsum(0.01 * (2 * np.roll(x, 2, axis=0) + rng.normal(size=shape)), axis=0))
    dates = np.datetime64("2010-01-01") + np.arange(500)
    panel = Panel.from_arrays({"close": close, "x": x}, dates, [f"a{i}" for i in range(60)])
    return Task(panel, "forward_return_1", "ic")


def run(task, **more):
    return search(task, "gep", budget=4000, seed=1, progress=False, settings={"population": 100}, **more)


def test_what_was_given_up_is_counted_among_the_evaluations_and_never_found(task):
    found = run(task, abandon=1 / 3)
    assert found.evaluations == 4000
    assert 200 < found.abandoned < 4000
    assert found.best.train == pytest.approx(task.score(found.best.formula).train[0])
    assert run(task).abandoned == 0


def test_giving_up_does_not_depend_on_the_threads(task):
    one, two = run(task, abandon=0.4, threads=1), run(task, abandon=0.4, threads=2)
    assert one.abandoned == two.abandoned
    assert [str(each.formula) for each in one.pool] == [str(each.formula) for each in two.pool]


def test_a_search_goes_on_with_the_same_rule(task, tmp_path):
    whole = run(task, abandon=0.4, out=tmp_path / "whole")
    half = tmp_path / "half"
    settings = {"population": 100}
    search(task, "gep", budget=2000, seed=1, progress=False, settings=settings, abandon=0.4, out=half)
    more = run(task, abandon=0.4, out=half, resume=True)
    assert more.abandoned == whole.abandoned
    assert str(more.best.formula) == str(whole.best.formula)
