"""Sets: formulas whose weights are fitted jointly, with shrinkage."""

from quarva.engine import Set
from quarva.sets.fitting import can_have_set, fit_set
from quarva.sets.found import FOUND_MEMBERS, KNOWN_MEMBERS, fit_found
from quarva.sets.starts import DEFAULT_START, NO_START, STARTS, starting_formulas

__all__ = [
    "DEFAULT_START",
    "FOUND_MEMBERS",
    "KNOWN_MEMBERS",
    "NO_START",
    "STARTS",
    "Set",
    "can_have_set",
    "fit_found",
    "fit_set",
    "starting_formulas",
]
