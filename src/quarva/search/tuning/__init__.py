"""Constants of formulas fitted by least squares before their scores count; must not know who proposes them."""

from quarva.search.tuning.tuner import Tuned, Tuner

__all__ = ["Tuned", "Tuner"]
