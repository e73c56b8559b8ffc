"""Tuning: the constants of new formulas are fitted by least squares before their scores count.

This package must not depend on how formulas are proposed.
"""

from quarva.loop.tuning.tuner import STEPS, Tuned, Tuner, tuner_for

__all__ = ["STEPS", "Tuned", "Tuner", "tuner_for"]
