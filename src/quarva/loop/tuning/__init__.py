"""Constants fitted by least squares before a formula's score counts; must not know who proposes formulas."""

from quarva.loop.tuning.tuner import STEPS, Tuned, Tuner, tuner_for

__all__ = ["STEPS", "Tuned", "Tuner", "tuner_for"]
