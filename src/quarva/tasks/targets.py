"""What a function is asked to predict."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.whole import whole
from quarva.errors import TaskError
from quarva.panel.names import nearest
from quarva.tasks.classes import Direction, Quintile, TripleBarrier
from quarva.tasks.forward import Forward, ForwardRange, ForwardReturn, ForwardVolatility, VolumeSurprise

if TYPE_CHECKING:
    from quarva.panel import Panel

__all__ = ["FORWARD", "Field", "Target", "known_value", "parse_target"]

FORWARD: dict[str, Callable[[int, int], Forward]] = {
    "forward_return": ForwardReturn,
    "forward_volatility": ForwardVolatility,
    "forward_range": ForwardRange,
    "volume_surprise": VolumeSurprise,
    "direction": Direction,
    "quintile": Quintile,
    "triple_barrier": TripleBarrier,
}
"""By the name that a number of days is added to, `direction_5`: (horizon, delay) → the target."""


@dataclass(frozen=True)
class Field:
    """A field of the panel as it stands: its value of day t is what the signal of day t should predict.

    Formulas may not read it.

    Args:
        name: the field.
        horizon: days after day t + delay that the field's value already knows of; with the delay it says how
            many days are left out before each border of the split.
        is_return: whether it is a return, so that reports may trade a forecast of it.
    """

    name: str
    horizon: int = 1
    is_return: bool = False

    classes: ClassVar[tuple[float, ...]] = ()

    def __post_init__(self) -> None:
        horizon = whole(f"the horizon of field '{self.name}'", self.horizon, 0, TaskError, "days")
        object.__setattr__(self, "horizon", horizon)

    @property
    def words(self) -> str:
        """As a sentence names it: its name."""
        return self.name

    def values(self, panel: "Panel") -> NDArray[np.float32]:
        """The field, float32 [T, N].

        Raises:
            TaskError: no such field.
        """
        if self.name not in panel.fields:
            raise TaskError(f"the target '{self.name}' is no field; {nearest(self.name, panel.fields)}")
        return panel.field(self.name).copy()


Target = Forward | Field


def parse_target(text: str, panel: "Panel", delay: int = 1) -> Target:
    """The target that `forward_return_5`, `direction_10`, `field:NAME` or a bare field name stands for.

    Raises:
        TaskError: none of these, with the nearest name.
    """
    forward = re.fullmatch(rf"({'|'.join(FORWARD)})_(\d+)", text)
    if forward:
        return FORWARD[forward[1]](int(forward[2]), delay)
    name = text.removeprefix("field:")
    if text.startswith("field:") or name in panel.fields:
        target = Field(name)
        target.values(panel)
        return target
    known = [*(f"{kind}_{days}" for kind in FORWARD for days in (1, 5, 10, 20)), *panel.fields]
    raise TaskError(f"unknown target '{text}'; {nearest(text, known)}")


def known_value(values: NDArray[np.float32], ahead: int) -> NDArray[np.float32]:
    """The latest value of a target that is known on day t: that of the signal of day t − ahead.

    values: float32 [T, N]; ahead: days from the signal to the day on which its target is known. NaN before.
    """
    out = np.full_like(values, np.nan)
    out[ahead:] = values[: len(values) - ahead]
    return out
