"""Training samples: windows with a target, and their division into batches."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.errors import TaskError
from quarva.networks.data.layout import Layout
from quarva.networks.data.windows import Windows

__all__ = ["Samples"]


@dataclass(frozen=True, eq=False)
class Samples:
    """Windows that have a target, ordered by day.

    Attributes
    ----------
    windows : Windows
        All windows of the panel.
    indices : Tensor of int64, shape (B,)
        Flat index t · N + n of each sample's last cell, ascending.
    target : Tensor of float32, shape (B,)
        Encoded target of each sample, as the loss expects it.
    assets : int
        Number N of assets.
    """

    windows: Windows
    indices: Tensor
    target: Tensor
    assets: int

    @classmethod
    def select(
        cls, windows: Windows, target: NDArray[np.floating], days: NDArray[np.bool_], part: str
    ) -> "Samples":
        """Select the windows that end on given cells and have a target there.

        Parameters
        ----------
        windows : Windows
            All windows of the panel.
        target : ndarray of float, shape (T, N)
            Encoded target. NaN means no target.
        days : ndarray of bool, shape (T,) or (T, N)
            Days or cells to select.
        part : str
            Name of the part of the data, for the error message.

        Returns
        -------
        Samples

        Raises
        ------
        TaskError
            Fewer than two windows are selected.
        """
        indices = windows.indices(days, np.isfinite(target))
        if len(indices) < 2:
            noun = f"windows of {windows.length} days" if windows.length > 1 else "rows"
            raise TaskError(
                f"the {part} part has {len(indices)} {noun} with a target; shorten the window, move the "
                "split or the holdout, or pass missing='mean'"
            )
        selected = torch.from_numpy(target.reshape(-1)[indices.numpy()].astype(np.float32))
        return cls(windows, indices, selected, windows.values.shape[2])

    def __len__(self) -> int:
        return len(self.indices)

    def to(self, device: torch.device) -> "Samples":
        """Copy the samples, including the values of the panel, to a device."""
        return Samples(
            self.windows.to(device), self.indices.to(device), self.target.to(device), self.assets
        )  # fmt: skip

    @property
    def day(self) -> Tensor:
        """Last day of each window, int64, shape (B,)."""
        return torch.div(self.indices, self.assets, rounding_mode="floor")

    def batch(self, chosen: Tensor, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
        """Select samples as a batch.

        Parameters
        ----------
        chosen : Tensor of int64, shape (b,)
            Numbers of the samples.
        layout : Layout
            Order of the axes of the windows.

        Returns
        -------
        windows : Tensor of float32
            The windows in the layout.
        target : Tensor of float32, shape (b,)
            Their targets.
        day : Tensor of int64, shape (b,)
            Their days.
        """
        indices = self.indices[chosen]
        day = torch.div(indices, self.assets, rounding_mode="floor")
        return self.windows.batch(indices, layout), self.target[chosen], day

    def shuffled(self, size: int, rng: torch.Generator, whole_days: bool) -> Iterator[Tensor]:
        """Iterate over shuffled batches that contain each sample once.

        Parameters
        ----------
        size : int
            Approximate number of samples in a batch.
        rng : torch.Generator
            Random number generator.
        whole_days : bool
            If true, a batch consists of complete days in ascending order. Losses that compare the assets of a
            day require this.

        Yields
        ------
        Tensor of int64, shape (b,)
            Numbers of the samples of a batch.
        """
        if not whole_days:
            device = self.indices.device
            for part in torch.randperm(len(self), generator=rng).split(size):
                yield part.to(device)
            return
        _, counts = torch.unique_consecutive(self.day, return_counts=True)
        end = counts.cumsum(0).cpu()
        first = end - counts.cpu()
        days = max(1, size * len(counts) // len(self))
        for part in torch.randperm(len(counts), generator=rng).split(days):
            ordered = part.sort().values
            numbers = [torch.arange(int(first[d]), int(end[d])) for d in ordered]
            yield torch.cat(numbers).to(self.indices.device)

    def in_order(self, size: int, whole_days: bool) -> Iterator[Tensor]:
        """Iterate over batches in ascending order, for evaluation; arguments as in `shuffled`."""
        if not whole_days:
            yield from torch.arange(len(self), device=self.indices.device).split(size)
            return
        _, counts = torch.unique_consecutive(self.day, return_counts=True)
        numbers = torch.arange(len(self), device=self.indices.device).split(counts.tolist())
        pending: list[Tensor] = []
        for day in numbers:
            pending.append(day)
            if sum(map(len, pending)) >= size:
                yield torch.cat(pending)
                pending = []
        if pending:
            yield torch.cat(pending)
