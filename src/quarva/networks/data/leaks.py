"""Checks for look-ahead in the inputs of a network, made before every fit.

A formula cannot look ahead, but a user's function or a column of the data can.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.networks.data.features import Feature, compute, feature_name
from quarva.panel import Panel
from quarva.tasks import Task

__all__ = ["check_causality", "check_target"]

_CUTS = (0.5, 0.8)  # shares of the days after which the panel is truncated


def check_causality(features: Sequence[Feature], panel: Panel) -> None:
    """Check that the values of a feature do not change when later days are removed.

    Parameters
    ----------
    features : sequence of str or callable
        The features. Formulas are skipped because they cannot look ahead.
    panel : Panel
        The data.

    Raises
    ------
    TaskError
        The past values of a function change when the panel is truncated. The message names the first such
        day.
    """
    for feature in features:
        if isinstance(feature, str):
            continue
        whole = compute(feature, panel)
        for share in _CUTS:
            last = max(0, int(share * panel.shape[0]) - 1)
            part = compute(feature, panel.between(panel.dates[0], panel.dates[last]))
            same = np.isclose(part, whole[: last + 1], rtol=1e-4, atol=1e-6, equal_nan=True).all(axis=1)
            if not same.all():
                day = str(panel.dates[int(np.argmin(same))])[:10]
                raise TaskError(
                    f"the feature {feature_name(feature)} looks ahead: its value on {day} changes when the "
                    f"days after {str(panel.dates[last])[:10]} are removed; compute it from its own day and "
                    "earlier days only"
                )


def check_target(names: Sequence[str], values: NDArray[np.float32], task: Task) -> None:
    """Raise TaskError for features that are copies of the target; see `quarva.tasks.leaks`.

    Parameters
    ----------
    names : sequence of str
        Names of the F features.
    values : ndarray of float32, shape (F, T, N)
        Their values. NaN marks a missing value.
    task : Task
        The task whose target is compared.

    Raises
    ------
    TaskError
        A feature agrees with the target in training more closely than past data can.
    """
    for leak in task.leaks(names, list(values)):
        raise TaskError(
            f"the feature '{leak.name}' is the target {task.target_names[0]} in all but name ({leak} on the "
            "training days), so it looks ahead; leave it out, and use changes instead of prices"
        )
