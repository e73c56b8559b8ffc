"""Simulated markets for testing searches. This package knows formulas and panels, but no search."""

from quarva.scenarios.simulate import BAR, Market, planted_ic, simulate

__all__ = ["BAR", "Market", "planted_ic", "simulate"]
