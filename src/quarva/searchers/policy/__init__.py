"""A network that writes genes and learns from their scores; must not know who else searches."""

from quarva.searchers.policy.policy import Policy

__all__ = ["Policy"]
