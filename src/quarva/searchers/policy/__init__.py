"""A neural generator of formulas that learns from their scores; it does not depend on other searchers."""

from quarva.searchers.policy.policy import Policy

__all__ = ["Policy"]
