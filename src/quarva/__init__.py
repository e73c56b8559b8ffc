"""Function search on market data: bring a panel and a question, get formulas that answer it.

    import quarva as qv

    panel = qv.sample_panel()
    task = qv.Task(panel, target=qv.ForwardReturn(5), objective="rank_ic")
    found = qv.search(task, "gep", budget=50_000, seed=0)
    print(found)

Every name below is loaded when it is first used, so that importing Quarva costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from quarva.engine import Formula as Formula
    from quarva.errors import FormulaError as FormulaError
    from quarva.errors import PanelError as PanelError
    from quarva.errors import QuarvaError as QuarvaError
    from quarva.errors import RecipeError as RecipeError
    from quarva.errors import RunError as RunError
    from quarva.errors import TaskError as TaskError
    from quarva.karva import OPERATORS as OPERATORS
    from quarva.karva import Expression as Expression
    from quarva.karva import parse as parse
    from quarva.karva import render as render
    from quarva.panel import Panel as Panel
    from quarva.panel import Table as Table
    from quarva.panel import sample_panel as sample_panel
    from quarva.search import Finding as Finding
    from quarva.search import Findings as Findings
    from quarva.search import Searcher as Searcher
    from quarva.search import search as search
    from quarva.strategies import LongShort as LongShort
    from quarva.strategies import Performance as Performance
    from quarva.strategies import RankWeights as RankWeights
    from quarva.strategies import SignTiming as SignTiming
    from quarva.strategies import Strategy as Strategy
    from quarva.strategies import VolatilityScaled as VolatilityScaled
    from quarva.tasks import Field as Field
    from quarva.tasks import ForwardReturn as ForwardReturn
    from quarva.tasks import Task as Task

_ROOMS = {
    "engine": ("Formula",),
    "errors": ("FormulaError", "PanelError", "QuarvaError", "RecipeError", "RunError", "TaskError"),
    "karva": ("OPERATORS", "Expression", "parse", "render"),
    "panel": ("Panel", "Table", "sample_panel"),
    "search": ("Finding", "Findings", "Searcher"),
    "strategies": ("LongShort", "Performance", "RankWeights", "SignTiming", "Strategy", "VolatilityScaled"),
    "tasks": ("Field", "ForwardReturn", "Task"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = sorted([*_ROOM_OF, "__version__", "search"])  # noqa: PLE0604, PLE0605


def __getattr__(name: str) -> Any:
    if name == "search":  # the room and the verb are one: quarva.search is a module that can be called
        return importlib.import_module("quarva.search")
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'quarva' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"quarva.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
