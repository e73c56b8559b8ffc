"""Whether what a network is shown knows what it is asked: looked into before every fit.

A formula can not look ahead, whoever wrote it; a function of the user's can, and so can a field that came
with the data.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.networks.data.features import Feature, compute, name_of
from quarva.panel import Panel
from quarva.tasks import Task

__all__ = ["check_causality", "check_target"]

_CUTS = (0.5, 0.8)  # shares of the days at which the future is taken away


def check_causality(features: Sequence[Feature], panel: Panel) -> None:
    """Take the future away and see whether the past of a feature changes.

    Raises:
        TaskError: the values of a function on the days up to a cut differ once the panel ends there; with
            the first such day.
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
                    f"the feature {name_of(feature)} knows the future: its value of {day} changes when the "
                    f"days after {str(panel.dates[last])[:10]} are taken away; compute it from its "
                    "own day and those before"
                )


def check_target(names: Sequence[str], values: NDArray[np.float32], task: Task) -> None:
    """Refuse a feature that is the target under another name, see `quarva.tasks.leaks`.

    Args:
        names: of the F features. values: float32 [F, T, N], NaN = not there.

    Raises:
        TaskError: a feature agrees with the target on the training days as no honest one does.
    """
    for leak in task.leaks(names, list(values)):
        raise TaskError(
            f"the feature '{leak.name}' is the target {task.target_names[0]} in all but name ({leak} on the "
            "training days): it knows the days to come; leave it out, and of prices show changes"
        )
