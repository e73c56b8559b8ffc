"""The figure of a training: what each epoch, or each stretch of updates, came to."""

from typing import Any

import numpy as np

from quarva.report import axis
from quarva.report.data import Learning
from quarva.report.plot import Hover, Key, Line, dots, polyline
from quarva.report.plot import Plot as Panel

__all__ = ["learning"]

_STYLES = ("train", "ink")
_ENDS = {
    "patience": "Training ended when nothing had been gained for a while.",
    "epochs": "Training ended after the epochs that were asked for.",
    "updates": "Training ended after the updates that were asked for.",
    "diverged": "Training ended at a loss that was no number.",
    "interrupted": "Training was interrupted.",
}
_FEW = 60  # points that are told apart by eye, and drawn


def learning(data: Learning) -> dict[str, Any] | None:
    """Curves of a training against its steps, the first one coloured as training is."""
    curves = {name: values for name, values in data.curves.items() if np.isfinite(values).any()}
    if not curves:
        return None
    finite = np.concatenate([values[np.isfinite(values)] for values in curves.values()])
    y = axis.round_axis(float(finite.min()), float(finite.max()), zero=False)
    scale = axis.round_axis(0.0, float(data.steps.max()), count=5)
    x = scale.at(data.steps.astype(np.float64))
    styles = dict(zip(curves, _STYLES, strict=False))
    lines = [Line(polyline(x, values, y), styles[name]) for name, values in curves.items()]
    if len(x) <= _FEW:
        lines += [Line(dots(x, values, y), f"{styles[name]} dot") for name, values in curves.items()]
    rows = np.unique(np.linspace(0, len(x) - 1, min(len(x), 240)).astype(int))
    said = [(styles[name], name, [f"{values[r]:.4g}" for r in rows]) for name, values in curves.items()]
    ends = "; ".join(f"{name} ends at {values[-1]:.4g}" for name, values in curves.items())
    plot = Panel(
        f"{data.figure} by {data.step}: {ends}.",
        scale.ticks,
        y,
        240,
        lines=tuple(lines),
        hover=Hover([float(x[r]) for r in rows], [f"{data.step} {data.steps[r]:,}" for r in rows], said),
        x_title=data.step,
    )
    return {
        "name": "learning",
        "title": "Progress of the training",
        "unit": data.figure,
        "panels": (plot,),
        "note": _note(data),
        "keys": tuple(Key(styles[name], name) for name in curves) if len(curves) > 1 else (),
    }


def _note(data: Learning) -> str:
    parts = []
    held = data.curves.get("held out")
    if held is not None and np.isfinite(held).any():
        best = int(data.steps[int(np.nanargmin(held))])
        parts.append(f"The weights are those of the smallest held-out loss: {data.step} {best:,}.")
    if data.of > 1:
        parts.append(f"Each point is the mean of {data.of:,} {data.step}s.")
    parts.append(_ENDS.get(data.ended, ""))
    return " ".join(part for part in parts if part)
