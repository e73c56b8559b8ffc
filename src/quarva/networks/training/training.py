"""Training: one loop for one network or a stack of them, with early stopping and a safe end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from quarva._runtime.interrupts import interrupts
from quarva.errors import RunError
from quarva.networks.data.samples import Samples
from quarva.networks.data.windows import LOOKED_AT
from quarva.networks.models.stack import Stack
from quarva.networks.training.devices import is_memory, seeded
from quarva.networks.training.losses import Loss
from quarva.networks.training.optimiser import Optimiser

__all__ = ["Ended", "Epoch", "TrainConfig", "Training"]

Ended = Literal["patience", "epochs", "diverged", "interrupted"]


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained.

    Attributes:
        epochs: times that all windows are seen, at most. batch: windows of a step.
        rate: of AdamW (Loshchilov and Hutter 2019). decay: its weight decay. Either for all networks or, [M],
            for each.
        patience: epochs without a smaller loss on the stopping days after which training ends.
        whole_days: whether batches are whole days, see `Samples.shuffled`.
        seed: of the order of the windows. mixed: whether the layers compute in bfloat16; weights, losses and
            the optimiser are float32 always, and so are recurrent layers on a CPU, for which torch has no
            other LSTM.
    """

    epochs: int = 30
    batch: int = 1_024
    rate: float | Sequence[float] = 1e-3
    decay: float | Sequence[float] = 1e-4
    patience: int = 5
    whole_days: bool = False
    seed: int = 0
    mixed: bool = False


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to: float32 [M] each, losses in training and on the stopping days.

    NaN of a network whose loss was no number, from then on.
    """

    number: int
    of: int
    train: Tensor
    stopping: Tensor
    best: Tensor


@dataclass
class Training:
    """A stack on its way: what one epoch changes, and what a checkpoint keeps.

    Attributes:
        best: float32 [M], smallest loss on the stopping days so far; `kept`: the weights that had it.
        stale: int64 [M], epochs since.
        lost: int64 [M, 2], epoch and batch in which the loss was no number, batch 0 on the stopping days;
            both 0 where that never was.
        epochs: int64 [M], until patience or a loss that was no number ended it: a network goes on then only
            because others do, and nothing of that is kept.
        history: float32 [3, M] an epoch: losses in training and on the stopping days, and `best`.
        notes: what should be said aloud of all of them: a batch halved.
    """

    stack: Stack
    loss: Loss
    terms: TrainConfig
    epoch: int = 0
    ended: Ended | None = None
    notes: list[str] = field(default_factory=list)
    history: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._weights = list(self.stack.weights.values())
        self._source = torch.Generator().manual_seed(self.terms.seed)
        many, device = len(self.stack), self._weights[0].device
        rate, decay = (
            torch.as_tensor(each, dtype=torch.float64).expand(many).to(device)
            for each in (self.terms.rate, self.terms.decay)
        )
        self._optimiser = Optimiser(self._weights, rate, decay)
        self.best = torch.full((many,), torch.inf, device=device)
        self.stale, self.epochs = torch.zeros((2, many), dtype=torch.int64, device=device)
        self.lost = torch.zeros((many, 2), dtype=torch.int64, device=device)
        self.kept = {name: each.detach().clone() for name, each in self.stack.all_weights().items()}
        self._piece = max(self.terms.batch, 1)
        self._mixed = self.terms.mixed and not (device.type == "cpu" and self.stack.recurrent)
        if self.terms.mixed and not self._mixed:
            self.notes.append("recurrent layers compute in float32 on a CPU, mixed or not")

    def run(
        self, samples: Samples, stopping: Samples, seen: Callable[[Epoch], object] = lambda _: None
    ) -> Ended:
        """Train until patience or epochs end; the stack then has the weights that were best for each.

        `seen` is told every epoch; what it raises, KeyboardInterrupt among it, ends training, the best
        weights so far in place.
        """
        if bool(self.done.all()):  # taken up again, after its patience had ended
            self.ended = "patience"
        try:
            with interrupts() as asked:
                while self.ended is None and self.epoch < self.terms.epochs:
                    self._next(samples, stopping, seen, asked)
        except KeyboardInterrupt:
            self.ended = "interrupted"
        finally:
            with torch.no_grad():
                for name, weight in self.stack.all_weights().items():
                    weight.copy_(self.kept[name])
        self.ended = self.ended or "epochs"
        return self.ended

    def _next(
        self, samples: Samples, stopping: Samples, seen: Callable[[Epoch], object], asked: Callable[[], bool]
    ) -> None:
        """One epoch, or what there is of it when Ctrl-C is pressed, which does not count."""
        # By epoch, so that a training that is taken up again draws what an undisturbed one does.
        numbers = np.random.SeedSequence((self.terms.seed, self.epoch)).generate_state(1)
        with seeded(int(numbers[0]), self.best.device):
            train = self._one(samples, asked)
        if train is None:
            self.ended = "interrupted" if asked() else "diverged"
            return
        held = torch.where(self.lost[:, 0] > 0, torch.nan, self._in_memory(self._look, stopping))
        self._lose(held, batch=0)
        self.epoch += 1
        self.epochs[~self.done] = self.epoch
        self._keep(held)
        self.history.append(torch.stack([train, held, self.best]))
        seen(Epoch(self.epoch, self.terms.epochs, train, held, self.best))
        if bool(self.done.all()):
            self.ended = "patience"
        elif asked():
            self.ended = "interrupted"

    @property
    def done(self) -> Tensor:
        """bool [M], whether patience or a loss that was no number ended a network."""
        return (self.stale >= self.terms.patience) | (self.lost[:, 0] > 0)

    def ended_of(self, members: slice) -> Ended:
        """Why the training of some of them ended."""
        if bool((self.lost[members, 0] > 0).all()):
            return "diverged"
        if bool(self.done[members].all()):
            return "patience"
        return "interrupted" if self.ended == "interrupted" else "epochs"

    def notes_of(self, members: slice) -> list[str]:
        """What should be said aloud of some of them."""
        lost = self.lost[members]
        places, many = torch.unique(lost[lost[:, 0] > 0], dim=0, return_counts=True)
        said = []
        for (epoch, batch), count in zip(places.tolist(), many.tolist(), strict=True):
            whose = "the loss" if len(lost) == 1 else f"the loss of {count} of {len(lost)} networks"
            where = f"at batch {batch} of epoch {epoch}" if batch else f"on what stops it at epoch {epoch}"
            kept = "the best weights before it" if epoch > 1 else "the weights it began with"
            said.append(f"{whose} is not a number {where}: stopped there with {kept}; take a smaller rate")
        return self.notes + said

    def _one(self, samples: Samples, asked: Callable[[], bool]) -> Tensor | None:
        """One epoch; mean losses [M] before each step, None where nobody is left to train, or at Ctrl-C."""
        total, batches = torch.zeros_like(self.best), 0
        for number, chosen in enumerate(
            samples.shuffled(self.terms.batch, self._source, self.terms.whole_days)
        ):
            if asked():
                return None
            loss = self._in_memory(self._backward, samples, chosen)
            if self._lose(loss, number + 1) and bool(self.done.all()):
                return None
            self._optimiser.step()
            total += loss
            batches += 1
        return torch.where(self.lost[:, 0] > 0, torch.nan, total / batches)

    def _lose(self, loss: Tensor, batch: int) -> bool:
        """Note where losses [M] of a batch, 0 of the stopping days, are no numbers; whether there are any."""
        lost = ~torch.isfinite(loss) & ~self.done
        if found := bool(lost.any()):
            self.lost[lost] = torch.tensor([self.epoch + 1, batch], device=lost.device)
        return found

    def _backward(self, samples: Samples, chosen: Tensor) -> Tensor:
        """Gradients of a batch, in pieces where memory does not hold it at once; the losses [M]."""
        self._optimiser.zero_grad()
        total = torch.zeros_like(self.best)
        for piece in self._pieces(samples, chosen):
            loss = self._losses(*samples.batch(piece, self.stack.layout), training=True)
            share = len(piece) / len(chosen)
            (loss.sum() * share).backward()
            total += loss.detach() * share
        return total

    def _in_memory(self, compute: Callable[..., Tensor], *given: Any) -> Tensor:
        """What is computed piece by piece, anew with pieces half as large where memory does not hold them."""
        while True:
            try:
                return compute(*given)
            except (RuntimeError, MemoryError) as error:
                if not is_memory(error):
                    raise
                if self._piece == 1:
                    raise RunError(
                        "not enough memory for one window, or day, at a time: take a smaller network, a "
                        "shorter window or fewer members"
                    ) from error
            self._piece //= 2
            self.notes.append(f"not enough memory: batches are taken in pieces of {self._piece} windows now")

    def _pieces(self, samples: Samples, chosen: Tensor) -> list[Tensor]:
        """A batch in pieces of `_piece` windows, whole days where the loss compares the assets of one."""
        if len(chosen) <= self._piece:
            return [chosen]
        if not self.terms.whole_days:
            return list(chosen.split(self._piece))
        _, many = torch.unique_consecutive(samples.day[chosen], return_counts=True)
        days = list(chosen.split(many.tolist()))
        size = max(1, len(days) * self._piece // len(chosen))
        return [torch.cat(days[i : i + size]) for i in range(0, len(days), size)]

    def _losses(self, windows: Tensor, target: Tensor, day: Tensor, *, training: bool = False) -> Tensor:
        with torch.autocast(windows.device.type, torch.bfloat16, enabled=self._mixed):
            outputs = self.stack(windows, training)
        return self.loss(outputs.float(), target, day)

    @torch.no_grad()
    def _look(self, samples: Samples) -> Tensor:
        """Mean losses [M] over all windows."""
        total = torch.zeros_like(self.best)
        for chosen in samples.in_order(min(LOOKED_AT, self._piece * 8), self.terms.whole_days):
            total += self._losses(*samples.batch(chosen, self.stack.layout)) * len(chosen)
        return total / len(samples)

    @torch.no_grad()
    def _keep(self, held: Tensor) -> None:
        """Note who did better than ever; a network whose patience has ended stays what it was."""
        better = (held < self.best) & ~self.done
        self.best = torch.where(better, held, self.best)
        self.stale = torch.where(better, torch.zeros_like(self.stale), self.stale + 1)
        for name, weight in self.stack.all_weights().items():
            self.kept[name][better] = weight.detach()[better]

    def state(self) -> dict[str, Tensor]:
        """All that the next epoch depends on, as tensors."""
        out = {f"weights/{name}": each.detach() for name, each in self.stack.all_weights().items()}
        out |= {f"kept/{name}": each for name, each in self.kept.items()}
        out |= {f"optimiser/{name}": each for name, each in self._optimiser.state().items()}
        out |= {
            "source": self._source.get_state(), "best": self.best, "stale": self.stale, "lost": self.lost,
            "epochs": self.epochs, "epoch": torch.tensor(self.epoch), "piece": torch.tensor(self._piece),
            "history": torch.stack(self.history) if self.history else torch.zeros(0, 3, len(self.best)),
        }  # fmt: skip
        return {name: each.detach().cpu().contiguous() for name, each in out.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up a `state` of a training with the same networks and terms."""
        device = self.best.device
        with torch.no_grad():
            for name, weight in self.stack.all_weights().items():
                weight.copy_(state[f"weights/{name}"])
                self.kept[name].copy_(state[f"kept/{name}"])
        begin = "optimiser/"
        self._optimiser.restore({
            name.removeprefix(begin): each for name, each in state.items() if name.startswith(begin)
        })  # fmt: skip
        self._source.set_state(state["source"])
        self.best, self.stale = state["best"].to(device), state["stale"].to(device)
        self.lost, self.epochs = state["lost"].to(device), state["epochs"].to(device)
        self.epoch, self._piece = int(state["epoch"]), int(state["piece"])
        self.history = [each.to(device) for each in state["history"]]
