"""Ways to propose formulas: random search, evolution, a neural generator, and the blend of them."""

from quarva.searchers.blend import Blend
from quarva.searchers.gep import GEP
from quarva.searchers.policy import Policy
from quarva.searchers.random_search import RandomSearch

__all__ = ["GEP", "Blend", "Policy", "RandomSearch"]
