"""Training of a network, or of a stack of networks, with early stopping."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from quarva._runtime.interrupts import interrupts
from quarva.errors import RunError
from quarva.networks.data.samples import Samples
from quarva.networks.data.windows import INFERENCE_BATCH
from quarva.networks.models.stack import Stack
from quarva.networks.training.devices import is_out_of_memory, seeded
from quarva.networks.training.losses import Loss
from quarva.networks.training.optimiser import Optimiser

__all__ = ["Ended", "Epoch", "TrainConfig", "Training"]

Ended = Literal["patience", "epochs", "diverged", "interrupted"]


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training.

    Attributes
    ----------
    epochs : int
        Maximum number of epochs.
    batch : int
        Number of samples in a batch.
    rate, decay : float or sequence of float, length M
        Learning rate and weight decay of AdamW, for all networks or for each.
    patience : int
        Training ends after this number of epochs without a lower loss on the samples for early stopping.
    whole_days : bool
        Whether batches consist of whole days; see `Samples.shuffled`.
    seed : int
        Seed of the order of the samples and of dropout.
    mixed : bool
        Whether layers compute in bfloat16. Weights, losses and the optimiser remain float32, and so do
        recurrent layers on a CPU, for which torch lacks bfloat16.
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
    """Result of an epoch.

    Attributes
    ----------
    number : int
        Number of the epoch, from 1.
    epochs : int
        Maximum number of epochs.
    train, stopping, best : Tensor of float32, shape (M,)
        Loss in training, loss on the samples for early stopping, and the lowest such loss so far. The losses
        of a network are NaN after it diverged.
    """

    number: int
    epochs: int
    train: Tensor
    stopping: Tensor
    best: Tensor


@dataclass
class Training:
    """A training in progress: everything that an epoch changes and a checkpoint stores.

    Attributes
    ----------
    stack : Stack
        The M networks.
    loss : Loss
        The loss.
    config : TrainConfig
        Settings.
    epoch : int
        Number of epochs so far.
    ended : str or None
        Why training ended: "patience", "epochs", "diverged" or "interrupted". None before that.
    notes : list of str
        Remarks that concern all networks, such as a smaller batch.
    history : list of Tensor of float32, shape (3, M)
        For each epoch, the loss in training, the loss on the samples for early stopping, and the lowest so
        far.
    best : Tensor of float32, shape (M,)
        Lowest loss on the samples for early stopping so far.
    best_weights : dict of str to Tensor
        The weights that had this loss.
    stale : Tensor of int64, shape (M,)
        Number of epochs since then.
    diverged_at : Tensor of int64, shape (M, 2)
        Epoch and batch in which the loss was not finite; batch 0 denotes the samples for early stopping. Both
        are 0 for a network that did not diverge.
    epochs : Tensor of int64, shape (M,)
        Number of epochs of each network until its patience ended or it diverged. It may be trained further
        along with the others, without effect on its result.
    """

    stack: Stack
    loss: Loss
    config: TrainConfig
    epoch: int = 0
    ended: Ended | None = None
    notes: list[str] = field(default_factory=list)
    history: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._weights = list(self.stack.weights.values())
        self._rng = torch.Generator().manual_seed(self.config.seed)
        count, device = len(self.stack), self._weights[0].device
        rate, decay = (
            torch.as_tensor(each, dtype=torch.float64).expand(count).to(device)
            for each in (self.config.rate, self.config.decay)
        )
        self._optimiser = Optimiser(self._weights, rate, decay)
        self.best = torch.full((count,), torch.inf, device=device)
        self.stale, self.epochs = torch.zeros((2, count), dtype=torch.int64, device=device)
        self.diverged_at = torch.zeros((count, 2), dtype=torch.int64, device=device)
        self.best_weights = {name: each.detach().clone() for name, each in self.stack.all_weights().items()}
        self._chunk_size = max(self.config.batch, 1)
        self._mixed = self.config.mixed and not (device.type == "cpu" and self.stack.recurrent)
        if self.config.mixed and not self._mixed:
            self.notes.append("mixed precision has no effect on a CPU: recurrent layers compute in float32")

    def run(
        self, samples: Samples, stopping: Samples, on_epoch: Callable[[Epoch], object] = lambda _: None
    ) -> Ended:
        """Train until the patience or the epochs are exhausted, then restore the best weights.

        Parameters
        ----------
        samples, stopping : Samples
            Samples to learn from and for early stopping.
        on_epoch : callable, optional
            Called with the result of every epoch. An exception that it raises ends training.
            KeyboardInterrupt is not propagated, other exceptions are. In both cases the best weights so far
            are restored.

        Returns
        -------
        {"patience", "epochs", "diverged", "interrupted"}
            Why training ended.
        """
        if bool(self.done.all()):  # resumed after its patience had ended
            self.ended = "patience"
        try:
            with interrupts() as interrupted:
                while self.ended is None and self.epoch < self.config.epochs:
                    self._run_epoch(samples, stopping, on_epoch, interrupted)
        except KeyboardInterrupt:
            self.ended = "interrupted"
        finally:
            with torch.no_grad():
                for name, weight in self.stack.all_weights().items():
                    weight.copy_(self.best_weights[name])
        self.ended = self.ended or "epochs"
        return self.ended

    def _run_epoch(
        self,
        samples: Samples,
        stopping: Samples,
        on_epoch: Callable[[Epoch], object],
        interrupted: Callable[[], bool],
    ) -> None:
        """Run one epoch. An epoch that is interrupted by Ctrl-C does not count."""
        # One seed per epoch, so that a resumed training draws the same numbers as an undisturbed one.
        numbers = np.random.SeedSequence((self.config.seed, self.epoch)).generate_state(1)
        with seeded(int(numbers[0]), self.best.device):
            train = self._train_epoch(samples, interrupted)
        if train is None:
            self.ended = "interrupted" if interrupted() else "diverged"
            return
        losses = self._in_memory(self._evaluate, stopping)
        losses = torch.where(self.diverged_at[:, 0] > 0, torch.nan, losses)
        self._record_divergence(losses, batch=0)
        self.epoch += 1
        self.epochs[~self.done] = self.epoch
        self._update_best(losses)
        self.history.append(torch.stack([train, losses, self.best]))
        on_epoch(Epoch(self.epoch, self.config.epochs, train, losses, self.best))
        if bool(self.done.all()):
            self.ended = "patience"
        elif interrupted():
            self.ended = "interrupted"

    @property
    def done(self) -> Tensor:
        """True for networks whose patience ended or that diverged, shape (M,)."""
        return (self.stale >= self.config.patience) | (self.diverged_at[:, 0] > 0)

    def ended_of(self, members: slice) -> Ended:
        """Why the training of some members ended."""
        if bool((self.diverged_at[members, 0] > 0).all()):
            return "diverged"
        if bool(self.done[members].all()):
            return "patience"
        return "interrupted" if self.ended == "interrupted" else "epochs"

    def notes_of(self, members: slice) -> list[str]:
        """Remarks for the user about some members."""
        diverged = self.diverged_at[members]
        positions, counts = torch.unique(diverged[diverged[:, 0] > 0], dim=0, return_counts=True)
        notes = []
        for (epoch, batch), count in zip(positions.tolist(), counts.tolist(), strict=True):
            loss = "the loss" if len(diverged) == 1 else f"the loss of {count} of {len(diverged)} networks"
            where = f"in batch {batch}" if batch else "on the held-out samples"
            kept = "the best weights before it" if epoch > 1 else "the initial weights"
            notes.append(
                f"{loss} became NaN or infinite in epoch {epoch}, {where}; training kept {kept}; "
                "use a lower rate"
            )
        return self.notes + notes

    def _train_epoch(self, samples: Samples, interrupted: Callable[[], bool]) -> Tensor | None:
        """Train for one epoch and return the mean losses before each step, shape (M,).

        Returns None on Ctrl-C, or if every network has diverged.
        """
        total, batches = torch.zeros_like(self.best), 0
        for number, chosen in enumerate(
            samples.shuffled(self.config.batch, self._rng, self.config.whole_days)
        ):
            if interrupted():
                return None
            loss = self._in_memory(self._backward, samples, chosen)
            if self._record_divergence(loss, number + 1) and bool(self.done.all()):
                return None
            self._optimiser.step()
            total += loss
            batches += 1
        return torch.where(self.diverged_at[:, 0] > 0, torch.nan, total / batches)

    def _record_divergence(self, loss: Tensor, batch: int) -> bool:
        """Record networks whose loss is not finite; return True if there are any."""
        diverged = ~torch.isfinite(loss) & ~self.done
        if found := bool(diverged.any()):
            self.diverged_at[diverged] = torch.tensor([self.epoch + 1, batch], device=diverged.device)
        return found

    def _backward(self, samples: Samples, chosen: Tensor) -> Tensor:
        """Compute the gradients of a batch, in chunks if memory requires it; return the losses."""
        self._optimiser.zero_grad()
        total = torch.zeros_like(self.best)
        for chunk in self._chunks(samples, chosen):
            loss = self._losses(*samples.batch(chunk, self.stack.layout), training=True)
            share = len(chunk) / len(chosen)
            (loss.sum() * share).backward()
            total += loss.detach() * share
        return total

    def _in_memory(self, compute: Callable[..., Tensor], *arguments: Any) -> Tensor:
        """Call a function that computes in chunks; halve the chunk size while memory is insufficient."""
        while True:
            try:
                return compute(*arguments)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self._chunk_size == 1:
                    raise RunError(
                        "not enough memory for a single window or day; use a smaller network, a shorter "
                        "window, or fewer members"
                    ) from error
            self._chunk_size //= 2
            self.notes.append(
                f"not enough memory: batches were split into chunks of {self._chunk_size} windows"
            )

    def _chunks(self, samples: Samples, chosen: Tensor) -> list[Tensor]:
        """Split a batch into chunks of `_chunk_size` samples, by whole days if the loss compares assets."""
        if len(chosen) <= self._chunk_size:
            return [chosen]
        if not self.config.whole_days:
            return list(chosen.split(self._chunk_size))
        _, counts = torch.unique_consecutive(samples.day[chosen], return_counts=True)
        days = list(chosen.split(counts.tolist()))
        size = max(1, len(days) * self._chunk_size // len(chosen))
        return [torch.cat(days[i : i + size]) for i in range(0, len(days), size)]

    def _losses(self, windows: Tensor, target: Tensor, day: Tensor, *, training: bool = False) -> Tensor:
        with torch.autocast(windows.device.type, torch.bfloat16, enabled=self._mixed):
            outputs = self.stack(windows, training)
        return self.loss(outputs.float(), target, day)

    @torch.no_grad()
    def _evaluate(self, samples: Samples) -> Tensor:
        """Mean losses over all samples, shape (M,)."""
        total = torch.zeros_like(self.best)
        size = min(INFERENCE_BATCH, self._chunk_size * 8)
        for chosen in samples.in_order(size, self.config.whole_days):
            total += self._losses(*samples.batch(chosen, self.stack.layout)) * len(chosen)
        return total / len(samples)

    @torch.no_grad()
    def _update_best(self, losses: Tensor) -> None:
        """Store the weights of networks with a new lowest loss, unless their patience has ended."""
        better = (losses < self.best) & ~self.done
        self.best = torch.where(better, losses, self.best)
        self.stale = torch.where(better, torch.zeros_like(self.stale), self.stale + 1)
        for name, weight in self.stack.all_weights().items():
            self.best_weights[name][better] = weight.detach()[better]

    def state(self) -> dict[str, Tensor]:
        """Everything that the next epoch depends on, as tensors by name."""
        out = {f"weights/{name}": each.detach() for name, each in self.stack.all_weights().items()}
        out |= {f"kept/{name}": each for name, each in self.best_weights.items()}
        out |= {f"optimiser/{name}": each for name, each in self._optimiser.state().items()}
        out |= {
            "source": self._rng.get_state(), "best": self.best, "stale": self.stale,
            "lost": self.diverged_at, "epochs": self.epochs, "epoch": torch.tensor(self.epoch),
            "piece": torch.tensor(self._chunk_size),
            "history": torch.stack(self.history) if self.history else torch.zeros(0, 3, len(self.best)),
        }  # fmt: skip
        return {name: each.detach().cpu().contiguous() for name, each in out.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore the `state` of a training with the same networks and settings."""
        device = self.best.device
        with torch.no_grad():
            for name, weight in self.stack.all_weights().items():
                weight.copy_(state[f"weights/{name}"])
                self.best_weights[name].copy_(state[f"kept/{name}"])
        prefix = "optimiser/"
        self._optimiser.restore({
            name.removeprefix(prefix): each for name, each in state.items() if name.startswith(prefix)
        })  # fmt: skip
        self._rng.set_state(state["source"])
        self.best, self.stale = state["best"].to(device), state["stale"].to(device)
        self.diverged_at, self.epochs = state["lost"].to(device), state["epochs"].to(device)
        self.epoch, self._chunk_size = int(state["epoch"]), int(state["piece"])
        self.history = [each.to(device) for each in state["history"]]
