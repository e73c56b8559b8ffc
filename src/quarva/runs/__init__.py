"""Runs: recipes, run folders, and the functions `search` and `fit`.

Names are imported on first use, so that the command line can read the settings without importing the engine.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quarva.runs.recipe import FitRecipe, Recipe, SearchRecipe
    from quarva.runs.run_fit import fit
    from quarva.runs.run_folder import RunFolder
    from quarva.runs.run_search import SEARCHERS, make_searcher, search

__all__ = [
    "SEARCHERS",
    "FitRecipe",
    "Recipe",
    "RunFolder",
    "SearchRecipe",
    "fit",
    "make_searcher",
    "search",
]

_MODULES = {
    "recipe": ("FitRecipe", "Recipe", "SearchRecipe"),
    "run_fit": ("fit",),
    "run_folder": ("RunFolder",),
    "run_search": ("SEARCHERS", "make_searcher", "search"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'quarva.runs' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"quarva.runs.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
