"""Targets: what a function should predict."""

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

__all__ = ["FORWARD", "Field", "Target", "last_known_value", "parse_target"]

FORWARD: dict[str, Callable[[int, int], Forward]] = {
    "forward_return": ForwardReturn,
    "forward_volatility": ForwardVolatility,
    "forward_range": ForwardRange,
    "volume_surprise": VolumeSurprise,
    "direction": Direction,
    "quintile": Quintile,
    "triple_barrier": TripleBarrier,
}
"""Constructors (horizon, delay) → target by name, to which the horizon is appended, as in `direction_5`."""


@dataclass(frozen=True)
class Field:
    """A field of the panel as target: its value on day t is predicted by the signal of day t.

    Formulas must not read it.

    Parameters
    ----------
    name : str
        Name of the field.
    horizon : int, default 1
        Number of days after day t + delay on which the value depends. With the delay, it determines how many
        days are purged before each border of the split.
    is_return : bool, default False
        Whether the field is a return, so that a forecast of it can be traded.

    Raises
    ------
    TaskError
        The horizon is not a whole number of at least 0.
    """

    name: str
    horizon: int = 1
    is_return: bool = False

    classes: ClassVar[tuple[float, ...]] = ()

    def __post_init__(self) -> None:
        horizon = whole(f"the horizon of field '{self.name}'", self.horizon, 0, TaskError, "days")
        object.__setattr__(self, "horizon", horizon)

    @property
    def description(self) -> str:
        """The target in words: its name."""
        return self.name

    def values(self, panel: "Panel") -> NDArray[np.float32]:
        """The values of the field.

        Parameters
        ----------
        panel : Panel
            The data.

        Returns
        -------
        ndarray of float32, shape (T, N)

        Raises
        ------
        TaskError
            The panel has no such field.
        """
        if self.name not in panel.fields:
            raise TaskError(f"the target '{self.name}' is not a field; {nearest(self.name, panel.fields)}")
        return panel.field(self.name).copy()


Target = Forward | Field


def parse_target(text: str, panel: "Panel", delay: int = 1) -> Target:
    """Parse the name of a target.

    Parameters
    ----------
    text : str
        `forward_return_5` and the like, `field:NAME`, or the name of a field.
    panel : Panel
        The data.
    delay : int, default 1
        Delay of a forward target.

    Returns
    -------
    Forward or Field

    Raises
    ------
    TaskError
        The name is unknown. The message suggests the closest one.
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


def last_known_value(values: NDArray[np.float32], ahead: int) -> NDArray[np.float32]:
    """The latest value of a target that is known on each day.

    Parameters
    ----------
    values : ndarray of float32, shape (T, N)
        The target by the day of the signal.
    ahead : int
        Days from the signal to the day on which its target is known.

    Returns
    -------
    ndarray of float32, shape (T, N)
        Row t is row t − `ahead` of `values`; NaN in the first rows.
    """
    out = np.full_like(values, np.nan)
    out[ahead:] = values[: len(values) - ahead]
    return out
