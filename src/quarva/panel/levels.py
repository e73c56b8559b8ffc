"""Conversion of two-level column names (fields and assets, in either order) to a long table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from quarva.panel.frames import quoted_pair
from quarva.panel.naming import is_field
from quarva.panel.source import Source
from quarva.panel.vendors import ASSET, header_key, meaning_of

__all__ = ["joined_levels", "stack"]

_FIELD_LEVELS = frozenset(["price", "field", "fields", "attribute", "attributes", "variable", "feature"])
_JOINTS = r"[._\-:|/ ]"


def stack(source: Source) -> Source:
    """Convert a source with two-level column names to a long table with a column `asset`.

    The level with known field names, such as open and close, has the fields. A source without levels is
    returned unchanged.

    Raises
    ------
    PanelError
        If neither level has known fields, or if a pair of labels occurs twice.
    """
    if not source.levels:
        return source
    import polars as pl

    pairs = {name: pair for name, pair in source.levels.items() if all(pair)}
    plain = {name: name for name in source.frame.columns if name not in source.levels}
    plain |= {name: "".join(pair) for name, pair in source.levels.items() if not all(pair)}
    if len(set(pairs.values())) < len(pairs):
        seen = list(pairs.values())
        duplicate = next(pair for pair in seen if seen.count(pair) > 1)
        source.refuse(f"duplicate column {duplicate!r}; keep one")
    level = _field_level(source, list(pairs.values()))
    columns: dict[str, dict[str, str]] = {}  # asset -> field -> column
    for name, pair in pairs.items():
        columns.setdefault(pair[1 - level], {})[pair[level]] = name
    _check_shared(source, columns)
    if "asset" in plain.values():
        source.refuse("a column 'asset' in addition to two-level column names; drop it")
    parts = []
    for label, own in columns.items():
        numbers = {}
        for field, name in own.items():
            series = source.numbers(name, f"{field} of {label}")
            numbers[field] = (source.frame[name] if series is None else series).rename(field)
        part = source.frame.select([pl.col(name).alias(given) for name, given in plain.items()])
        parts.append(part.with_columns(pl.lit(label).alias("asset"), *numbers.values()))
    height = source.frame.height
    line = source.line
    some = ", ".join(list(columns)[:3]) + (", …" if len(columns) > 3 else "")
    fields = ", ".join(dict.fromkeys(pair[level] for pair in pairs.values()))
    count = "1 asset" if len(columns) == 1 else f"{len(columns):,} assets"
    source.log.note(f"column names have two levels: {count} ({some}) and fields {fields}")
    return replace(
        source,
        frame=pl.concat(parts, how="diagonal_relaxed"),
        line=None if line is None else lambda row, _column: line(row % height, None),
        index=tuple(plain[name] for name in source.index),
        levels={},
    )


def joined_levels(columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Split names such as `AAPL.Open`, `close_MSFT` and `('Close', 'AAPL')` into their two labels.

    Returns an empty dict unless all names can be split in the same way.
    """
    names = list(columns)
    if len(names) < 2 or any(meaning_of(name) is not None for name in names):
        return {}
    quoted = {name: pair for name in names if (pair := quoted_pair(name)) is not None}
    if len(quoted) == len(names):
        return quoted
    splits = [_splits(name) for name in names]
    for order in (0, 1):
        found = {name: pair for name, both in zip(names, splits, strict=True) if (pair := both[order])}
        if len(found) < len(names) or len(set(found.values())) < len(names):
            continue
        fields = {pair[order] for pair in found.values()}
        assets = {pair[1 - order] for pair in found.values()}
        capitals = all(any(c.isupper() or c.isdigit() for c in label) for label in assets)
        if capitals and (len(assets) > 1 or len(fields) > 2):
            return found
    return {}


def _splits(name: str) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """Split a name as (field, asset) and as (asset, field); None where it cannot be split so."""
    after = before = None
    for joint in re.finditer(_JOINTS, name):
        left, right = name[: joint.start()], name[joint.end() :]
        if left and right:
            if is_field(meaning_of(left)):
                before = (left, right)
            if is_field(meaning_of(right)) and after is None:
                after = (left, right)
    return before, after


def _field_level(source: Source, pairs: Sequence[tuple[str, str]]) -> int:
    """Index of the level that has the fields, 0 or 1."""
    labels = [list(dict.fromkeys(pair[level] for pair in pairs)) for level in (0, 1)]
    known = [sum(is_field(meaning_of(label)) for label in level) / max(1, len(level)) for level in labels]
    names = source.level_names
    assets = [meaning_of(name) == ASSET for name in names]
    fields = [header_key(name) in _FIELD_LEVELS for name in names]
    if (max(known) == 1.0 and min(known) < 1.0) or (max(known) >= 0.5 and min(known) == 0.0):
        return known.index(max(known))
    if assets[0] != assets[1]:
        return assets.index(False)
    if fields[0] == fields[1]:
        examples = " and ".join(", ".join(map(repr, level[:3])) for level in labels)
        source.refuse(
            f"column names have two levels ({examples}), and neither has known fields; name the levels"
            " 'field' and 'asset', or rename the fields with --rename OLD=close"
        )
    return fields.index(True)


def _check_shared(source: Source, columns: Mapping[str, Mapping[str, str]]) -> None:
    """Raise PanelError if no two assets share a field: the second header line may be units, not a level."""
    fields = [set(own) for own in columns.values()]
    if len(fields) > 1 and source.line is not None:
        shared = set.union(*fields)
        if len(shared) > 1 and all(sum(name in own for own in fields) == 1 for name in shared):
            source.refuse(
                f"there are two header lines, but no two of {', '.join(map(repr, list(columns)[:4]))} share a"
                " field; keep one header line"
            )
