"""Features: the formulas or functions whose values a network reads."""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.panel import Panel

__all__ = ["Feature", "compute", "default_features", "feature_name"]

Feature = str | Callable[[Panel], NDArray[np.floating]]
"""A formula in infix notation, or a function that returns an array of shape (T, N) for a panel."""


_DEFAULT_FEATURES = {
    "pct_change(close, 1)": {"close"},
    "close / open - 1": {"open", "close"},
    "(high - low) / close": {"high", "low", "close"},
    "(close - low) / (high - low)": {"high", "low", "close"},
    "log(volume / mean(volume, 20))": {"volume"},
}


def feature_name(feature: Feature) -> str:
    """The text of a formula, or the name of a function."""
    return feature if isinstance(feature, str) else getattr(feature, "__name__", type(feature).__name__)


def compute(feature: Callable[[Panel], NDArray[np.floating]], panel: Panel) -> NDArray[np.float32]:
    """Compute a function on a panel.

    Parameters
    ----------
    feature : callable
        Returns an array of shape (T, N).
    panel : Panel
        The data.

    Returns
    -------
    ndarray of float32, shape (T, N)

    Raises
    ------
    TaskError
        The result has another shape.
    """
    values = np.asarray(feature(panel), np.float32)
    if values.shape != panel.shape:
        raise TaskError(
            f"the feature {feature_name(feature)} must have the shape of the panel, {list(panel.shape)} "
            f"(days × assets), not {list(values.shape)}"
        )
    return values


def default_features(fields: Collection[str]) -> tuple[str, ...]:
    """Unit-free features of bars: return, range, position in the range, and volume surprise.

    Parameters
    ----------
    fields : collection of str
        Fields that may be read.

    Returns
    -------
    tuple of str
        Those formulas whose fields are available.

    Raises
    ------
    TaskError
        None of the features can be computed from the fields.
    """
    out = [feature for feature, reads in _DEFAULT_FEATURES.items() if reads <= set(fields)]
    if not out:
        raise TaskError(
            f"the default features need bars; pass features=[...] with formulas of {', '.join(fields)}"
        )
    return tuple(out)
