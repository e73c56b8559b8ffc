"""Picture of the power of a recipe: shares of planted effects against their strength."""

import os
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from quarva._runtime.extras import import_extra
from quarva._runtime.files import write_atomically
from quarva.report.comparison.png import LIGHT

__all__ = ["write_power_png"]


def write_power_png(
    strengths: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    title: str,
    path: str | os.PathLike[str],
) -> Path:
    """Draw shares against the planted information coefficient, and write the picture atomically.

    Parameters
    ----------
    strengths : sequence of float, length K
        Information coefficients.
    lines : mapping of str to sequence of float, length K
        Shares by name of the line.
    title : str
        Title.
    path : path-like
        PNG file to create or replace.

    Returns
    -------
    Path
        The path written.

    Raises
    ------
    RunError
        Matplotlib is missing, or the file cannot be written.
    """
    matplotlib = import_extra("matplotlib", "png", "the picture of a power analysis")
    figures = import_extra("matplotlib.figure", "png", "the picture of a power analysis")
    settings = {"font.family": "DejaVu Sans", "font.size": 10, "text.color": LIGHT["ink"]}
    with matplotlib.rc_context(settings):
        figure = figures.Figure(figsize=(7.2, 4.4), dpi=160, facecolor=LIGHT["paper"])
        axes = figure.add_axes((0.09, 0.14, 0.70, 0.70), facecolor=LIGHT["paper"])
        for tint, (name, shares) in zip(LIGHT["tints"][1:], lines.items(), strict=False):
            axes.plot(strengths, shares, marker="o", markersize=4, linewidth=1.8, color=tint)
            axes.annotate(
                name, (strengths[-1], shares[-1]), (8, 0), textcoords="offset points", va="center", color=tint
            )
        least = min((share for each in lines.values() for share in each if share < 0), default=0.0)
        axes.set_ylim(least - 0.02, 1.0)
        axes.set_xticks(list(strengths), [f"{strength:g}" for strength in strengths])
        axes.set_xlabel("information coefficient of each planted formula", color=LIGHT["soft"])
        axes.set_ylabel("share carried to unseen days", color=LIGHT["soft"])
        axes.grid(axis="y", color=LIGHT["rule"])
        axes.tick_params(colors=LIGHT["soft"], length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        figure.text(0.09, 0.92, title, fontsize=12, color=LIGHT["ink"])
        drawn = BytesIO()
        figure.savefig(drawn, format="png", facecolor=LIGHT["paper"])
    target = Path(path)
    write_atomically(target, drawn.getvalue())
    return target
