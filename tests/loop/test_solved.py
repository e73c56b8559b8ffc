"""Only a formula that equals the target to rounding ends a search."""

import numpy as np
import pytest

from quarva.karva import parse
from quarva.loop.solved import is_exact
from quarva.panel import Table
from quarva.tasks import Task

X = np.linspace(-1, 1, 20).astype(np.float32)


@pytest.mark.parametrize("objective", ["nrmse", "r2"])
@pytest.mark.parametrize(
    ("target", "formula", "exact"),
    [
        (X.astype(float) ** 2, "x * x", True),
        (X.astype(float) ** 2, "x * x * 1.0000005", False),  # normalised squared error 6e-13
        (X.astype(float) ** 2, "x * x + 0.01", False),
        (X.astype(float) + 1000, "x + 1000", True),  # float32 keeps this target to 2e-5 only
    ],
)
def test_a_formula_is_exact_to_the_rounding_of_the_target(objective, target, formula, exact):
    task = Task(Table.from_arrays({"x": X}, target), objective=objective)
    expression = parse(formula)
    assert is_exact(task, expression, float(task.score(expression).train[0])) is exact
