"""Search algorithms: random search, gene expression programming, a neural generator, and their blend."""

from quarva.searchers.blend import Blend
from quarva.searchers.gep import GEP
from quarva.searchers.policy import Policy
from quarva.searchers.random_search import RandomSearch

__all__ = ["GEP", "Blend", "Policy", "RandomSearch"]
