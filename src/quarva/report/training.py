"""Plot of the learning curves of a network or a trader."""

from typing import Any

import numpy as np

from quarva.report import axis
from quarva.report.data import TrainingHistory
from quarva.report.plot import Hover, Key, Line, Plot, dots, polyline

__all__ = ["training"]

_STYLES = ("train", "ink")
_ENDS = {
    "patience": "Training stopped early because the held-out loss no longer improved.",
    "epochs": "Training ended after the requested number of epochs.",
    "updates": "Training ended after the requested number of updates.",
    "diverged": "Training ended because the loss became NaN.",
    "interrupted": "Training was interrupted.",
}
_MAX_DOTS = 60  # curves with more points are drawn as lines only


def training(data: TrainingHistory) -> dict[str, Any] | None:
    """Learning curves against epochs or updates; None if no value is finite."""
    curves = {name: values for name, values in data.curves.items() if np.isfinite(values).any()}
    if not curves:
        return None
    finite = np.concatenate([values[np.isfinite(values)] for values in curves.values()])
    y = axis.round_axis(float(finite.min()), float(finite.max()), zero=False)
    scale = axis.round_axis(0.0, float(data.steps.max()), count=5)
    x = scale.at(data.steps.astype(np.float64))
    styles = dict(zip(curves, _STYLES, strict=False))
    lines = [Line(polyline(x, values, y), styles[name]) for name, values in curves.items()]
    if len(x) <= _MAX_DOTS:
        lines += [Line(dots(x, values, y), f"{styles[name]} dot") for name, values in curves.items()]
    rows = np.unique(np.linspace(0, len(x) - 1, min(len(x), 240)).astype(int))
    series = [(styles[name], name, [f"{values[r]:.4g}" for r in rows]) for name, values in curves.items()]
    ends = "; ".join(f"{name} ends at {values[-1]:.4g}" for name, values in curves.items())
    plot = Plot(
        f"{data.figure} by {data.step}: {ends}.",
        scale.ticks,
        y,
        240,
        lines=tuple(lines),
        hover=Hover([float(x[r]) for r in rows], [f"{data.step} {data.steps[r]:,}" for r in rows], series),
        x_title=data.step,
    )
    return {
        "name": "training",
        "title": "Learning curves",
        "unit": data.figure,
        "panels": (plot,),
        "note": _note(data),
        "keys": tuple(Key(styles[name], name) for name in curves) if len(curves) > 1 else (),
    }


def _note(data: TrainingHistory) -> str:
    parts = []
    held = data.curves.get("held out")
    if held is not None and np.isfinite(held).any():
        best = int(data.steps[int(np.nanargmin(held))])
        parts.append(f"The weights with the lowest held-out loss are kept: {data.step} {best:,}.")
    if data.averaged_over > 1:
        parts.append(f"Each point is the mean of {data.averaged_over:,} {data.step}s.")
    parts.append(_ENDS.get(data.ended, ""))
    return " ".join(part for part in parts if part)
