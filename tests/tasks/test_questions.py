"""Tasks have defaults and a description, and invalid ones are refused."""

import re

import numpy as np
import pytest

from quarva.engine import Formula, Program
from quarva.errors import TaskError
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.panel import Panel, Table
from quarva.tasks import OBJECTIVES, Field, ForwardReturn, Task


def parse(texts):
    return [Formula.parse(text) for text in texts]


def test_a_target_field_is_not_available_to_formulas(walks):
    task = Task(walks, "other")
    assert task.fields == ("close",)
    assert "is used unchanged" in task.notes[0]
    for formulas in (
        [Formula.parse("rank(other)")],
        Program.from_expressions([Formula.parse("other").expression]),
    ):
        with pytest.raises(TaskError, match="field 'other' is a target"):
            task.score(formulas)
    with pytest.raises(TaskError, match="field 'other' is a target"):
        task.score(Population.random(Alphabet.build(walks.fields), GeneShape(3), 2, np.random.default_rng(0)))
    assert np.isfinite(task.score(parse(["close"])).train[0])


def test_the_description_of_a_task_is_complete(sample):
    task = Task(sample, "forward_return_5", "rank_ic", ("2008-01-01", "2009-01-01"), embargo=2, cost_bps=3)
    assert task.describe() == {
        "target": "forward_return_5",
        "objective": "rank_ic",
        "delay": 1,
        "split": {
            "train": ["2005-01-03", "2007-12-20"],
            "validation": ["2008-01-04", "2008-12-22"],
            "test": ["2009-01-06", "2009-12-31"],
        },
        "purged_days": 6,
        "embargo": 2,
        "parsimony": 1e-4,
        "cost_bps": 3.0,
        "periods_per_year": 252.0,
        "delisting_return": 0.0,
        "exposures": ["market"],
    }


def test_a_delay_of_zero_causes_a_note(walks):
    assert "delay 0" in Task(walks, ForwardReturn(1, delay=0)).notes[0]
    assert "delay 0" in Task(walks, "forward_return_1", delay=0).notes[0]
    assert Task(walks).notes == []


def test_objectives_have_defaults(walks, table):
    alone = Panel.from_arrays({"close": walks.field("close")[:, :1]}, walks.dates, ["A"])
    assert [Task(data).objective.name for data in (walks, alone, table)] == ["ic", "ts_corr", "r2"]
    assert Task(walks).target_names == ("forward_return_1",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "rank_ics"}, "unknown objective 'rank_ics'; did you mean 'rank_ic"),
        ({"objective": "r2"}, "'r2' is for a table; for a panel choose ic, rank_ic"),
        ({"target": "forward_return_70"}, "70 days|71 purged"),
        ({"target": "forward_return_99"}, "looks 100 days ahead; the panel has only 100"),
        ({"target": ForwardReturn(1, delay=2), "delay": 1}, "has delay 2, but the task has delay 1"),
        ({"target": []}, "no target given"),
        ({"delay": -1}, "cannot precede"),
        ({"cost_bps": -5}, "basis points, not -5"),
        ({"parsimony": -1}, "parsimony must be 0 or more"),
        ({"periods_per_year": 0}, "periods_per_year must be above 0, not 0"),
        ({"delisting_return": -1.5}, "delisting return must be at least -1 .a total loss., not -1.5"),
        ({"embargo": -1}, "embargo must be 0 or more"),
        ({"split": ("2030-01-01", "2031-01-01")}, "outside the panel; the panel runs from 2015-01-01"),
        ({"target": ["close", "other"]}, "no field besides the target close, other"),
    ],
)
def test_invalid_tasks_are_refused_in_one_line(walks, settings, message):
    with pytest.raises(TaskError, match=message) as error:
        Task(walks, **settings)
    assert "\n" not in str(error.value)


def test_objectives_that_compare_assets_refuse_a_single_one(walks):
    alone = Panel.from_arrays({"close": walks.field("close")[:, :1]}, walks.dates, ["SPX"])
    for objective in OBJECTIVES:
        if objective.min_assets > 1:
            message = f"'{objective.name}' needs at least {objective.min_assets} assets per day.*1 \\(SPX\\)"
            with pytest.raises(TaskError, match=message):
                Task(alone, objective=objective.name)
    assert np.isfinite(Task(alone, objective="timing_sharpe").score(parse(["delta(close, 1)"])).train[0])


def test_invalid_tasks_on_a_table_are_refused_in_one_line(table):
    with pytest.raises(TaskError, match="'ic' is for a panel; for a table choose r2, nrmse"):
        Task(table, objective="ic")
    with pytest.raises(TaskError, match="has its own target column"):
        Task(table, target="x")
    with pytest.raises(TaskError, match="ascending shares"):
        Task(table, split=("2015-01-01", "2016-01-01"))
    with pytest.raises(TaskError, match=re.escape("pass split=(0.6, 0.8)")):
        Task(table).read_test(Formula.parse("x"))
    with pytest.raises(TaskError, match="target is 1 in every row of the train part"):
        Task(Table.from_arrays({"x": np.arange(9.0)}, np.ones(9)))


def test_a_target_without_values_is_refused(walks):
    empty = walks.field("other").copy()
    empty[:70] = np.nan
    panel = Panel.from_arrays({"close": walks.field("close"), "y": empty}, walks.dates, walks.assets)
    with pytest.raises(TaskError, match="target y has no value in the train part"):
        Task(panel, Field("y"))
