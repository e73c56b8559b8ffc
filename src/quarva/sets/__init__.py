"""Sets: formulas with weights that are fitted together, with shrinkage."""

from quarva.sets.fitting import fit_set
from quarva.sets.formula_set import Set
from quarva.sets.starts import STARTS, starting_formulas

__all__ = ["STARTS", "Set", "fit_set", "starting_formulas"]
