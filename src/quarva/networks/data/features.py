"""What a network is shown of a panel: formulas, or functions of the user's."""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.panel import Panel

__all__ = ["Feature", "compute", "name_of", "usual_features"]

Feature = str | Callable[[Panel], NDArray[np.floating]]
"""A formula as text, or a function of the panel that gives [T, N]."""


_USUAL = {
    "pct_change(close, 1)": {"close"},
    "close / open - 1": {"open", "close"},
    "(high - low) / close": {"high", "low", "close"},
    "(close - low) / (high - low)": {"high", "low", "close"},
    "log(volume / mean(volume, 20))": {"volume"},
}


def name_of(feature: Feature) -> str:
    """A formula's text, or a function's name."""
    return feature if isinstance(feature, str) else getattr(feature, "__name__", type(feature).__name__)


def compute(feature: Callable[[Panel], NDArray[np.floating]], panel: Panel) -> NDArray[np.float32]:
    """A function's values on a panel, float32 [T, N]. Raises TaskError where they have another shape."""
    values = np.asarray(feature(panel), np.float32)
    if values.shape != panel.shape:
        raise TaskError(
            f"the feature {name_of(feature)} gives {list(values.shape)} where the panel is "
            f"{list(panel.shape)} (days × assets)"
        )
    return values


def usual_features(fields: Collection[str]) -> tuple[str, ...]:
    """Features of bars in no units: the day's return, its range and place in it, the surprise of volume.

    fields: that may be read. Raises TaskError where none of these features can be made of them.
    """
    out = [feature for feature, reads in _USUAL.items() if reads <= set(fields)]
    if not out:
        raise TaskError(f"there are no bars to show; name features=[...], of {', '.join(fields)}")
    return tuple(out)
