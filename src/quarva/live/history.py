"""The bars that a stream still needs."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["History"]


@dataclass
class History:
    """Days in a row, oldest first; days that no signal to come depends on are dropped at the front.

    Attributes:
        unit: "D" for daily bars, "ns" for shorter ones (UTC), as `Panel.dates` has them.
        first: number of the oldest day kept, counted from the stream's first day.
        dates: K dates, datetime64[unit], ascending.
        values: K arrays float32 (F, N), NaN = not there.
        universe: K arrays bool (N,), which assets belong; None where all do on every day.
    """

    unit: str
    first: int = 0
    dates: list[np.datetime64] = field(default_factory=list)
    values: list[NDArray[np.float32]] = field(default_factory=list)
    universe: list[NDArray[np.bool_]] | None = None

    @property
    def days(self) -> int:
        """How many days there were in all, those that were dropped too."""
        return self.first + len(self.dates)

    def place(self, date: np.datetime64) -> int | None:
        """Where a date stands among the days kept, None where it does not."""
        at = int(np.searchsorted(np.array(self.dates, f"datetime64[{self.unit}]"), date))
        return at if at < len(self.dates) and self.dates[at] == date else None

    def inside(self, place: int) -> NDArray[np.bool_] | None:
        """The universe of the day at a place."""
        return None if self.universe is None else self.universe[place]

    def append(
        self, date: np.datetime64, values: NDArray[np.float32], universe: NDArray[np.bool_] | None
    ) -> None:
        self.dates.append(date)
        self.values.append(values)
        if self.universe is not None and universe is not None:
            self.universe.append(universe)

    def replace(self, place: int, values: NDArray[np.float32], universe: NDArray[np.bool_] | None) -> None:
        self.values[place] = values
        if self.universe is not None and universe is not None:
            self.universe[place] = universe

    def drop_before(self, day: int) -> None:
        """Drop the days whose number is below `day`."""
        many = min(max(day - self.first, 0), len(self.dates))
        if many:
            del self.dates[:many], self.values[:many]
            if self.universe is not None:
                del self.universe[:many]
            self.first += many
