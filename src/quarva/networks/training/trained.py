"""What training came to for one learner's networks, alone or among others."""

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
    """Networks with their best weights.

    Attributes:
        stack: the networks. pieces: the trainings that they had a part in, and which of each were theirs.
    """

    stack: Stack
    pieces: tuple[tuple[Training, slice], ...]

    @property
    def stopping(self) -> float:
        """Smallest loss on what training was stopped by, mean of the networks; infinite without one."""
        return float(torch.cat([each.best[mine] for each, mine in self.pieces]).mean())

    @property
    def ended(self) -> Ended:
        """Why it ended."""
        each, mine = self.pieces[-1]
        return each.ended_of(mine)

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be said aloud, each once."""
        return tuple(dict.fromkeys(note for each, mine in self.pieces for note in each.notes_of(mine)))

    @property
    def history(self) -> "pd.DataFrame":
        """One row an epoch that one of the networks needed: chunk, epoch, train, stopping, best."""
        import pandas as pd

        chunks, numbers, losses = [], [], []
        for k, (each, mine) in enumerate(self.pieces):
            for number, row in enumerate(each.history[: int(each.epochs[mine].max())], start=1):
                chunks.append(k)
                numbers.append(number)
                losses.append(row[:, mine].nanmean(1).tolist())
        train, stopping, best = np.array(losses, np.float64).reshape(-1, 3).T
        return pd.DataFrame({
            "chunk": np.array(chunks, np.int64), "epoch": np.array(numbers, np.int64), "train": train,
            "stopping": stopping, "best": best,
        })  # fmt: skip
