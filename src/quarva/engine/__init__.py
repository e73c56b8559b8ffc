"""Fast evaluation of formulas on panels. This package must not depend on tasks or searches."""

from quarva.engine.devices import DEVICES, Device
from quarva.engine.evaluate import evaluate, is_compiled, signals, threads_to_use
from quarva.engine.formula import Formula
from quarva.engine.formula_set import Set
from quarva.engine.program import Program
from quarva.engine.stream import Stream
from quarva.engine.target import Statistic, Target

__all__ = [
    "DEVICES",
    "Device",
    "Formula",
    "Program",
    "Set",
    "Statistic",
    "Stream",
    "Target",
    "evaluate",
    "is_compiled",
    "signals",
    "threads_to_use",
]
