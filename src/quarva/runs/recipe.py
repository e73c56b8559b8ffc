"""A recipe: every setting of a search, as one TOML file that repeats it.

The keys are the flags of the command line, `target-column` written `target_column`. A key that is not
given has its default; the searcher's own settings stand in the table `[settings]`.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from quarva.engine.devices import Device
from quarva.errors import RecipeError
from quarva.panel.names import parse_renames

__all__ = ["RECIPE_VERSION", "Recipe"]

RECIPE_VERSION = 1


class Recipe(BaseModel):
    """Settings of a search. `of` and `read` raise RecipeError for what is unknown or out of range."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)

    version: int = Field(RECIPE_VERSION, description="version of the recipe's format")
    quarva: str | None = Field(None, description="the Quarva that wrote it")

    panel: str | None = Field(None, description="file of daily bars; none is the sample panel")
    field: str | None = Field(
        None, min_length=1, description="name of the field in a wide file (dates × assets); none is close"
    )
    fields: tuple[str, ...] | None = Field(
        None, description="fields to read; none is all (of a table: columns)"
    )
    allow_jumps: bool = Field(False, description="accept prices that jump by more than 300 %")
    asset_column: str | None = Field(None, min_length=1, description="column of the panel that names assets")
    date_column: str | None = Field(None, min_length=1, description="column of the panel that holds dates")
    rename: dict[str, str] | None = Field(
        None, description="other names for columns, old to new: OLD=NEW, or a table"
    )
    time_zone: str | None = Field(
        None, min_length=1, description="time zone of the panel's market, such as America/New_York"
    )
    conventions: Literal["quarva", "qlib"] = Field(
        "quarva", description="how windows are read before they are full and around NaN"
    )
    table: str | None = Field(None, description="plain table instead of a panel: symbolic regression")
    target_column: str = Field("y", min_length=1, description="column of the table to find a formula for")
    fingerprint: str | None = Field(None, description="fingerprint of the data the run read")

    target: str | None = Field(None, description="what to predict: forward_return_H, or a field of the panel")
    delay: int = Field(1, ge=0, description="days between a signal and its trade")
    objective: str | None = Field(None, description="how a formula is scored; ic, or r2 for a table")
    split: tuple[str, str] | None = Field(None, description="first day of validation, first day of the test")
    embargo: int = Field(0, ge=0, description="days left out after each split, beyond the purged ones")
    cost_bps: float = Field(5.0, ge=0, description="trading cost in basis points of the traded value")
    periods_per_year: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="bars a year, to annualise with; none: from the dates"
    )
    delisting_return: float = Field(
        0.0,
        ge=-1,
        allow_inf_nan=False,
        description="return of a held asset after its last price",
    )
    parsimony: float | None = Field(None, ge=0, description="taken off the score for each node")

    searcher: str = Field("gep", min_length=1, description="way to search: gep, policy, blend or random")
    budget: int = Field(50_000, ge=1, description="number of distinct formulas to evaluate")
    seconds: float | None = Field(None, gt=0, description="stop after so many seconds at the latest")
    memory_mb: float | None = Field(None, gt=0, description="stop when so many MiB are taken")
    seed: int = Field(0, ge=0, lt=2**63, description="the same seed gives the same findings")
    threads: int | None = Field(None, ge=1, description="threads to use; none is one a core")
    device: Device = Field("cpu", description="what scores formulas: auto, cpu or cuda")
    functions: tuple[str, ...] | None = Field(None, description="operators to use")
    windows: tuple[int, ...] | None = Field(None, description="windows of rolling operators")
    numbers: tuple[float, ...] = Field((), description="numbers that formulas may hold as they stand")
    constants: bool | None = Field(None, description="random numerical constants; none: for a table only")
    tuning_steps: int | None = Field(
        None, ge=0, description="steps of fitting the constants of a formula; none: 10 of a table's"
    )
    head: int | None = Field(None, ge=1, description="positions of a gene's head: 10, for a table 24")
    genes: int = Field(1, ge=1, description="genes of a chromosome")
    link: str = Field("add", min_length=1, description="operator that links the genes")
    settings: dict[str, Any] = Field(default_factory=dict, description="the searcher's own settings")

    @field_validator("fields", "functions", "windows", "numbers", "split", mode="before")
    @classmethod
    def _list(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str):
            value = tuple(part.strip() for part in value.split(",") if part.strip())
        elif isinstance(value, list):
            # TOML has dates of its own: split = [2017-01-01, 2018-01-01].
            value = tuple(map(str, value)) if info.field_name == "split" else tuple(value)
        if value == () and info.field_name != "numbers":
            raise ValueError("name at least one")
        if info.field_name == "split" and isinstance(value, tuple) and len(value) != 2:
            raise ValueError("two days are needed, as in 2017-01-01,2018-01-01")
        return value

    @field_validator("rename", mode="before")
    @classmethod
    def _renames(cls, value: object) -> object:
        return parse_renames(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> "Recipe":
        if self.panel is not None and self.table is not None:
            raise ValueError("panel and table exclude each other: name one of them")
        for key in ("asset_column", "date_column", "time_zone"):
            if self.panel is None and getattr(self, key) is not None:
                flag = "--" + key.replace("_", "-")
                raise ValueError(f"{key} ({flag}) is about a file of bars: name it with panel (--panel)")
        if self.rename and self.panel is None and self.table is None:
            raise ValueError(
                "rename (--rename) is about a file: name it with panel (--panel) or table (--table)"
            )
        return self

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, source: str = "") -> "Recipe":
        """The recipe with these settings; those that are None keep their default.

        `source` names where the settings stand, for the message of a RecipeError: a file, or nothing for
        flags of the command line.
        """
        given = {key: value for key, value in settings.items() if value is not None}
        try:
            recipe = cls.model_validate(given)
        except ValidationError as error:
            raise RecipeError(_explain(error, source)) from None
        if recipe.version != RECIPE_VERSION:
            raise RecipeError(
                f"{source or 'recipe'}: version = {recipe.version}, and this Quarva reads {RECIPE_VERSION}: "
                f"use the Quarva that wrote it{f' ({recipe.quarva})' if recipe.quarva else ''}"
            )
        return recipe

    @classmethod
    def read(cls, path: str | os.PathLike[str], **flags: Any) -> "Recipe":
        """The recipe in the TOML file `path`; `flags` that are not None take the place of its settings.

        A relative path of a panel or a table in the file starts at the file's folder.
        """
        path = Path(path)
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RecipeError(f"recipe {path} can not be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe {path} is not TOML: {' '.join(str(error).split())}") from None
        recipe = cls.of(settings, source=f"recipe {path}")
        at_home = {
            key: os.path.normpath(path.parent / value)
            for key in ("panel", "table")
            if isinstance(value := getattr(recipe, key), str)
        }
        given = {key: value for key, value in flags.items() if value is not None}
        if "panel" in given or "table" in given:  # another source replaces the file's, of whichever kind
            at_home = {}
            settings = {
                key: settings[key] for key in settings if key not in ("panel", "table", "fingerprint")
            }
            if "table" in given:  # which has no dates and no assets
                about_bars = ("asset_column", "date_column", "time_zone")
                settings = {key: settings[key] for key in settings if key not in about_bars}
        return cls.of({**settings, **at_home, **given})

    def to_toml(self) -> str:
        """The recipe as TOML text; what is None is left out."""
        settings = self.model_dump(mode="json", exclude_none=True)
        if not settings["settings"]:
            del settings["settings"]
        return tomli_w.dumps(settings)


def _explain(error: ValidationError, source: str) -> str:
    """One line of what pydantic found first, in terms of the recipe's keys or the command's flags."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, Recipe.model_fields, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"keys are {', '.join(Recipe.model_fields)}"
        return f"{source or 'recipe'}: unknown key '{name}'; {hint}"
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[0].lower() + reason[1:]
    if not name:
        return f"{source}: {reason}" if source else reason
    where = f"{source}: {name}" if source else "--" + name.replace("_", "-")
    return f"{where} = {_shown(first['input'])}: {reason} ({Recipe.model_fields[name].description})"


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, str | int | float) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
