"""The result of training the networks of one learner, alone or together with others."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from quarva.networks.models.stack import Stack
from quarva.networks.training.training import Ended, Training

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Trained"]


@dataclass(frozen=True, eq=False)
class Trained:
    """Networks with their best weights, and the record of their training.

    Attributes
    ----------
    stack : Stack
        The networks.
    parts : tuple of pairs of Training and slice
        The trainings that the networks took part in, and which members of each they were.
    """

    stack: Stack
    parts: tuple[tuple[Training, slice], ...]

    @property
    def stopping(self) -> float:
        """Lowest loss on the samples for early stopping, mean over the networks; infinite if none."""
        return float(torch.cat([training.best[members] for training, members in self.parts]).mean())

    @property
    def ended(self) -> Ended:
        """Why training ended: "patience", "epochs", "diverged" or "interrupted"."""
        training, members = self.parts[-1]
        return training.ended_of(members)

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for the user, without duplicates."""
        notes = (note for training, members in self.parts for note in training.notes_of(members))
        return tuple(dict.fromkeys(notes))

    @property
    def history(self) -> "pd.DataFrame":
        """Losses by epoch: DataFrame with columns chunk, epoch, train, stopping and best.

        Epochs that none of the networks needed are left out.
        """
        import pandas as pd

        chunks, numbers, losses = [], [], []
        for k, (training, members) in enumerate(self.parts):
            epochs = int(training.epochs[members].max())
            for number, row in enumerate(training.history[:epochs], start=1):
                chunks.append(k)
                numbers.append(number)
                losses.append(row[:, members].nanmean(1).tolist())
        train, stopping, best = np.array(losses, np.float64).reshape(-1, 3).T
        return pd.DataFrame({
            "chunk": np.array(chunks, np.int64), "epoch": np.array(numbers, np.int64), "train": train,
            "stopping": stopping, "best": best,
        })  # fmt: skip
