"""Evaluates formulas on panels, fast. It must not know a target's name, an objective or a search."""

from quarva.engine.devices import DEVICES, Device
from quarva.engine.evaluate import evaluate, is_compiled, signals, threads_to_use
from quarva.engine.formula import Formula
from quarva.engine.program import Program
from quarva.engine.stream import Stream
from quarva.engine.target import Statistic, Target

__all__ = [
    "DEVICES",
    "Device",
    "Formula",
    "Program",
    "Statistic",
    "Stream",
    "Target",
    "evaluate",
    "is_compiled",
    "signals",
    "threads_to_use",
]
