"""Fitting: learners that can share a program, trained on a task and held against its yardstick."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from quarva.errors import RecipeError
from quarva.networks.data.inputs import Inputs
from quarva.networks.data.samples import Samples
from quarva.networks.data.target_encoding import TargetEncoding, frame
from quarva.networks.data.training_data import TrainingData, training_data_of
from quarva.networks.data.windows import Windows
from quarva.networks.evaluation.evaluator import Evaluator
from quarva.networks.learner.fitted import Fitted
from quarva.networks.models.checking import check_layout, layout_of
from quarva.networks.models.models import make_network
from quarva.networks.models.stack import ROOM, Stack
from quarva.networks.training.checkpoint import read_checkpoint, write_checkpoint
from quarva.networks.training.devices import (
    device_named,
    enough_memory,
    forked,
    machine_memory,
    torch_threads,
)
from quarva.networks.training.losses import LOSSES
from quarva.networks.training.progress import bar
from quarva.networks.training.trained import Trained
from quarva.networks.training.training import Epoch, TrainConfig, Training
from quarva.tasks import Task

if TYPE_CHECKING:
    from quarva.networks.learner.learner import Learner

__all__ = ["Plan", "Seen", "fit_together"]

_CPU = torch.device("cpu")  # networks are made there, whatever trains them
_COPIES = 6  # float32 of each weight: as made, stacked, its gradient, AdamW's two moments, the best so far

Seen = bool | Callable[[Epoch], object]


@dataclass(frozen=True, eq=False)
class Plan:
    """A learner held against a task, before anything is computed.

    Attributes:
        name: of the network. features: how many it is shown. length: days of a window.
        batch: windows of a step.
    """

    learner: "Learner"
    material: TrainingData
    framing: TargetEncoding
    name: str
    features: int
    length: int
    batch: int

    @classmethod
    def of(cls, learner: "Learner", task: Task) -> "Plan":
        """Raises TaskError, RecipeError: a task or a network that can not be, see `Learner.fit`."""
        material = training_data_of(task)
        framing = frame(material, learner.loss)
        features, length = len(material.features(learner.features)), material.length(learner.length)
        with forked(_CPU):
            name, network = make_network(learner.network, features, length, framing.outputs, learner.settings)
        material.check_network(name, layout_of(network))
        return cls(learner, material, framing, name, features, length, material.batch(learner.batch))

    def stack(self, fits: int = 1) -> Stack:
        """The members with their first weights, once one of them has read its layout.

        Raises RecipeError where the weights of `fits` times so many members do not fit into memory.
        """

        def make() -> nn.Module:
            sizes = self.features, self.length, self.framing.outputs
            return make_network(self.learner.network, *sizes, self.learner.settings)[1]

        with forked(_CPU):
            first = make()
            check_layout(first, self.features, self.length, self.framing.outputs)
        _check_memory(self.name, first, self.learner.members, fits)
        seed = self.learner.seed
        return Stack.of(make, range(seed, seed + self.learner.members))

    def parts(self, windows: Windows) -> tuple[Samples, ...]:
        """Windows to learn from, to stop by and to be judged on."""
        encoded = self.framing.encode(self.material.target)
        learned, stopping = self.material.stretches(self.learner.holdout)
        parts = ("training", learned), ("stopping", stopping), self.material.judged
        return tuple(Samples.of(windows, encoded, cells, name) for name, cells in parts)

    def size(self, stack: Stack) -> int:
        """Members that are trained together: as many as their layers' answers to a batch leave memory for."""
        if self.learner.together is not None:
            return max(1, self.learner.together)
        return max(1, ROOM // (self.batch * stack.activations(self.length, self.features)))


def fit_together(
    learners: Sequence["Learner"], task: Task, progress: Seen, checkpoint: Path | None, resume: bool
) -> list[Fitted]:
    """Fit learners that differ in rate and decay alone; each comes to what it would come to by itself.

    They see the same batches in the same order, so that one program trains them all. Arguments and errors
    are those of `Learner.fit`. What had not begun when Ctrl-C was pressed is missing.
    """
    first = learners[0]
    device = device_named(first.device)
    plan = Plan.of(first, task)
    with torch_threads(first.threads), enough_memory():
        inputs, windows = Inputs.of(task, first.features, first.length, first.missing, first.threads)
        parts = plan.parts(windows)
        members = plan.stack(len(learners))
        chunks = _chunks(len(learners), len(members), plan.size(members))
        stack = members.repeat(len(learners))
        terms = TrainConfig(
            first.epochs, plan.batch, [each.rate for each in learners for _ in range(len(members))],
            [each.decay for each in learners for _ in range(len(members))], first.patience,
            plan.framing.whole_days, first.seed,
            device.type == "cuda" if first.mixed is None else first.mixed,
        )  # fmt: skip
        key = {"learners": [repr(replace(each, epochs=1, threads=1)) for each in learners],
               "task": task.describe(), "panel": task.panel.fingerprint(), "state": 2}  # fmt: skip
        learned, stopping, _ = parts
        trained = _train(
            stack, plan.framing, terms, learned.to(device), stopping.to(device), chunks, progress, checkpoint,
            key, resume=resume,
        )  # fmt: skip
        stack.to(_CPU)
        judge = Evaluator(plan.material, plan.framing, inputs, parts)
        each = [_of(range(f * len(members), (f + 1) * len(members)), stack, chunks, trained)
                for f in range(len(learners))]  # fmt: skip
        return [judge.fitted(plan.name, first.settings, one) for one in each if one is not None]


def _check_memory(name: str, network: nn.Module, members: int, fits: int) -> None:
    """Raise RecipeError for more members than this machine has memory for."""
    weights = sum(each.numel() for each in network.parameters())
    each, there = fits * weights * _COPIES * 4, machine_memory()
    if members * each > there:
        raise RecipeError(
            f"members = {members}: training so many networks ({name}, {weights:,} weights each) takes "
            f"{members * each / 2**30:,.0f} GiB, and this machine has {there / 2**30:,.0f}; "
            f"take {int(there // each):,} or fewer"
        )


def _chunks(fits: int, members: int, size: int) -> list[range]:
    """Networks that are trained together: the members of whole fits, or some of the members of one."""
    if size >= members:
        step = size // members * members
        return [range(k, min(k + step, fits * members)) for k in range(0, fits * members, step)]
    return [
        range(f * members + k, f * members + min(k + size, members))
        for f in range(fits)
        for k in range(0, members, size)
    ]


def _train(
    stack: Stack, framing: TargetEncoding, terms: TrainConfig, learned: Samples, stopping: Samples,
    chunks: list[range],
    progress: Seen, checkpoint: Path | None, key: dict[str, Any], *, resume: bool,
) -> list[Training]:  # fmt: skip
    """Train the networks chunk by chunk, and put their best weights into the stack."""
    kept = read_checkpoint(checkpoint, key) if resume and checkpoint is not None else []
    trained: list[Training] = []
    with bar(progress, len(chunks)) as seen:
        for k, members in enumerate(chunks):
            mine = replace(terms, rate=_some(terms.rate, members), decay=_some(terms.decay, members))
            one = Training(stack.some(members).to(learned.places.device), LOSSES[framing.loss], mine)
            if k < len(kept):
                one.restore(kept[k])
            trained.append(one)

            def note(now: Epoch, k: int = k) -> None:
                if checkpoint is not None:
                    write_checkpoint(checkpoint, [each.state() for each in trained], key)
                seen(k, now)

            if one.run(learned, stopping, note) == "interrupted":
                break
    for members, one in zip(chunks, trained, strict=False):
        stack.put(members, one.stack)
    return trained


def _some(numbers: Any, members: range) -> list[float]:
    return list(numbers[members.start : members.stop])


def _of(members: range, stack: Stack, chunks: list[range], trained: list[Training]) -> Trained | None:
    """What training came to for some networks; None where theirs did not begin."""
    pieces = []
    end = members.start
    for chunk, one in zip(chunks, trained, strict=False):
        first, last = max(chunk.start, members.start), min(chunk.stop, members.stop)
        if first < last:
            pieces.append((one, slice(first - chunk.start, last - chunk.start)))
            end = last
    return Trained(stack.some(range(members.start, end)), tuple(pieces)) if pieces else None
