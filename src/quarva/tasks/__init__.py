"""Questions: targets, objectives, splits, and the scores they give to formulas.

This room must not know who proposes formulas or in what order.
"""

from quarva.tasks.abandon import Abandonment
from quarva.tasks.objectives import COVERAGE, LEAST_SHARE, OBJECTIVES, Objective
from quarva.tasks.scores import Scores
from quarva.tasks.split import TEST, TRAIN, UNUSED, VALIDATION, Split
from quarva.tasks.targets import Field, ForwardReturn, parse_target
from quarva.tasks.task import Task

__all__ = [
    "COVERAGE",
    "LEAST_SHARE",
    "OBJECTIVES",
    "TEST",
    "TRAIN",
    "UNUSED",
    "VALIDATION",
    "Abandonment",
    "Field",
    "ForwardReturn",
    "Objective",
    "Scores",
    "Split",
    "Task",
    "parse_target",
]
