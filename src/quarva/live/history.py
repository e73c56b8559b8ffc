"""The bars that a stream still needs."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["History"]


@dataclass
class History:
    """Consecutive days, oldest first. Days that no later signal depends on are dropped from the front.

    Attributes
    ----------
    unit : str
        "D" for daily bars, "ns" for shorter ones (UTC), as in `Panel.dates`.
    first : int
        Number of the oldest stored day, counted from the first day of the stream.
    dates : list of datetime64[unit]
        Dates of the K stored days, ascending.
    values : list of ndarray of float32, shape (F, N)
        The bars of each of the K days. NaN marks a missing value.
    universe : list of ndarray of bool, shape (N,), or None
        The universe of each of the K days. None if every asset belongs to it on every day.
    """

    unit: str
    first: int = 0
    dates: list[np.datetime64] = field(default_factory=list)
    values: list[NDArray[np.float32]] = field(default_factory=list)
    universe: list[NDArray[np.bool_]] | None = None

    @property
    def days(self) -> int:
        """Number of days so far, including those that were dropped."""
        return self.first + len(self.dates)

    def index_of(self, date: np.datetime64) -> int | None:
        """Index of a date among the stored days, or None if it is not one of them."""
        at = int(np.searchsorted(np.array(self.dates, f"datetime64[{self.unit}]"), date))
        return at if at < len(self.dates) and self.dates[at] == date else None

    def universe_at(self, index: int) -> NDArray[np.bool_] | None:
        """Universe of a stored day, bool of shape (N,); None if every asset belongs to it."""
        return None if self.universe is None else self.universe[index]

    def append(
        self, date: np.datetime64, values: NDArray[np.float32], universe: NDArray[np.bool_] | None
    ) -> None:
        """Append a day."""
        self.dates.append(date)
        self.values.append(values)
        if self.universe is not None and universe is not None:
            self.universe.append(universe)

    def replace(self, index: int, values: NDArray[np.float32], universe: NDArray[np.bool_] | None) -> None:
        """Replace the bars and the universe of a stored day."""
        self.values[index] = values
        if self.universe is not None and universe is not None:
            self.universe[index] = universe

    def drop_before(self, day: int) -> None:
        """Drop the days whose number is below `day`."""
        dropped = min(max(day - self.first, 0), len(self.dates))
        if dropped:
            del self.dates[:dropped], self.values[:dropped]
            if self.universe is not None:
                del self.universe[:dropped]
            self.first += dropped
