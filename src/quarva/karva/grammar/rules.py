"""Rules of taste: what may not stand right below what, and what may not stand anywhere below what.

They forbid formulas that a shorter one says as well, so that a budget is not spent on saying things twice.
"""

import numpy as np
from numpy.typing import NDArray

from quarva.karva.alphabet import Alphabet
from quarva.karva.expression import Symbol

__all__ = ["MERGED", "RULES", "TRIGONOMETRY", "UNDONE", "merges", "permits", "undoes", "waves"]

RULES: dict[str, str] = {
    "inverse": "nothing stands right below what undoes it, or what would give the same without it",
    "trigonometry": "no sine or cosine stands anywhere below a sine or a cosine",
    "window": "a formula looks back no further than the limit; no lag of a lag, no extreme of extremes",
    "units": "what is added or compared has one unit: no price plus a volume, no price below a volume",
    "constants": "no function has constants alone as arguments, and no formula is a constant",
}
"""The rules that a `Grammar` knows, beside the rule of the tail."""

UNDONE: dict[tuple[str, str], str] = {
    ("log", "exp"): "log(exp(x)) = x",
    ("exp", "log"): "exp(log(x)) = x",
    ("neg", "neg"): "-(-x) = x",
    ("inv", "inv"): "1/(1/x) = x",
    ("sqrt", "square"): "sqrt(x²) = |x|",
    ("square", "sqrt"): "sqrt(x)² = x",
    ("not", "not"): "not not x is as true as x",
    ("sign", "sign"): "sign(sign(x)) = sign(x)",
    ("abs", "abs"): "||x|| = |x|",
    ("abs", "neg"): "|-x| = |x|",
    ("abs", "square"): "|x²| = x²",
    ("abs", "sqrt"): "|sqrt(x)| = sqrt(x)",
    ("abs", "exp"): "|exp(x)| = exp(x)",
    ("square", "neg"): "(-x)² = x²",
    ("square", "abs"): "|x|² = x²",
    ("cos", "neg"): "cos(-x) = cos(x)",
    ("cos", "abs"): "cos(|x|) = cos(x)",
    ("rank", "rank"): "ranks keep their order",
    ("rank", "exp"): "exp keeps the order",
    ("rank", "zscore"): "a day's mean and deviation keep the order",
    ("rank", "demean"): "a day's mean keeps the order",
    ("rank", "scale"): "a day's sum keeps the order",
    ("zscore", "zscore"): "a z-score has mean 0 and deviation 1",
    ("zscore", "demean"): "a z-score takes the mean off itself",
    ("zscore", "scale"): "a z-score takes the scale off itself",
    ("demean", "demean"): "the mean is 0 already",
    ("scale", "scale"): "the scale is 1 already",
    ("group_rank", "group_rank"): "ranks keep their order",
    ("group_rank", "group_zscore"): "a group's mean and deviation keep the order",
    ("group_rank", "group_demean"): "a group's mean keeps the order",
    ("group_zscore", "group_zscore"): "a z-score has mean 0 and deviation 1",
    ("group_zscore", "group_demean"): "a z-score takes the mean off itself",
    ("group_demean", "group_demean"): "the mean is 0 already",
    ("of_asset", "of_asset"): "all assets have the inner one's value",
}
"""Operators of which the second, right below the first, is in vain, and why. Of groups: the same group."""

TRIGONOMETRY = frozenset({"sin", "cos"})
"""What may not stand below itself; tanh is no periodic function and may."""

MERGED = frozenset({"ref", "ts_min", "ts_max"})
"""What says right below itself, whatever the windows, only what one longer window says."""


def undoes(above: Symbol, below: Symbol) -> bool:
    """Whether the second symbol is in vain right below the first."""
    if above.operator is None or below.operator is None:
        return False
    return (above.operator.name, below.operator.name) in UNDONE and above.group == below.group


def merges(above: Symbol, below: Symbol) -> bool:
    """Whether two windows, one right below the other, are one window."""
    if above.operator is None or below.operator is None:
        return False
    return above.operator.name == below.operator.name and above.operator.name in MERGED


def permits(alphabet: Alphabet, rules: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which function may stand right below which symbol, bool of shape (2, V + 1, F).

    The first index says whether the place stands below a sine or a cosine; row V is the root.
    """
    functions = alphabet.symbols[: alphabet.n_functions]
    table = np.ones((len(alphabet) + 1, len(functions)), np.bool_)
    for a, above in enumerate(functions):
        for b, below in enumerate(functions):
            vain = "inverse" in rules and undoes(above, below)
            table[a, b] = not vain and not ("window" in rules and merges(above, below))
    calm = table & ~waves(alphabet, rules)[: alphabet.n_functions]
    return np.stack([table, calm])


def waves(alphabet: Alphabet, rules: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which symbols may not stand anywhere below themselves, bool of shape (V,)."""
    names = [s.operator.name if s.operator is not None else "" for s in alphabet.symbols]
    return np.array([("trigonometry" in rules) and name in TRIGONOMETRY for name in names])
