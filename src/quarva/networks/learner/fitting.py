"""Fitting of one or several learners: preparation, training as one stack, and evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from quarva.errors import RecipeError
from quarva.networks.data.features import Feature
from quarva.networks.data.inputs import Inputs
from quarva.networks.data.samples import Samples
from quarva.networks.data.target_encoding import TargetEncoding, choose_encoding
from quarva.networks.data.training_data import TrainingData, training_data_of
from quarva.networks.data.windows import Windows
from quarva.networks.evaluation.evaluator import Evaluator
from quarva.networks.learner.fitted import Fitted
from quarva.networks.models.checking import check_layout, layout_of
from quarva.networks.models.models import make_network
from quarva.networks.models.stack import ACTIVATION_BUDGET, Stack
from quarva.networks.training.checkpoint import read_checkpoint, write_checkpoint
from quarva.networks.training.devices import (
    explain_memory_errors,
    find_device,
    fork_rng,
    machine_memory,
    torch_threads,
)
from quarva.networks.training.losses import LOSSES
from quarva.networks.training.progress import progress_reporter
from quarva.networks.training.trained import Trained
from quarva.networks.training.training import Epoch, TrainConfig, Training
from quarva.tasks import Task

if TYPE_CHECKING:
    from quarva.networks.learner.learner import Learner

__all__ = ["Plan", "Progress", "fit_together"]

_CPU = torch.device("cpu")  # networks are created on the CPU, whichever device trains them
_COPIES = 6  # of each weight: as created, stacked, its gradient, AdamW's two moments, the best so far

Progress = bool | Callable[[Epoch], object]


@dataclass(frozen=True, eq=False)
class Plan:
    """A learner prepared for a task, before anything is computed.

    Attributes
    ----------
    learner : Learner
        The learner.
    data : TrainingData
        The training data.
    encoding : TargetEncoding
        Encoding of the target.
    name : str
        Name of the network.
    features : tuple of str or callable
        The features.
    length : int
        Number of days of a window.
    batch : int
        Batch size.
    """

    learner: "Learner"
    data: TrainingData
    encoding: TargetEncoding
    name: str
    features: tuple[Feature, ...]
    length: int
    batch: int

    @classmethod
    def for_task(cls, learner: "Learner", task: Task) -> "Plan":
        """Prepare a learner for a task; raise TaskError or RecipeError as `Learner.fit` does."""
        data = training_data_of(task)
        encoding = choose_encoding(data, learner.loss)
        features, length = data.features(learner.features), data.length(learner.length)
        sizes = len(features), length, encoding.outputs
        with fork_rng(_CPU):
            name, network = make_network(learner.network, *sizes, learner.settings)
        data.check_network(name, layout_of(network))
        return cls(learner, data, encoding, name, features, length, data.batch(learner.batch))

    def stack(self, fits: int = 1) -> Stack:
        """Create the members with initial weights and check their layout.

        Raises RecipeError if the weights of `fits` times as many members exceed the memory.
        """

        sizes = len(self.features), self.length, self.encoding.outputs

        def make() -> nn.Module:
            return make_network(self.learner.network, *sizes, self.learner.settings)[1]

        with fork_rng(_CPU):
            first = make()
            check_layout(first, *sizes)
        _check_memory(self.name, first, self.learner.members, fits)
        seed = self.learner.seed
        return Stack.from_seeds(make, range(seed, seed + self.learner.members))

    def inputs(self) -> tuple[Inputs, Windows]:
        """Check the features and fit their scaling; see `Inputs.fit`."""
        learner = self.learner
        return Inputs.fit(self.data, self.features, self.length, learner.missing, learner.threads)

    def parts(self, windows: Windows) -> tuple[Samples, ...]:
        """Samples to learn from, for early stopping, and to evaluate on."""
        encoded = self.encoding.encode(self.data.target)
        learned, stopping = self.data.split_training(self.learner.holdout)
        parts = ("training", learned), ("stopping", stopping), self.data.evaluated_on
        return tuple(Samples.select(windows, encoded, cells, name) for name, cells in parts)

    def chunk_size(self, stack: Stack) -> int:
        """Number of members to train together, by default as many as the activations of a batch allow."""
        if self.learner.together is not None:
            return max(1, self.learner.together)
        return max(1, ACTIVATION_BUDGET // (self.batch * stack.activations(self.length, len(self.features))))


def fit_together(
    learners: Sequence["Learner"], task: Task, progress: Progress, checkpoint: Path | None, resume: bool
) -> list[Fitted]:
    """Fit learners that differ only in rate and decay as one stack.

    All see the same batches in the same order, so each fit equals the one that the learner would reach alone.
    Arguments and errors are those of `Learner.fit`. Learners whose training had not begun on Ctrl-C are left
    out.
    """
    first = learners[0]
    device = find_device(first.device)
    plan = Plan.for_task(first, task)
    with torch_threads(first.threads), explain_memory_errors():
        inputs, windows = plan.inputs()
        parts = plan.parts(windows)
        members = plan.stack(len(learners))
        chunks = _chunks(len(learners), len(members), plan.chunk_size(members))
        stack = members.repeat(len(learners))
        config = TrainConfig(
            first.epochs, plan.batch, [each.rate for each in learners for _ in range(len(members))],
            [each.decay for each in learners for _ in range(len(members))], first.patience,
            plan.encoding.whole_days, first.seed,
            device.type == "cuda" if first.mixed is None else first.mixed,
        )  # fmt: skip
        key = {"learners": [repr(replace(each, epochs=1, threads=1)) for each in learners],
               "task": task.describe(), "panel": task.panel.fingerprint(), "state": 2}  # fmt: skip
        learned, stopping, _ = parts
        trained = _train(
            stack, plan.encoding, config, learned.to(device), stopping.to(device), chunks, progress,
            checkpoint, key, resume=resume,
        )  # fmt: skip
        stack.to(_CPU)
        evaluator = Evaluator(plan.data, plan.encoding, inputs, parts)
        results = [_trained_members(range(f * len(members), (f + 1) * len(members)), stack, chunks, trained)
                   for f in range(len(learners))]  # fmt: skip
        return [evaluator.evaluate(plan.name, first.settings, each) for each in results if each is not None]


def _check_memory(name: str, network: nn.Module, members: int, fits: int) -> None:
    """Raise RecipeError if the members do not fit into the memory of this machine."""
    weights = sum(each.numel() for each in network.parameters())
    per_member, available = fits * weights * _COPIES * 4, machine_memory()
    if members * per_member > available:
        raise RecipeError(
            f"members = {members}: training this many networks ({name}, {weights:,} weights each) takes "
            f"{members * per_member / 2**30:,.0f} GiB, but this machine has {available / 2**30:,.0f}; "
            f"use {int(available // per_member):,} or fewer"
        )


def _chunks(fits: int, members: int, size: int) -> list[range]:
    """Members that are trained together: those of several whole fits, or some of one fit."""
    if size >= members:
        step = size // members * members
        return [range(k, min(k + step, fits * members)) for k in range(0, fits * members, step)]
    return [
        range(f * members + k, f * members + min(k + size, members))
        for f in range(fits)
        for k in range(0, members, size)
    ]


def _train(
    stack: Stack, encoding: TargetEncoding, config: TrainConfig, learned: Samples, stopping: Samples,
    chunks: list[range],
    progress: Progress, checkpoint: Path | None, key: dict[str, Any], *, resume: bool,
) -> list[Training]:  # fmt: skip
    """Train the networks chunk by chunk and copy their best weights to the stack."""
    states = read_checkpoint(checkpoint, key) if resume and checkpoint is not None else []
    trained: list[Training] = []
    with progress_reporter(progress, len(chunks)) as report:
        for k, members in enumerate(chunks):
            rate, decay = _subset(config.rate, members), _subset(config.decay, members)
            part = stack.subset(members).to(learned.indices.device)
            training = Training(part, LOSSES[encoding.loss], replace(config, rate=rate, decay=decay))
            if k < len(states):
                training.restore(states[k])
            trained.append(training)

            def on_epoch(epoch: Epoch, k: int = k) -> None:
                if checkpoint is not None:
                    write_checkpoint(checkpoint, [each.state() for each in trained], key)
                report(k, epoch)

            if training.run(learned, stopping, on_epoch) == "interrupted":
                break
    for members, training in zip(chunks, trained, strict=False):
        stack.assign(members, training.stack)
    return trained


def _subset(numbers: Any, members: range) -> list[float]:
    return list(numbers[members.start : members.stop])


def _trained_members(
    members: range, stack: Stack, chunks: list[range], trained: list[Training]
) -> Trained | None:
    """Result of the training of some members; None if it had not begun."""
    parts = []
    end = members.start
    for chunk, training in zip(chunks, trained, strict=False):
        first, last = max(chunk.start, members.start), min(chunk.stop, members.stop)
        if first < last:
            parts.append((training, slice(first - chunk.start, last - chunk.start)))
            end = last
    return Trained(stack.subset(range(members.start, end)), tuple(parts)) if parts else None
