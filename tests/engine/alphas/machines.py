"""The engines under test: the reference, with every node rounded to float32, and the kernel."""

import numpy as np
import torch
from numpy.typing import NDArray

from quarva.engine import Program, signals
from quarva.engine.reference import signals as reference
from quarva.karva import Expression
from quarva.panel import Panel

__all__ = ["ENGINES"]


def _reference(formula: Expression, panel: Panel) -> NDArray[np.float64]:
    return reference(formula, panel, storage=torch.float32).numpy()


def _kernel(formula: Expression, panel: Panel) -> NDArray[np.float64]:
    return signals(Program.from_expressions([formula]), panel, threads=1)[0].astype(float)


ENGINES = {"reference": _reference, "kernel": _kernel}
