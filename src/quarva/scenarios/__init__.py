"""Simulated markets for testing searches. This package must not depend on searches."""

from quarva.scenarios.simulate import BAR, Market, planted_ic, simulate

__all__ = ["BAR", "Market", "planted_ic", "simulate"]
