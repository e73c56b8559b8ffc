"""External signals score like the formulas that produced them."""

import numpy as np
import pytest

from quarva.engine import Program, signals
from quarva.errors import TaskError
from quarva.karva import parse
from quarva.tasks import Task, attach_signals

TEXTS = ("delta(close, 5)", "-(close / mean(close, 20))", "ts_rank(close, 40)")


@pytest.mark.parametrize("objective", ["ic", "rank_ic", "icir", "ts_corr", "sharpe", "timing_sharpe"])
def test_external_signals_score_like_the_formulas_that_produced_them(sample, objective):
    task = Task(sample, "forward_return_5", objective)
    expressions = [parse(text) for text in TEXTS]
    values = signals(Program.from_expressions(expressions), sample)
    lent, readers = attach_signals(task, values, lookback=40)
    want, got = task.score(expressions), lent.score(readers)
    for part in ("train", "validation", "sign"):
        np.testing.assert_allclose(getattr(got, part), getattr(want, part), rtol=1e-6)
    assert lent.read_test(readers[0]) == pytest.approx(task.read_test(expressions[0]), rel=1e-6)


def test_days_within_the_lookback_of_a_signal_do_not_count_as_missing(sample):
    task = Task(sample, "forward_return_5")
    late = np.full((1, *sample.shape), np.nan, np.float32)
    days = int((task.segments == 0).sum()) // 3
    late[0, days:] = sample.field("close")[days:]
    assert np.isnan(attach_signals(task, late)[0].score(parse("signal_0")).train[0])
    assert np.isfinite(attach_signals(task, late, lookback=days)[0].score(parse("signal_0")).train[0])


def test_an_infinite_signal_counts_as_missing(sample):
    task = Task(sample, "forward_return_5")
    value = sample.field("close").copy()[None]
    value[0, ::7, 3] = np.inf
    hole = np.where(np.isinf(value), np.nan, value)
    one, other = (attach_signals(task, given)[0].score(parse("signal_0")) for given in (value, hole))
    assert one.train == other.train


def test_signals_of_the_wrong_shape_are_refused(sample):
    task = Task(sample, "forward_return_5")
    with pytest.raises(TaskError, match=r"signals must have shape \[P, \d+, 20\].*, not \[3, 20\]"):
        attach_signals(task, np.zeros((3, 20)))
    with pytest.raises(TaskError, match="lookback of a signal must be 0 or more days, not -1"):
        attach_signals(task, np.zeros((1, *sample.shape)), -1)


@pytest.mark.parametrize("objective", ["r2", "nrmse"])
def test_predictions_for_a_table_score_like_the_formulas_that_produced_them(table, objective):
    task = Task(table, objective=objective, split=(0.5, 0.8))
    expressions = [parse(f"{name} + 1") for name in table.columns]
    values = signals(Program.from_expressions(expressions), table.panel)
    lent, readers = attach_signals(task, values)
    want, got = task.score(expressions), lent.score(readers)
    for part in ("fitness", "train", "validation"):
        np.testing.assert_allclose(getattr(got, part), getattr(want, part), rtol=1e-6)
    assert lent.read_test(readers[0]) == pytest.approx(task.read_test(expressions[0]), rel=1e-6)
    values[0, 0, 0] = np.nan
    assert np.isnan(attach_signals(task, values)[0].score(parse("signal_0")).train[0])
