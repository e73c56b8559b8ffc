"""A surrogate that predicts the score of a formula from its signal on a probe panel."""

from quarva.searchers.surrogate.surrogate import KAPPA, Surrogate

__all__ = ["KAPPA", "Surrogate"]
