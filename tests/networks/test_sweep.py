"""A sweep gives the same results as its fits one by one."""

import numpy as np
import pytest
import torch

import quarva as qv
from quarva.errors import RecipeError, TaskError
from quarva.networks import Learner, sweep
from quarva.networks.training import training as training_module
from quarva.panel import Table
from quarva.tasks import Task

from .conftest import FEATURES

QUICK = {"features": FEATURES, "length": 4, "epochs": 6, "batch": 256, "patience": 2}
RATES, DECAYS = [1e-4, 3e-3, 3e-2], [0.0, 0.3]


def assert_alike(one, alone):
    for name, each in alone.stack.all_weights().items():
        torch.testing.assert_close(one.stack.all_weights()[name], each, rtol=1e-4, atol=1e-4)
    for name in ("train", "validation", "stopping", "metric", "calibration"):
        assert getattr(one, name) == pytest.approx(getattr(alone, name), rel=1e-4, abs=1e-4, nan_ok=True), (
            name
        )
    assert one.baselines == alone.baselines
    assert (one.ended, one.notes) == (alone.ended, alone.notes)
    assert one.history[["chunk", "epoch"]].equals(alone.history[["chunk", "epoch"]])
    np.testing.assert_allclose(one.history, alone.history, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("network", "members", "together", "loss"),
    [
        ("dense", 1, None, None),
        ("dense", 2, 5, None),  # two fits a program
        ("dense", 3, 2, None),  # less than a fit
        ("conv1d", 2, None, "ic"),
        ("gru", 1, None, None),
    ],
)
def test_each_fit_of_a_sweep_equals_the_fit_made_alone(task, network, members, together, loss):
    learner = Learner(network, members=members, together=together, loss=loss, **QUICK)
    found = sweep(learner, task, rate=RATES, decay=DECAYS)
    assert [tuple(each.values()) for each in found.tried] == [(r, d) for r in RATES for d in DECAYS]
    for settings, one in zip(found.tried, found, strict=True):
        assert len(one.stack) == members
        assert_alike(one, Learner(network, members=members, together=min(together or members, members),
                                  loss=loss, **QUICK, **settings).fit(task))  # fmt: skip
    assert len({len(one.history) for one in found}) > 1  # each ends by its own patience


def test_classes_are_calibrated_for_each_fit(market):
    asked = Task(market, "direction_1")
    found = sweep(Learner(**QUICK), asked, rate=[1e-3, 1e-2])
    for settings, one in zip(found.tried, found, strict=True):
        alone = Learner(**QUICK, **settings).fit(asked)
        assert one.encoding.temperature == pytest.approx(alone.encoding.temperature, rel=1e-3)
        assert_alike(one, alone)


def test_a_diverging_fit_does_not_stop_the_others(task):
    found = sweep(Learner(**QUICK), task, rate=[3e-3, 1e12])
    assert [one.ended == "diverged" for one in found] == [False, True]
    assert any("use a lower rate" in note for note in found[1].notes)
    assert found[0].notes == tuple(task.notes)
    for settings, one in zip(found.tried, found, strict=True):
        assert_alike(one, Learner(**QUICK, **settings).fit(task))
    assert found.best is found[0]


def test_settings_that_cannot_share_a_stack_can_be_swept(task):
    given = {name: value for name, value in QUICK.items() if name != "length"}
    found = qv.sweep(
        Learner(**given),
        task,
        settings=[{"width": 4}, {"width": 8}],
        length=[2, 3],
        rate=np.array([1e-3, 1e-2]),
    )
    assert len(found) == 8
    for settings, one in zip(found.tried, found, strict=True):
        assert_alike(one, Learner(**given, **settings).fit(task))
    assert {one.parameters for one in found} > {4 * 5 + 4 * 5 + 5}
    table = found.table()
    assert list(table.columns[:3]) == ["settings", "length", "rate"]
    assert table["stopping"].is_monotonic_increasing
    assert found[int(table.index[0])] is found.best
    assert found.best.stopping == min(one.stopping for one in found)
    assert str(found).splitlines()[1].split()[0] == str(table.index[0])


def test_many_fits_are_trained_in_few_stacks(task, monkeypatch):
    begun = []
    init = training_module.Training.__post_init__
    monkeypatch.setattr(
        training_module.Training, "__post_init__", lambda self: (begun.append(len(self.stack)), init(self))[1]
    )
    told = []
    learner = Learner(settings={"width": 4}, **QUICK | {"epochs": 1, "batch": 1024})
    found = sweep(learner, task, progress=told.append, rate=np.geomspace(1e-4, 1e-1, 60), decay=DECAYS)
    assert begun == [120]
    assert len(told) == 1
    assert len(found) == 120
    assert len({one.validation for one in found}) > 100


def test_a_sweep_accepts_a_table(task):
    x = np.linspace(-2, 2, 200)
    asked = Task(Table.from_arrays({"x": x}, np.sin(2 * x)))
    found = sweep(Learner(batch=16, epochs=20), asked, rate=[1e-5, 1e-2])
    assert found.best is found[1]
    assert found.best.train > 0.5 > found[0].train


def test_ctrl_c_keeps_the_fits_so_far(task):
    def stop(now):
        if now.number == 2:
            raise KeyboardInterrupt

    learner = Learner(together=1, **QUICK)
    found = sweep(learner, task, progress=stop, rate=[1e-3, 1e-2], seed=[0, 1])
    assert found.interrupted
    assert found.tried == ({"seed": 0, "rate": 1e-3},)
    assert found.best.ended == "interrupted"


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({}, RecipeError, "no setting to vary"),
        ({"rates": [1]}, RecipeError, "a sweep cannot vary 'rates'; did you mean 'rate'"),
        ({"loss": ["mse"]}, RecipeError, "a sweep cannot vary 'loss'.*the same for all"),
        (
            {"rate": 0.1},
            RecipeError,
            r"rate must be a list of values, such as \[0.1, …\], not a single value",
        ),
        ({"network": "gru"}, RecipeError, "network must be a list of values"),
        ({"rate": []}, RecipeError, "rate is an empty list"),
        ({"rate": [1e-3, -1.0]}, RecipeError, "rate must be above 0"),
        ({"network": ["dense", "gruu"]}, RecipeError, "unknown network 'gruu'"),
        ({"length": [3, 999]}, TaskError, "a window of 999 days does not fit"),
    ],
)
def test_settings_that_cannot_be_swept_are_refused_before_training(task, given, error, said):
    told = []
    with pytest.raises(error, match=said) as caught:
        sweep(Learner(features=FEATURES, epochs=1), task, progress=told.append, **given)
    assert told == []
    assert "\n" not in str(caught.value)
