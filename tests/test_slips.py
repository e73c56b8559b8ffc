"""Common slips in calls either work or are refused in one line."""

import numpy as np
import pandas as pd
import pytest

import quarva as qv
from quarva.scenarios import simulate
from quarva.searchers.random_search import RandomSearch

QUIET = {"progress": False}


@pytest.fixture(scope="module")
def market():
    return simulate(8, 120, seed=0)


@pytest.fixture(scope="module")
def task(market):
    return qv.Task(market, "forward_return_2")


def test_a_formula_can_be_created_from_text_an_expression_or_a_formula(market):
    made = qv.Formula("rank(close)")
    assert made == qv.Formula(qv.parse("rank(close)")) == qv.Formula(made) == qv.Formula.parse("rank(close)")
    assert repr(made) == "Formula('rank(close)')"
    assert made.signal(market).shape == (120, 8)


def test_text_is_accepted_wherever_a_formula_is(task, market):
    formula = qv.Formula("rank(close)")
    for given in ("rank(close)", formula.expression, formula, ["rank(close)"], [formula]):
        np.testing.assert_array_equal(task.score(given).train, task.score([formula]).train)
    assert task.read_test("rank(close)") == task.read_test(formula)
    np.testing.assert_array_equal(task.horizons("rank(close)"), task.horizons(formula))
    traded = qv.Strategy(formula).run(market)
    for strategy in (
        qv.Strategy("rank(close)"),
        qv.Strategy(formula.expression),
        task.strategy("rank(close)"),
    ):
        np.testing.assert_array_equal(strategy.run(market).gross, traded.gross)
    assert qv.render("rank(close)", "karva") == qv.render(formula, "karva") == "rank close"
    assert qv.Stream(formula, market).formulas == qv.Stream("rank(close)", market).formulas == (formula,)
    planted = simulate(8, 120, plant="-delta(close, 5)", ic=0.1)
    assert (
        simulate(8, 120, plant=qv.Formula("-delta(close, 5)"), ic=0.1).fingerprint() == planted.fingerprint()
    )


def test_a_whole_number_may_be_a_float_or_a_numpy_number(task):
    found = qv.search(task, "random", budget=1e2, seed=1.0, windows=5, threads=np.int64(1), **QUIET)
    assert (found.budget, found.evaluations, found.seed) == (100, 100, 1)
    same = qv.search(task, "random", budget=100, seed=1, windows=[5], threads=1, **QUIET)
    assert [str(each.formula) for each in found] == [str(each.formula) for each in same]
    compared = qv.compare(task, ["random"], budget=2e1, seeds=2.0, **QUIET)
    assert (compared.budget, compared.seeds) == (20, (0, 1))
    assert qv.Learner(epochs=1e1).epochs == 10
    assert qv.ForwardReturn(5.0, np.int64(1)) == qv.ForwardReturn(5)
    assert qv.ForwardReturn(5.0).name == "forward_return_5"
    assert qv.Task(task.panel, "forward_return_2", delay=1.0, embargo=2.0).describe()["embargo"] == 2
    assert qv.Strategy("close", delay=2.0).delay == 2


FRAME = pd.DataFrame({"a": [1.0, 2, 3], "y": [1.0, 3, 2]})


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (
            lambda t, p: qv.Task(FRAME),
            r"a task needs a Panel or a Table, not a DataFrame; .*Panel.read.* or Table.read",
        ),
        (lambda t, p: qv.Task("bars.csv"), "a task needs a Panel or a Table, not a str"),
        (lambda t, p: qv.Task(p, 5), "a target must be a name such as forward_return_5"),
        (lambda t, p: qv.Task(p, qv.ForwardReturn), "a target must be a name such as forward_return_5"),
        (lambda t, p: qv.Task(p, objective=5), "unknown objective '5'"),
        (lambda t, p: qv.Task(p, embargo=1.5), "the embargo must be a whole number, not 1.5"),
        (lambda t, p: qv.ForwardReturn(2.5), "horizon of a forward return must be a whole number, not 2.5"),
        (lambda t, p: qv.search(p), "search takes a Task, not a Panel"),
        (lambda t, p: qv.compare(p, ["gep"]), "compare takes a Task, not a Panel"),
        (lambda t, p: qv.distil(None, p), "distil takes a Task, not a Panel"),
        (lambda t, p: qv.Learner().fit(p), "fit takes a Task, not a Panel"),
        (lambda t, p: qv.search(t, budget=1.5), "budget must be a whole number, not 1.5"),
        (lambda t, p: qv.search(t, budget="100"), "budget must be a whole number, not '100'"),
        (lambda t, p: qv.search(t, budget=None), "budget must be a whole number, not None"),
        (lambda t, p: qv.search(t, budget=True), "budget must be a whole number, not True"),
        (lambda t, p: qv.search(t, budget=float("inf")), "budget must be a whole number, not inf"),
        (lambda t, p: qv.search(t, seed=-1), "seed must be 0 or more, not -1"),
        (lambda t, p: qv.search(t, seconds="5"), "seconds must be a number of 0 or more, not '5'"),
        (lambda t, p: qv.search(t, seconds=float("nan")), "seconds must be a number of 0 or more, not nan"),
        (lambda t, p: qv.search(t, memory_mb=-1), "memory_mb must be a number of 0 or more, not -1"),
        (
            lambda t, p: qv.search(t, 5),
            r"a searcher must be one of gep, .* or a Searcher object, not 5",
        ),
        (lambda t, p: qv.search(t, RandomSearch), "a searcher must be one of gep"),
        (
            lambda t, p: qv.Panel.from_arrays(
                {"close": np.ones((2, 1)) * 1j}, ["2024-01-02", "2024-01-03"], ["A"]
            ),
            "field 'close' must contain only numbers and NaN",
        ),
        (lambda t, p: qv.compare(t, ["gep"], seeds=1.5), "seeds must be a whole number, not 1.5"),
        (lambda t, p: qv.Learner(epochs=1.5), "epochs must be a whole number, not 1.5"),
        (lambda t, p: qv.Formula(None), "a formula is text such as 'rank\\(close\\)', .* not a NoneType"),
        (lambda t, p: qv.Formula(FRAME), "not a DataFrame"),
        (lambda t, p: qv.Formula("rnk(close)"), "did you mean 'rank'"),
        (lambda t, p: qv.Formula("close").signal(FRAME), "signal takes a Panel, not a DataFrame"),
        (lambda t, p: qv.parse(qv.Formula("close")), "written as text, .* not as a Formula"),
        (lambda t, p: t.score("rank(clse)"), "did you mean 'close'"),
        (lambda t, p: t.score(None), "not a NoneType"),
        (lambda t, p: qv.Strategy(None), "a strategy needs a formula .* not a NoneType"),
        (lambda t, p: qv.Strategy("rnk(close)"), "did you mean 'rank'"),
        (lambda t, p: qv.Strategy("close", "long_short"), r"a rule such as LongShort\(0.2\), not a str"),
        (lambda t, p: qv.Strategy("close", delay=1.5), "the delay must be a whole number"),
        (lambda t, p: qv.Strategy("close").run(FRAME), "a strategy takes a Panel, not a DataFrame"),
        (lambda t, p: qv.Stream([None], p), "not a NoneType"),
        (lambda t, p: qv.Stream("close", FRAME), "a stream takes a Panel, not a DataFrame"),
        (lambda t, p: simulate(8.5, 100), "assets must be a whole number, not 8.5"),
        (lambda t, p: p.field(None), "no field None"),
    ],
)
def test_a_slip_is_refused_in_one_line(task, market, slip, said):
    with pytest.raises(qv.QuarvaError, match=said) as caught:
        slip(task, market)
    assert "\n" not in str(caught.value)
