"""Imagined and planted markets for testing searches. This package must not depend on searches."""

from quarva.scenarios.effects import planted_ic
from quarva.scenarios.plant import Planted, plant
from quarva.scenarios.share import share
from quarva.scenarios.simulate import BAR, Market, simulate

__all__ = ["BAR", "Market", "Planted", "plant", "planted_ic", "share", "simulate"]
