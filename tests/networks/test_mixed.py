"""Layers in bfloat16 learn as in float32; weights and losses remain in float32."""

import numpy as np
import pytest
import torch
from torch import nn

from quarva.networks import NETWORKS, Learner, sweep
from quarva.tasks import Task

from .conftest import FEATURES

QUICK = {"features": FEATURES, "length": 4, "epochs": 3, "rate": 3e-3, "batch": 512}
PLAIN = {name for name in NETWORKS if name not in ("gru", "lstm")}


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_bfloat16_and_float32_learn_nearly_the_same(task, network):
    seen = {}

    class Watched(nn.Module):
        def __init__(self, *sizes):
            super().__init__()
            self.inner = NETWORKS[network](*sizes)
            self.layout = self.inner.layout

        def forward(self, windows):
            out = self.inner(windows)
            seen[self.training] = out.dtype
            return out

    single, mixed = (Learner(Watched, mixed=each, **QUICK).fit(task) for each in (False, True))
    assert seen[True] == (torch.bfloat16 if network in PLAIN else torch.float32)
    assert {each.dtype for each in mixed.stack.all_weights().values()} == {torch.float32}
    assert mixed.values(task.panel).dtype == np.float32
    np.testing.assert_allclose(
        mixed.history[["train", "stopping"]], single.history[["train", "stopping"]], rtol=0.02
    )
    assert mixed.validation == pytest.approx(single.validation, abs=0.03)
    same = all(
        torch.equal(each, single.stack.all_weights()[name])
        for name, each in mixed.stack.all_weights().items()
    )
    assert same == (network not in PLAIN)
    assert any("recurrent layers compute in float32" in note for note in mixed.notes) == same


@pytest.mark.parametrize("loss", ["ic", "rank_ic", "huber", "cross_entropy"])
def test_each_loss_is_computed_in_float32(task, market, loss):
    asked = Task(market, "direction_1") if loss == "cross_entropy" else task
    single, mixed = (Learner(loss=loss, mixed=each, **QUICK).fit(asked) for each in (False, True))
    np.testing.assert_allclose(mixed.history["train"], single.history["train"], rtol=0.03)
    assert mixed.validation == pytest.approx(single.validation, abs=0.03)


def test_members_trained_together_equal_each_alone(task):
    found = sweep(Learner(mixed=True, members=2, **QUICK), task, rate=[1e-3, 1e-2])
    for settings, one in zip(found.tried, found, strict=True):
        alone = Learner(mixed=True, members=2, **QUICK | settings).fit(task)
        np.testing.assert_allclose(one.history, alone.history, rtol=2e-3, atol=1e-3)


def test_mixed_training_stops_early_and_resumes_identically(task, tmp_path):
    given = QUICK | {"mixed": True, "epochs": 30, "rate": 3e-2, "patience": 2}
    whole = Learner(**given).fit(task)
    assert whole.ended == "patience"
    assert len(whole.history) < 30
    path = tmp_path / "training.safetensors"
    Learner(**given | {"epochs": 2}).fit(task, checkpoint=path)
    on = Learner(**given).fit(task, checkpoint=path, resume=True)
    for name, each in whole.stack.all_weights().items():
        torch.testing.assert_close(on.stack.all_weights()[name], each, rtol=0, atol=0)


def test_a_loss_that_is_not_finite_is_reported(task):
    fitted = Learner(mixed=True, **QUICK | {"rate": 1e30}).fit(task)
    assert fitted.ended == "diverged"
    assert any("became NaN or infinite in epoch" in note for note in fitted.notes)
    assert all(torch.isfinite(each).all() for each in fitted.stack.all_weights().values())
