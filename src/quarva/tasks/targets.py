"""What a formula is asked to predict."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.panel.names import nearest
from quarva.strategies import check_terms, closes

if TYPE_CHECKING:
    from quarva.panel import Panel

__all__ = ["Field", "ForwardReturn", "Target", "parse_target"]


@dataclass(frozen=True)
class ForwardReturn:
    """The return of the `horizon` days after the trade: close[t+delay+horizon] / close[t+delay] − 1.

    Args:
        horizon: days held, 1 or more.
        delay: days from the signal to the trade, 0 or more; 1 trades at the next day's close.
    """

    horizon: int = 1
    delay: int = 1

    def __post_init__(self) -> None:
        if self.horizon < 1 or self.horizon != int(self.horizon):
            raise TaskError(f"the horizon of a forward return must be 1 or more days, not {self.horizon}")
        check_terms(self.delay, 0.0)

    @property
    def name(self) -> str:
        """As recipes write it: `forward_return_5`."""
        return f"forward_return_{self.horizon}"

    def values(self, panel: "Panel") -> NDArray[np.float32]:
        """The target by the day t of the signal, float32 [T, N]; NaN where one of the two closes is missing.

        Raises:
            TaskError: no field `close`, a price of 0 or less, or no day with a target.
        """
        close = closes(panel).astype(np.float64)
        days, ahead = len(close), self.delay + self.horizon
        if days <= ahead:
            raise TaskError(
                f"{self.name} with delay {self.delay} looks {ahead} days ahead; the panel has only {days}"
            )
        out = np.full(close.shape, np.nan, np.float32)
        out[: days - ahead] = close[ahead:] / close[self.delay : days - self.horizon] - 1.0
        return out


@dataclass(frozen=True)
class Field:
    """A field of the panel as it stands: its value of day t is what the signal of day t should predict.

    Formulas may not read it.

    Args:
        name: the field.
        horizon: days after day t + delay that the field's value already knows of; with the delay it says how
            many days are left out before each border of the split.
    """

    name: str
    horizon: int = 1

    def __post_init__(self) -> None:
        if self.horizon < 0 or self.horizon != int(self.horizon):
            raise TaskError(f"the horizon of field '{self.name}' must be 0 or more days, not {self.horizon}")

    def values(self, panel: "Panel") -> NDArray[np.float32]:
        """The field, float32 [T, N].

        Raises:
            TaskError: no such field.
        """
        if self.name not in panel.fields:
            raise TaskError(f"the target '{self.name}' is no field; {nearest(self.name, panel.fields)}")
        return panel.field(self.name).copy()


Target = ForwardReturn | Field


def parse_target(text: str, panel: "Panel", delay: int = 1) -> Target:
    """The target that `forward_return_5`, `field:NAME` or a bare field name stands for.

    Raises:
        TaskError: none of these, with the nearest name.
    """
    forward = re.fullmatch(r"forward_return_(\d+)", text)
    if forward:
        return ForwardReturn(int(forward[1]), delay)
    name = text.removeprefix("field:")
    if text.startswith("field:") or name in panel.fields:
        target = Field(name)
        target.values(panel)
        return target
    known = [*(f"forward_return_{days}" for days in (1, 5, 10, 20)), *panel.fields]
    raise TaskError(f"unknown target '{text}'; {nearest(text, known)}")
