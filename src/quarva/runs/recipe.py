"""Recipes: the settings of a run as a TOML file, from which the run can be repeated.

    SearchRecipe   data, task and searcher of a search
    FitRecipe      data, task and network of a fit

The recipe of a comparison is in `quarva.comparison`. Keys are the names in `quarva.runs.settings`. A missing
key has its default value.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_origin

from quarva.errors import RecipeError
from quarva.runs.settings import (
    DataSettings,
    LanguageSettings,
    LimitSettings,
    NetworkSettings,
    OriginSettings,
    ReadingSettings,
    SearcherSettings,
    SetSettings,
    TaskSettings,
    described,
    values_of,
    without_none,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = [
    "RECIPE_VERSION",
    "FitRecipe",
    "Recipe",
    "SearchRecipe",
    "WrongSetting",
    "kind_of",
    "read_toml",
    "with_folder",
]

RECIPE_VERSION = 1

_ABOUT_BARS = ("asset_column", "date_column", "time_zone")


class WrongSetting(ValueError):
    """A setting is unknown or has an invalid value."""

    def __init__(self, name: str, value: object, reason: str) -> None:
        super().__init__(reason)
        self.name, self.value = name, value


@dataclass(frozen=True, kw_only=True)
class Recipe(TaskSettings, ReadingSettings, DataSettings, OriginSettings):
    """Base class: the settings of the data and the task. Create recipes with `of` or `read`."""

    kind: ClassVar[str] = ""
    marker: ClassVar[str] = ""  # the key that only recipes of this kind have

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, source: str = "") -> Self:
        """Create a recipe from settings.

        Parameters
        ----------
        settings : mapping of str to object
            Values by name. None means the default. Lists may be text with commas, as in flags.
        source : str
            Source of the settings, for messages; empty for flags of the command line.

        Returns
        -------
        Recipe

        Raises
        ------
        RecipeError
            A setting is unknown, a value is of the wrong type or out of range, settings exclude each other,
            or the version differs.
        """
        try:
            given = {key: cls._prepared(key, value) for key, value in settings.items() if value is not None}
            recipe = cls(**_validated(cls, given))
        except WrongSetting as error:
            raise RecipeError(_explain(cls, error, source)) from None
        recipe._check_source(source)
        if recipe.version != RECIPE_VERSION:
            raise RecipeError(
                f"{source or 'recipe'}: version = {recipe.version}, but this Quarva reads {RECIPE_VERSION}; "
                f"use the Quarva that wrote it{f' ({recipe.quarva})' if recipe.quarva else ''}"
            )
        return recipe

    @classmethod
    def read(cls, path: str | os.PathLike[str], **flags: Any) -> Self:
        """Read a recipe from a TOML file.

        Parameters
        ----------
        path : path-like
            The file. Relative paths in it are relative to its folder.
        **flags
            Settings that override those of the file, unless they are None.

        Returns
        -------
        Recipe

        Raises
        ------
        RecipeError
            The file cannot be read, is not TOML or is a recipe of another kind, or as in `of`.
        """
        path = Path(path)
        settings = read_toml(path)
        cls._check_kind(settings, path)
        recipe = cls.of(settings, source=f"recipe {path}")
        at_home = {
            key: os.path.normpath(path.parent / value)
            for key in ("panel", "table")
            if isinstance(value := getattr(recipe, key), str)
        }
        if isinstance(recipe.risk, str) and recipe.risk not in ("none", "default"):
            at_home["risk"] = os.path.normpath(path.parent / recipe.risk)
        if isinstance(recipe, SearchRecipe) and recipe.start:
            at_home["start"] = ",".join(with_folder(each, path.parent) for each in recipe.start)
        given = {key: value for key, value in flags.items() if value is not None}
        if "panel" in given or "table" in given:  # replaces the panel or table of the file
            at_home = {key: value for key, value in at_home.items() if key in ("risk", "start")}
            gone = {"panel", "table", "fingerprint", "source", *(_ABOUT_BARS if "table" in given else ())}
            settings = {key: value for key, value in settings.items() if key not in gone}
        return cls.of({**settings, **at_home, **given})

    def to_toml(self) -> str:
        """Return the recipe as TOML. Settings that are None or an empty mapping are omitted."""
        import tomli_w

        settings = {each.name: getattr(self, each.name) for each in fields(self)}
        return tomli_w.dumps({
            name: list(value) if isinstance(value, tuple) else value
            for name, value in settings.items() if value is not None and value != {}
        })  # fmt: skip

    @classmethod
    def _check_kind(cls, settings: Mapping[str, Any], path: Path) -> None:
        kind = kind_of(settings)
        if kind not in ("", cls.kind):
            raise RecipeError(f"recipe {path} is for quarva {kind}, not for quarva {cls.kind}; name another")

    @classmethod
    def _prepared(cls, name: str, value: Any) -> Any:
        """Convert a value to the type of its setting: texts are split at commas, lists become tuples."""
        if hasattr(value, "item") and not getattr(value, "ndim", 0):
            value = value.item()  # a NumPy number
        if name in ("rename", "units") and isinstance(value, str):
            from quarva.panel.names import parse_renames, parse_units

            try:
                return parse_renames(value) if name == "rename" else parse_units(value)
            except ValueError as error:
                raise WrongSetting(name, value, str(error)) from None
        if name == "settings" and isinstance(value, list | tuple):
            return dict(_named_value(str(each)) for each in value)
        known = described(cls).get(name)
        if isinstance(value, bool) and known is not None and without_none(known[0]) in (int, float):
            raise WrongSetting(name, value, "input should be a number")
        if known is None or get_origin(without_none(known[0])) is not tuple:
            return value
        if isinstance(value, str):
            parts = [value] if known[2].repeated else value.split(",")
            value = tuple(part.strip() for part in parts if part.strip())
        elif isinstance(value, int | float):
            value = (value,)
        elif not isinstance(value, Mapping):
            # TOML parses dates: split = [2017-01-01, 2018-01-01].
            value = tuple(map(str, value)) if name == "split" else tuple(value)
        if value == () and name != "numbers":
            raise WrongSetting(name, value, "name at least one")
        if name == "split" and len(value) != 2:
            raise WrongSetting(name, value, "give two days, such as 2017-01-01,2018-01-01")
        return value

    def _check_source(self, source: str) -> None:
        """Raise RecipeError if settings of the data exclude each other."""
        wrong = ""
        if self.panel is not None and self.table is not None:
            wrong = "panel and table exclude each other; give one of them"
        elif self.panel is None:
            for key in _ABOUT_BARS:
                if getattr(self, key) is not None:
                    flag = "--" + key.replace("_", "-")
                    wrong = (
                        f"{key} ({flag}) applies to a file of bars only; name the file with panel (--panel)"
                    )
            if self.rename and self.table is None:
                wrong = "rename (--rename) applies to a file only; give panel (--panel) or table (--table)"
        if wrong:
            raise RecipeError(f"{source}: {wrong}" if source else wrong)


@dataclass(frozen=True, kw_only=True)
class SearchRecipe(SetSettings, LanguageSettings, LimitSettings, SearcherSettings, Recipe):
    """Recipe of a search."""

    kind: ClassVar[str] = "search"
    marker: ClassVar[str] = "searcher"

    def settings_of_search(self) -> dict[str, Any]:
        """Return the arguments of `search` besides the task."""
        return values_of(self, LimitSettings, LanguageSettings, SearcherSettings, SetSettings)


@dataclass(frozen=True, kw_only=True)
class FitRecipe(NetworkSettings, Recipe):
    """Recipe of a fit."""

    kind: ClassVar[str] = "fit"
    marker: ClassVar[str] = "network"

    def settings_of_learner(self) -> dict[str, Any]:
        """Return the arguments of `Learner`, without those that are None, which keep their default."""
        return {name: value for name, value in values_of(self, NetworkSettings).items() if value is not None}


_MARKERS = {"searchers": "compare", FitRecipe.marker: FitRecipe.kind, SearchRecipe.marker: SearchRecipe.kind}


def kind_of(settings: Mapping[str, Any]) -> str:
    """Return the command that settings are for: search, fit or compare; empty if no key determines it."""
    return next((kind for key, kind in _MARKERS.items() if key in settings), "")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises RecipeError if it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"recipe {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {path} is not TOML: {' '.join(str(error).split())}") from None


def _named_value(text: str) -> tuple[str, Any]:
    """Parse `width=64` to ("width", 64). Raises RecipeError if it is invalid."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        raise RecipeError(f"--setting {text}: write NAME=VALUE, such as width=64") from None


def _validated(cls: type[Recipe], given: Mapping[str, Any]) -> dict[str, Any]:
    """Validate settings and convert them to the types of the recipe. Raises WrongSetting."""
    from pydantic import ValidationError

    unknown = next((name for name in given if name not in described(cls)), None)
    if unknown is not None:
        raise WrongSetting(unknown, given[unknown], "")
    kind: type = cls
    try:
        model = _model(kind).model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise WrongSetting(str(first["loc"][0]), first["input"], first["msg"]) from None
    return {name: getattr(model, name) for name in given}


@cache
def _model(cls: type) -> "type[BaseModel]":
    """Create the pydantic model that checks the types and limits of a recipe."""
    from pydantic import Field, create_model

    fields_of: dict[str, Any] = {}
    for name, (kind, default, about) in described(cls).items():
        limits: dict[str, Any] = {"ge": about.least, "gt": about.above, "lt": about.below}
        if without_none(kind) is str:
            limits["min_length"] = 1
        if without_none(kind) is float:
            limits["allow_inf_nan"] = False
        fields_of[name] = (
            kind,
            Field(default, **{key: each for key, each in limits.items() if each is not None}),
        )
    return create_model(cls.__name__, **fields_of)


def _explain(cls: type[Recipe], error: WrongSetting, source: str) -> str:
    """Describe a wrong setting in one line, by its key in the recipe or its flag on the command line."""
    name, known = error.name, described(cls)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
        return f"{source or 'recipe'}: unknown key '{name}'; {hint}"
    about = known[name][2]
    reason = str(error)[0].lower() + str(error)[1:]
    where = f"{source}: {name}" if source else about.repeated or "--" + name.replace("_", "-")
    return f"{where} = {_shown(error.value)}: {reason} ({about.help.rstrip('.')})"


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, str | int | float) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def with_folder(start: str, folder: Path) -> str:
    """Return a setting `start` with its file as a path from `folder`; a name that is no file there stays."""
    notation, colon, file = start.partition(":")
    if not colon or "/" in notation:
        notation, colon, file = "", "", start
    path = folder / os.path.expanduser(file)
    return notation + colon + os.path.normpath(path) if path.is_file() else start
