"""Which windows a network learns from, is stopped by and is judged on, and the batches they come in."""

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
    """Windows with a target, in order of their days.

    Attributes:
        windows: all windows of the panel.
        places: int64 [B], t · N + n, ascending. target: float32 [B], as the loss reads it.
        assets: N.
    """

    windows: Windows
    places: Tensor
    target: Tensor
    assets: int

    @classmethod
    def of(
        cls, windows: Windows, target: NDArray[np.floating], days: NDArray[np.bool_], part: str
    ) -> "Samples":
        """Those that end on some days, bool [T], or cells, and have a target there, float [T, N], NaN = none.

        Raises:
            TaskError: there are fewer than two; `part` names the days.
        """
        places = windows.places(days, np.isfinite(target))
        if len(places) < 2:
            shown = f"windows of {windows.length} days" if windows.length > 1 else "rows"
            raise TaskError(
                f"the {part} part has {len(places)} {shown} with a target; shorten the window, move the "
                "split or the holdout, or take missing='mean'"
            )
        wanted = torch.from_numpy(target.reshape(-1)[places.numpy()].astype(np.float32))
        return cls(windows, places, wanted, windows.values.shape[2])

    def __len__(self) -> int:
        return len(self.places)

    def to(self, device: torch.device) -> "Samples":
        """The same on a device, the panel's values too."""
        return Samples(
            self.windows.to(device), self.places.to(device), self.target.to(device), self.assets
        )  # fmt: skip

    @property
    def day(self) -> Tensor:
        """The day of each window, int64 [B]."""
        return torch.div(self.places, self.assets, rounding_mode="floor")

    def batch(self, chosen: Tensor, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
        """Windows, targets and days of some, int64 [b]."""
        places = self.places[chosen]
        day = torch.div(places, self.assets, rounding_mode="floor")
        return self.windows.batch(places, layout), self.target[chosen], day

    def shuffled(self, size: int, source: torch.Generator, whole_days: bool) -> Iterator[Tensor]:
        """Numbers of the windows of one batch after the other, each window once, about `size` a batch.

        whole_days: a batch is some days with all their windows, in order of days, as losses that compare the
        assets of a day want it.
        """
        if not whole_days:
            device = self.places.device
            for part in torch.randperm(len(self), generator=source).split(size):
                yield part.to(device)
            return
        _, many = torch.unique_consecutive(self.day, return_counts=True)
        end = many.cumsum(0).cpu()
        first = end - many.cpu()
        days = max(1, size * len(many) // len(self))
        for part in torch.randperm(len(many), generator=source).split(days):
            ordered = part.sort().values
            numbers = [torch.arange(int(first[d]), int(end[d])) for d in ordered]
            yield torch.cat(numbers).to(self.places.device)

    def in_order(self, size: int, whole_days: bool) -> Iterator[Tensor]:
        """The same in their order, for looking at all of them."""
        if not whole_days:
            yield from torch.arange(len(self), device=self.places.device).split(size)
            return
        _, many = torch.unique_consecutive(self.day, return_counts=True)
        numbers = torch.arange(len(self), device=self.places.device).split(many.tolist())
        held: list[Tensor] = []
        for each in numbers:
            held.append(each)
            if sum(map(len, held)) >= size:
                yield torch.cat(held)
                held = []
        if held:
            yield torch.cat(held)
