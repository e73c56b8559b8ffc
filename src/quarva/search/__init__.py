"""Ways to find formulas, and the loop that gives each the same budget; must not know how findings are shown.

The room is also its verb: `quarva.search(task, "gep", budget=50_000)` calls `quarva.search.search`.
"""

import sys
from types import ModuleType
from typing import Any

from quarva.search.blend import Blend
from quarva.search.findings import Finding, Findings
from quarva.search.gep import GEP
from quarva.search.loop import Loop, Progress
from quarva.search.memory import Memory
from quarva.search.policy import Policy
from quarva.search.random_search import RandomSearch
from quarva.search.run import SEARCHERS, search
from quarva.search.searcher import Resumable, Searcher, Space

__all__ = [
    "GEP",
    "SEARCHERS",
    "Blend",
    "Finding",
    "Findings",
    "Loop",
    "Memory",
    "Policy",
    "Progress",
    "RandomSearch",
    "Resumable",
    "Searcher",
    "Space",
    "search",
]


class _Verb(ModuleType):
    """A module that can be called; `import quarva.search` would else hide the function of the same name."""

    def __call__(self, *args: Any, **kwargs: Any) -> Findings:
        return search(*args, **kwargs)


sys.modules[__name__].__class__ = _Verb
