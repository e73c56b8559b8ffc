"""A surrogate that predicts the score of a formula from its signal on a probe panel."""

from quarva.searchers.surrogate.surrogate import BOLD, Surrogate

__all__ = ["BOLD", "Surrogate"]
