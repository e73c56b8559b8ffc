"""Runs: recipes, run folders, and the verb that searches a task and may leave a folder."""

from quarva.runs.recipe import Recipe
from quarva.runs.run_folder import RunFolder
from quarva.runs.run_search import SEARCHERS, make_searcher, search

__all__ = ["SEARCHERS", "Recipe", "RunFolder", "make_searcher", "search"]
