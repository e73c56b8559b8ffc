"""Optional rules that forbid redundant formulas: those that a shorter or simpler formula can replace.

A search that follows them spends its budget on fewer equivalent formulas.
"""

import numpy as np
from numpy.typing import NDArray

from quarva.karva.alphabet import Alphabet
from quarva.karva.expression import Symbol

__all__ = [
    "MERGED",
    "REDUNDANT",
    "RULES",
    "TRIGONOMETRY",
    "is_redundant",
    "merges",
    "permitted",
    "trigonometric",
]

RULES: dict[str, str] = {
    "inverse": "no function directly below its inverse or below a function that makes it redundant",
    "trigonometry": "no sine or cosine anywhere below a sine or a cosine",
    "window": "no formula beyond the lookback limit; no lag of a lag, no extreme of an extreme",
    "units": "no sum or comparison of different units, such as a price plus a volume",
    "constants": "no function of constants alone, and no constant as a formula",
}
"""The optional rules of a `Grammar`, which always has the tail rule."""

REDUNDANT: dict[tuple[str, str], str] = {
    ("log", "exp"): "log(exp(x)) = x",
    ("exp", "log"): "exp(log(x)) = x",
    ("neg", "neg"): "-(-x) = x",
    ("inv", "inv"): "1/(1/x) = x",
    ("sqrt", "square"): "sqrt(x²) = |x|",
    ("square", "sqrt"): "sqrt(x)² = x",
    ("not", "not"): "not not x has the truth value of x",
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
    ("rank", "rank"): "a rank preserves the order",
    ("rank", "exp"): "exp preserves the order",
    ("rank", "zscore"): "a z-score preserves the order within a day",
    ("rank", "demean"): "demeaning preserves the order within a day",
    ("rank", "scale"): "scaling preserves the order within a day",
    ("zscore", "zscore"): "a z-score has mean 0 and standard deviation 1",
    ("zscore", "demean"): "a z-score subtracts the mean",
    ("zscore", "scale"): "a z-score is invariant to scale",
    ("demean", "demean"): "the mean is already 0",
    ("scale", "scale"): "the scale is already 1",
    ("group_rank", "group_rank"): "a rank preserves the order",
    ("group_rank", "group_zscore"): "a z-score preserves the order within a group",
    ("group_rank", "group_demean"): "demeaning preserves the order within a group",
    ("group_zscore", "group_zscore"): "a z-score has mean 0 and standard deviation 1",
    ("group_zscore", "group_demean"): "a z-score subtracts the mean",
    ("group_demean", "group_demean"): "the mean is already 0",
    ("of_asset", "of_asset"): "all assets already have the same value",
}
"""Pairs of operators of which the second is redundant directly below the first, and the reason.

Group operators form such a pair only if they have the same group.
"""

TRIGONOMETRY = frozenset({"sin", "cos"})
"""Operators of the rule "trigonometry"; tanh is not periodic and is not one of them."""

MERGED = frozenset({"ref", "ts_min", "ts_max"})
"""Operators that, directly below themselves, are equivalent to one operator with a longer window."""


def is_redundant(above: Symbol, below: Symbol) -> bool:
    """Return whether the second symbol is redundant directly below the first."""
    if above.operator is None or below.operator is None:
        return False
    return (above.operator.name, below.operator.name) in REDUNDANT and above.group == below.group


def merges(above: Symbol, below: Symbol) -> bool:
    """Return whether the two symbols, one directly below the other, are equivalent to one."""
    if above.operator is None or below.operator is None:
        return False
    return above.operator.name == below.operator.name and above.operator.name in MERGED


def permitted(alphabet: Alphabet, rules: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which functions may stand directly below each symbol, bool of shape (2, V + 1, F).

    The first index is 1 for positions below a sine or a cosine. Row V stands for the root.
    """
    functions = alphabet.symbols[: alphabet.n_functions]
    table = np.ones((len(alphabet) + 1, len(functions)), np.bool_)
    for a, above in enumerate(functions):
        for b, below in enumerate(functions):
            redundant = "inverse" in rules and is_redundant(above, below)
            table[a, b] = not redundant and not ("window" in rules and merges(above, below))
    below_trigonometric = table & ~trigonometric(alphabet, rules)[: alphabet.n_functions]
    return np.stack([table, below_trigonometric])


def trigonometric(alphabet: Alphabet, rules: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which symbols the rule "trigonometry" applies to, bool of shape (V,)."""
    names = [s.operator.name if s.operator is not None else "" for s in alphabet.symbols]
    return np.array([("trigonometry" in rules) and name in TRIGONOMETRY for name in names])
