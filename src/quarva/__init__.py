"""Function search on market data: finds formulas and fits networks that predict a target on a panel.

    import quarva as qv

    panel = qv.sample_panel()
    task = qv.Task(panel, target=qv.ForwardReturn(5), objective="rank_ic")
    found = qv.search(task, "gep", budget=50_000, seed=0)
    print(found)

Names are imported on first use, so that `import quarva` is fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

from quarva.__version__ import __version__

if TYPE_CHECKING:
    from quarva.comparison import Comparison, compare, distil
    from quarva.engine import Formula
    from quarva.errors import (
        DeviceError,
        FormulaError,
        PanelError,
        QuarvaError,
        RecipeError,
        RunError,
        TaskError,
    )
    from quarva.karva import OPERATORS, Expression, parse, render
    from quarva.live import Stream
    from quarva.loop import Finding, Findings, Searcher
    from quarva.networks import Fitted, Learner, Sweep, sweep
    from quarva.panel import Panel, Table, sample_panel
    from quarva.runs import fit, search
    from quarva.sets import Set, fit_set
    from quarva.strategies import (
        LongShort,
        Performance,
        RankWeights,
        SignTiming,
        Strategy,
        VolatilityScaled,
    )
    from quarva.tasks import Field, ForwardReturn, RiskModel, Task

__all__ = [
    "OPERATORS",
    "Comparison",
    "DeviceError",
    "Expression",
    "Field",
    "Finding",
    "Findings",
    "Fitted",
    "Formula",
    "FormulaError",
    "ForwardReturn",
    "Learner",
    "LongShort",
    "Panel",
    "PanelError",
    "Performance",
    "QuarvaError",
    "RankWeights",
    "RecipeError",
    "RiskModel",
    "RunError",
    "Searcher",
    "Set",
    "SignTiming",
    "Strategy",
    "Stream",
    "Sweep",
    "Table",
    "Task",
    "TaskError",
    "VolatilityScaled",
    "__version__",
    "compare",
    "distil",
    "fit",
    "fit_set",
    "parse",
    "render",
    "sample_panel",
    "search",
    "sweep",
]

_ROOMS = {
    "comparison": ("Comparison", "compare", "distil"),
    "engine": ("Formula",),
    "errors": (
        "DeviceError",
        "FormulaError",
        "PanelError",
        "QuarvaError",
        "RecipeError",
        "RunError",
        "TaskError",
    ),
    "karva": ("OPERATORS", "Expression", "parse", "render"),
    "live": ("Stream",),
    "networks": ("Fitted", "Learner", "Sweep", "sweep"),
    "panel": ("Panel", "Table", "sample_panel"),
    "loop": ("Finding", "Findings", "Searcher"),
    "runs": ("fit", "search"),
    "sets": ("Set", "fit_set"),
    "strategies": ("LongShort", "Performance", "RankWeights", "SignTiming", "Strategy", "VolatilityScaled"),
    "tasks": ("Field", "ForwardReturn", "RiskModel", "Task"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'quarva' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"quarva.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
