"""Training that breaks down, by a NaN loss or for lack of memory, reports it and keeps the best weights."""

import re

import pytest
import torch

from quarva.errors import RecipeError, RunError
from quarva.networks import Fitted, Learner
from quarva.networks.training import training as training_module

from .conftest import QUICK, Own


class Breaking(Own):
    """Gives no number from the 21st batch of training on."""

    def __init__(self, *sizes, **settings):
        super().__init__(*sizes, **settings)
        self.seen = 0

    def forward(self, windows):
        self.seen += self.training
        return super().forward(windows) * (torch.nan if self.seen > 20 else 1.0)


def added_notes(fitted, task):
    """Notes of the fit beyond those of its task."""
    return tuple(note for note in fitted.notes if note not in task.notes)


def test_a_loss_that_is_not_finite_stops_training_and_keeps_the_best_weights(task):
    fitted = Learner(Breaking, **QUICK).fit(task)
    assert fitted.ended == "diverged"
    whole = len(fitted.history)  # epochs before it
    (note,) = added_notes(fitted, task)
    epoch = int(re.search(r"the loss became NaN or infinite in epoch (\d+), in batch \d+", note)[1])
    assert epoch == whole + 1
    assert "training kept the best weights before it; use a lower rate" in note
    want = Learner(Own, **QUICK | {"epochs": whole}).fit(task)
    for name, each in fitted.stack.all_weights().items():
        torch.testing.assert_close(each, want.stack.all_weights()[name], rtol=0, atol=0)
    first = Learner(**QUICK | {"rate": 1e30}).fit(task)
    assert "in epoch 1, in batch 2; training kept the initial weights" in str(first)


class Blind(Own):
    """Gives no number where nothing is learned."""

    def forward(self, windows):
        return super().forward(windows) * (1.0 if self.training or len(windows) < 8 else torch.nan)


def test_a_held_out_loss_that_is_not_finite_is_reported(task):
    fitted = Learner(Blind, **QUICK).fit(task)
    assert fitted.ended == "diverged"
    assert (
        "the loss became NaN or infinite in epoch 1, on the held-out samples" in added_notes(fitted, task)[0]
    )


def test_a_batch_that_exceeds_the_memory_is_halved_with_a_note(task, monkeypatch):
    want = Learner(**QUICK | {"epochs": 2}).fit(task)
    losses = training_module.Training._losses

    def small(self, windows, *given, **more):
        if more.get("training") and len(windows) > 70:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return losses(self, windows, *given, **more)

    monkeypatch.setattr(training_module.Training, "_losses", small)
    fitted = Learner(**QUICK | {"epochs": 2}).fit(task)
    assert added_notes(fitted, task) == (
        "not enough memory: batches were split into chunks of 128 windows",
        "not enough memory: batches were split into chunks of 64 windows",
    )
    for name, each in want.stack.all_weights().items():
        torch.testing.assert_close(fitted.stack.all_weights()[name], each, rtol=1e-3, atol=1e-4)


def test_evaluation_is_halved_too_and_one_window_too_large_is_refused(task, monkeypatch):
    losses = training_module.Training._losses

    def only(most):
        def small(self, windows, *given, **more):
            if len(windows) > most and not more.get("training"):
                raise torch.OutOfMemoryError("CUDA out of memory")
            return losses(self, windows, *given, **more)

        monkeypatch.setattr(training_module.Training, "_losses", small)
        return Learner(**QUICK | {"epochs": 1}).fit(task)

    want = Learner(**QUICK | {"epochs": 1}).fit(task)
    fitted = only(300)
    assert fitted.notes[-1] == "not enough memory: batches were split into chunks of 32 windows"
    assert fitted.stopping == pytest.approx(want.stopping, rel=1e-4)
    with pytest.raises(RunError, match="not enough memory for a single window or day; use a smaller"):
        only(0)


def test_running_out_of_memory_after_training_is_reported_in_one_line(task, monkeypatch):
    def full(self, windows):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Fitted, "moments", full)
    with pytest.raises(RunError, match="not enough memory for this fit; use a smaller network") as caught:
        Learner(**QUICK | {"epochs": 1}).fit(task)
    assert "\n" not in str(caught.value)


def test_more_members_than_fit_into_memory_are_refused(task):
    with pytest.raises(RecipeError, match=r"members = 1000000000: .* takes .* GiB, but this machine has"):
        Learner(**QUICK | {"members": 10**9}).fit(task)
