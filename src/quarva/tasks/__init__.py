"""Tasks: targets, objectives and splits, and the scores that they give to formulas.

This package must not depend on how formulas are proposed.
"""

from quarva.tasks.classes import Direction, Quintile, TripleBarrier
from quarva.tasks.external_signals import attach_signals
from quarva.tasks.forward import Forward, ForwardRange, ForwardReturn, ForwardVolatility, VolumeSurprise
from quarva.tasks.objectives import COVERAGE, LEAST_SHARE, OBJECTIVES, Objective
from quarva.tasks.risk import RiskModel
from quarva.tasks.scores import Scores
from quarva.tasks.split import TEST, TRAIN, UNUSED, VALIDATION, Split
from quarva.tasks.targets import FORWARD, Field, Target, last_known_value, parse_target
from quarva.tasks.task import Task, check_task

__all__ = [
    "COVERAGE",
    "FORWARD",
    "LEAST_SHARE",
    "OBJECTIVES",
    "TEST",
    "TRAIN",
    "UNUSED",
    "VALIDATION",
    "Direction",
    "Field",
    "Forward",
    "ForwardRange",
    "ForwardReturn",
    "ForwardVolatility",
    "Objective",
    "Quintile",
    "RiskModel",
    "Scores",
    "Split",
    "Target",
    "Task",
    "TripleBarrier",
    "VolumeSurprise",
    "attach_signals",
    "check_task",
    "last_known_value",
    "parse_target",
]
