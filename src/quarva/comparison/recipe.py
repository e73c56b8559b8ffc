"""The recipe of a comparison: a task, the entries that are compared on it, and their seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np

from quarva._runtime.whole import whole
from quarva.comparison.registry import entry_named, made_from
from quarva.errors import RecipeError, RunError
from quarva.runs import SEARCHERS
from quarva.runs.recipe import FitRecipe, Recipe, SearchRecipe, WrongSetting
from quarva.runs.settings import ComparisonSettings, LanguageSettings, LimitSettings, values_of

__all__ = ["CompareRecipe", "seeds_of"]


@dataclass(frozen=True, kw_only=True)
class CompareRecipe(LanguageSettings, LimitSettings, ComparisonSettings, Recipe):
    """Recipe of a comparison, in which each entry runs with each seed."""

    kind: ClassVar[str] = "compare"

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, source: str = "") -> Self:
        """Create a recipe from settings; see `Recipe.of`. `searchers` defaults to all searchers."""
        recipe = super().of(settings, source=source)
        return recipe if recipe.searchers else replace(recipe, searchers=_entries([*SEARCHERS]))

    @classmethod
    def _prepared(cls, name: str, value: Any) -> Any:
        if name == "seeds":
            return seeds_of(int(value) if isinstance(value, str) and value.strip().isdigit() else value)
        if name == "searchers" and not isinstance(value, Mapping):
            names = value.split(",") if isinstance(value, str) else value
            if not isinstance(names, Sequence) or not all(isinstance(each, str) for each in names):
                raise WrongSetting(name, value, "give names, or a table for each entry")
            names = [each.strip() for each in names if each.strip()]
            if len(set(names)) < max(len(names), 1):
                raise WrongSetting(name, value, "name at least one, and none twice")
            return _entries(names)
        return super()._prepared(name, value)

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The entries by name."""
        return self.searchers or {}

    def entrants(self) -> dict[str, Any]:
        """Create the searchers, networks and traders of the entries. Raises RecipeError if one is invalid."""
        return {name: made_from(name, entry) for name, entry in self.entries.items()}

    def settings_of_searches(self) -> dict[str, Any]:
        """Return the arguments of `search` that all searches share."""
        return values_of(self, LimitSettings, LanguageSettings)

    def with_more(self, more: Mapping[str, Any], path: object) -> Self:
        """Return the recipe with further entries and seeds, or another level.

        Parameters
        ----------
        more : mapping
            Values of `searchers`, `seeds` and `level` to add.
        path : path-like
            Folder of the comparison, for messages.

        Raises
        ------
        RunError
            An entry of the same name has different settings.
        """
        added: dict[str, dict[str, Any]] = dict(more.get("searchers") or {})
        for name, entry in added.items():
            before = self.entries.get(name, entry)
            if before != entry:
                raise RunError(
                    f"{path} belongs to another comparison: its entry '{name}' was {_text(before)} and is "
                    f"now {_text(entry)}; give the entry another name, or name another folder"
                )
        seeds = tuple(dict.fromkeys((*self.seeds, *more.get("seeds", ()))))
        level = self.level if more.get("level") is None else more["level"]
        return replace(self, searchers={**self.entries, **added}, seeds=seeds, level=level)

    def recipe_of_run(self, name: str, seed: int, data: Mapping[str, str]) -> Recipe | None:
        """Return the recipe of one run.

        Parameters
        ----------
        name : str
            Name of the entry.
        seed : int
            Seed of the run.
        data : mapping
            Paths of the data that replace those of the comparison.

        Returns
        -------
        Recipe or None
            None for a trader, since no command runs a single one.
        """
        entry = self.entries[name]
        question = {each.name: getattr(self, each.name) for each in fields(Recipe)} | dict(data)
        if "network" in entry:
            return FitRecipe.of({**question, **entry, "seed": seed})
        if "trader" in entry:
            return None
        searcher = {"searcher": entry.get("searcher", name), "settings": entry.get("settings")}
        return SearchRecipe.of({**question, **self.settings_of_searches(), **searcher, "seed": seed})


def seeds_of(seeds: int | Sequence[int]) -> tuple[int, ...]:
    """Return the given seeds, or the seeds 0, 1, … for a number of seeds.

    Raises
    ------
    RecipeError
        There is no seed, or a seed is negative, duplicated or not a whole number.
    """
    if isinstance(seeds, Sequence | np.ndarray):
        numbers = tuple(whole("a seed", seed, 0) for seed in seeds)
    else:
        numbers = tuple(range(whole("seeds", seeds)))
    if not numbers:
        raise RecipeError(f"seeds must be 1 or more, not {seeds}")
    if len(set(numbers)) < len(numbers):
        raise RecipeError(f"seeds must be distinct, not {', '.join(map(str, numbers))}")
    return numbers


def _entries(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {name: entry_named(name) for name in names}


def _text(entry: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in entry.items())
