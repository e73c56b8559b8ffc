"""Networks on a table are fitted and scored on the same rows as formulas."""

import numpy as np
import pytest
import torch
from torch import nn

from quarva.errors import TaskError
from quarva.networks import Fitted, Learner
from quarva.panel import Table
from quarva.tasks import Task

QUICK = {"epochs": 40, "batch": 64, "rate": 1e-2}


def table_of(rows=500, noise=0.05):
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, (rows, 2))
    y = np.sin(2 * x[:, 0]) * x[:, 1] + rng.normal(0, noise, rows)
    return Table.from_arrays({"a": x[:, 0], "b": x[:, 1]}, y)


@pytest.fixture(scope="module")
def table():
    return table_of()


@pytest.mark.parametrize(("objective", "split"), [("r2", None), ("r2", (0.6, 0.8)), ("nrmse", (0.6, 0.8))])
def test_scores_of_a_network_equal_those_of_a_formula_with_the_same_values(table, objective, split):
    task = Task(table, objective=objective, split=split)
    fitted = Learner(**QUICK).fit(task)
    predicted = fitted.predict(table)
    assert predicted.shape == (500,)
    laid = fitted.values(table.panel)
    parts = np.isfinite(task.targets)
    for part, got in zip(parts, (fitted.train, fitted.validation)):
        error, y = (laid[part] - table.target[part]).astype(np.float64), table.target[part].astype(np.float64)
        r2 = 1 - np.mean(error**2) / y.var()
        assert got == pytest.approx(r2 if objective == "r2" else np.sqrt(1 - r2), abs=1e-5)
    assert fitted.train > 0.9 if objective == "r2" else fitted.train < 0.32
    assert set(fitted.baselines) == {"constant", "linear"}
    assert fitted.beaten_by == ()
    assert fitted.evaluated_on == ("validation" if split else "training")
    assert np.isnan(fitted.validation) == (split is None)
    assert ("in validation" in str(fitted)) == (split is not None)
    judged = table.target[parts[-1]].astype(np.float64)
    # A fifth of the training rows stops the training, and no baseline is fitted on it.
    rows = np.random.default_rng(0).permutation(np.flatnonzero(parts[0]))
    learned = table.target.reshape(-1)[rows[round(0.2 * len(rows)) :]].astype(np.float64)
    assert fitted.baselines["constant"] == pytest.approx(np.mean((judged - learned.mean()) ** 2), rel=1e-5)


@pytest.mark.parametrize("far", ["a", "target"])
def test_a_large_offset_of_a_column_does_not_change_the_fit(far):
    table = table_of()
    columns = {name: table.panel.field(name).reshape(-1).astype(float) for name in ("a", "b")}
    y = table.target.reshape(-1).astype(float)
    if far == "a":
        columns["a"] = columns["a"] + 1.7e9
    else:
        y = y + 1.7e9
    shifted = Table.from_arrays(columns, y)
    assert shifted.panel.precision == "float64"
    fitted = Learner(**QUICK).fit(Task(shifted, split=(0.6, 0.8)))
    assert fitted.validation > 0.9
    assert fitted.predict(shifted).std() == pytest.approx(y.std(), rel=0.1)
    assert fitted.baselines["linear"] == pytest.approx(fitted.baselines["constant"], rel=0.1)


def test_rows_outside_training_do_not_change_the_network(table):
    task = Task(table, split=(0.6, 0.8))
    rows = ~np.isfinite(task.targets[0])
    values = table.panel.values.copy()
    values[:, rows] *= 3
    y = np.where(rows, -table.target, table.target)
    flat = [each.reshape(-1)[: table.rows] for each in (*values, y)]
    other = Table.from_arrays({"a": flat[0], "b": flat[1]}, flat[2])
    one, two = (Learner(**QUICK | {"epochs": 3}).fit(each) for each in (task, Task(other, split=(0.6, 0.8))))
    for name, each in one.stack.all_weights().items():
        torch.testing.assert_close(each, two.stack.all_weights()[name], rtol=0, atol=0)
    np.testing.assert_array_equal(one.inputs.mean, two.inputs.mean)


def test_early_stopping_uses_rows_that_are_not_trained_on(table):
    from quarva.networks.data.training_data import TableData

    rows = TableData(Task(table, split=(0.6, 0.8)))
    learned, stopping = rows.split_training(0.2)
    assert stopping.sum() == 60
    assert not (learned & stopping).any()
    np.testing.assert_array_equal(learned | stopping, rows.training)
    assert not (rows.evaluated_on[1] & rows.training).any()
    whole, validation = rows.split_training(0)
    np.testing.assert_array_equal(whole, rows.training)
    np.testing.assert_array_equal(validation, rows.evaluated_on[1])


def test_a_loaded_network_predicts_other_rows(table, tmp_path):
    fitted = Learner(members=2, features=["a", "sin(2 * a) * b"], **QUICK).fit(Task(table))
    assert fitted.title == "2 × dense, 2 features"
    fitted.save(tmp_path)
    again, other = Fitted.load(tmp_path), table_of(2_000)
    np.testing.assert_array_equal(again.predict(other), fitted.predict(other))
    assert str(again) == str(fitted)
    y = other.target.reshape(-1)[: other.rows]
    assert np.mean((again.predict(other) - y) ** 2) < 0.1 * y.var()


def test_missing_values_are_reported_or_filled(table):
    a, b = (table.panel.field(name).reshape(-1)[: table.rows] for name in "ab")
    y = table.target.reshape(-1)[: table.rows]
    holes = Table.from_arrays({"a": a, "b": np.where(np.arange(500) % 50 == 0, np.nan, b)}, y)
    # Rows without a value are asked of nobody, formulas or networks; no features there, no prediction.
    fitted = Learner(**QUICK | {"epochs": 2}).fit(Task(holes))
    assert np.isfinite(fitted.train)
    np.testing.assert_array_equal(np.isnan(fitted.predict(holes)), np.isnan(holes.panel.field("b"))[0])
    with pytest.raises(TaskError, match=r"the feature 'log\(a\)' has no value in 2\d\d of 500 rows"):
        Learner(features=["b", "log(a)"], **QUICK).fit(Task(table))
    filled = Learner(features=["b", "log(a)"], missing="mean", **QUICK | {"epochs": 2}).fit(Task(table))
    assert np.isfinite(filled.train)


def test_classes_are_learned_and_scored_as_formulas_are(table):
    a, b = (table.panel.field(name).reshape(-1)[: table.rows] for name in "ab")
    task = Task(Table.from_arrays({"a": a, "b": b}, (a * b > 0).astype(float)), split=(0.6, 0.8))
    fitted = Learner(loss="cross_entropy", **QUICK).fit(task)
    assert fitted.encoding.classes.tolist() == [0, 1]
    assert fitted.validation > 0.7
    assert fitted.metric < fitted.baselines["linear"]


class Own(nn.Module):
    layout = "features"

    def __init__(self, features, length, outputs):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(features, 32), nn.Tanh(), nn.Linear(32, outputs))

    def forward(self, rows):
        return self.body(rows)


def test_a_custom_module_with_the_features_layout_can_be_trained(table):
    assert Learner(Own, **QUICK).fit(Task(table)).train > 0.5
    sequence = type("Sequence", (Own,), {"layout": "batch_first"})
    with pytest.raises(
        TaskError, match=r"Sequence reads a sequence of days in the layout 'batch_first' \[B, S, F\]"
    ):
        Learner(sequence).fit(Task(table))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"features": [lambda panel: panel.field("a")]},
            "is a function; a table needs formulas of its columns",
        ),
        ({"features": ["rank(a)"]}, r"the feature 'rank\(a\)' reads other rows \(rank\)"),
        ({"length": 2}, "leave it out"),
        ({"holdout": 0.0}, "holdout=0 uses the validation part for early stopping, but the table has none"),
        ({"holdout": 0.001}, "the stopping part has 0 rows with a target"),
        ({"loss": "rank_ic"}, "the loss rank_ic compares the assets of a day, but a table has no assets"),
    ],
)
def test_impossible_requests_are_refused_in_one_line(table, given, said):
    with pytest.raises(TaskError, match=said) as caught:
        Learner(**QUICK | given).fit(Task(table))
    assert "\n" not in str(caught.value)


def test_the_default_batch_gives_a_small_table_enough_steps():
    x = np.random.default_rng(0).uniform(-2, 2, 300)
    rows = Task(Table.from_arrays({"x": x}, np.sin(2 * x)), split=(0.6, 0.8))
    usual, whole = (Learner("dense", rate=1e-2, batch=batch).fit(rows) for batch in (None, 1_024))
    assert usual.validation > 0.95
    assert usual.validation > whole.validation
