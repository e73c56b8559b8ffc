"""Gene expression programming on islands."""

from quarva.searchers.gep.gep import GEP

__all__ = ["GEP"]
