"""Custom modules: dropout depends on the seed, and buffers are saved with the weights."""

import numpy as np
import pytest
import torch
from torch import nn

from quarva.networks import Fitted, Learner, sweep

from .conftest import FEATURES

QUICK = {"features": FEATURES, "length": 4, "epochs": 4, "rate": 3e-3, "batch": 256}


class Dropped(nn.Sequential):
    layout = "features"

    def __init__(self, features, length, outputs):
        sizes = features * length
        super().__init__(nn.Linear(sizes, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, outputs))


class DroppedRecurrent(nn.Module):
    layout = "sequence_first"

    def __init__(self, features, length, outputs):
        super().__init__()
        self.body, self.head = nn.GRU(features, 8, 2, dropout=0.3), nn.Linear(8, outputs)

    def forward(self, windows):
        return self.head(self.body(windows)[0][-1])


class Normalised(nn.Sequential):
    layout = "features"

    def __init__(self, features, length, outputs):
        sizes = features * length
        super().__init__(nn.Linear(sizes, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, outputs))


OWN = (Dropped, DroppedRecurrent, Normalised)


def weights(fitted):
    return fitted.stack.all_weights()


def assert_same(one, other):
    for name, each in weights(one).items():
        torch.testing.assert_close(weights(other)[name], each, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("network", OWN)
def test_a_network_depends_on_its_seed_not_on_earlier_random_numbers(task, network):
    torch.manual_seed(5)
    one = Learner(network, **QUICK).fit(task)
    drawn = torch.rand(2)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(2), drawn)  # the caller's own numbers went on as if nothing had been fitted
    other, third = (Learner(network, seed=seed, **QUICK).fit(task) for seed in (0, 1))
    np.testing.assert_array_equal(one.values(task.panel), other.values(task.panel))
    assert not np.array_equal(one.values(task.panel), third.values(task.panel), equal_nan=True)


@pytest.mark.parametrize("network", OWN)
def test_a_custom_module_learns_the_same_in_a_stack_and_alone(task, network):
    learner = Learner(network, members=2, **QUICK)
    found = sweep(learner, task, rate=[1e-3, 3e-3])
    whole = learner.fit(task)
    assert_same(found[1], whole)
    assert_same(Learner(network, members=2, together=1, **QUICK).fit(task), whole)
    assert whole.uncertainty > 0


@pytest.mark.parametrize("network", OWN)
def test_interrupted_training_of_a_custom_module_resumes_identically(task, network, tmp_path):
    path = tmp_path / "training.safetensors"
    Learner(network, **QUICK | {"epochs": 2}).fit(task, checkpoint=path)
    on = Learner(network, **QUICK).fit(task, checkpoint=path, resume=True)
    whole = Learner(network, **QUICK).fit(task)
    for name, each in weights(whole).items():
        torch.testing.assert_close(weights(on)[name], each, rtol=0, atol=0)


def test_normalisation_statistics_are_those_of_the_best_epoch(task, tmp_path):
    given = QUICK | {"rate": 0.1, "patience": 2, "epochs": 30}
    fitted = Learner(Normalised, **given).fit(task)
    best = int(fitted.history["stopping"].argmin()) + 1
    assert best < len(fitted.history)
    short = Learner(Normalised, **given | {"epochs": best}).fit(task)
    torch.testing.assert_close(weights(fitted)["1.running_mean"], weights(short)["1.running_mean"])
    fitted.save(tmp_path)
    again = Fitted.load(tmp_path, Normalised)
    np.testing.assert_array_equal(again.values(task.panel), fitted.values(task.panel))
