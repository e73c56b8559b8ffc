"""Resolution of the names in formulas to indices on a panel."""

import numpy as np
from numpy.typing import NDArray

from quarva.engine.program import Program
from quarva.errors import FormulaError
from quarva.karva.alphabet import FIELD, Alphabet
from quarva.karva.operators import CODE, OPERATORS

__all__ = ["place_params"]

_FIRST_GROUP = [operator.kind for operator in OPERATORS].index("group")


def place_params(
    formulas: Program | Alphabet, fields: tuple[str, ...], groups: tuple[str, ...], assets: tuple[str, ...]
) -> NDArray[np.int32]:
    """Replace the indices of names in `param` by those of a panel.

    Parameters
    ----------
    formulas : Program or Alphabet
        The formulas or the alphabet.
    fields, groups, assets : tuple of str
        The names of the panel, in its order.

    Returns
    -------
    ndarray of int32
        `formulas.param` with the indices of the panel's fields, groups and assets.

    Raises
    ------
    FormulaError
        The panel lacks a name.
    """
    param = formulas.param
    for kind, wanted, there, first, end in (
        ("field", formulas.fields, fields, FIELD, FIELD + 1),
        ("group", formulas.groups, groups, _FIRST_GROUP, FIELD),
        ("asset", formulas.assets, assets, CODE["of_asset"], CODE["of_asset"] + 1),
    ):
        missing = [name for name in wanted if name not in there]
        if missing:
            known = ", ".join(there[:20]) or "none"
            raise FormulaError(f"the panel has no {kind} '{missing[0]}'; it has {known}")
        if wanted and wanted != there[: len(wanted)]:
            chosen = (formulas.code >= first) & (formulas.code < end)
            param = param.copy() if param is formulas.param else param
            param[chosen] = np.array([there.index(name) for name in wanted], np.int32)[param[chosen]]
    return param
