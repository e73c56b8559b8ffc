"""Sets: formulas whose weights are fitted jointly, with shrinkage."""

from quarva.engine import Set
from quarva.sets.fitting import FOUND_MEMBERS, KNOWN_MEMBERS, can_have_set, fit_set
from quarva.sets.starts import STARTS, starting_formulas

__all__ = [
    "FOUND_MEMBERS",
    "KNOWN_MEMBERS",
    "STARTS",
    "Set",
    "can_have_set",
    "fit_set",
    "starting_formulas",
]
