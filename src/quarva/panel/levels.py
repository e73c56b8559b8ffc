"""Columns whose names have two levels, fields and assets in either order, as a long table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from quarva.panel.source import Source
from quarva.panel.vendors import ASSET, header_key, meaning_of

__all__ = ["joined_levels", "stack"]

_FIELD_LEVELS = frozenset(["price", "field", "fields", "attribute", "attributes", "variable", "feature"])
_JOINTS = r"[._\-:|/ ]"


def stack(source: Source) -> Source:
    """The source as a long table with a column `asset`, where names of its columns have two levels.

    The level that holds open, close and the like holds the fields, whichever comes first. Raises PanelError
    where neither level does, and where a pair of labels comes twice.
    """
    if not source.levels:
        return source
    import polars as pl

    pairs = {name: pair for name, pair in source.levels.items() if all(pair)}
    plain = {name: name for name in source.frame.columns if name not in source.levels}
    plain |= {name: "".join(pair) for name, pair in source.levels.items() if not all(pair)}
    if len(set(pairs.values())) < len(pairs):
        seen = list(pairs.values())
        twice = next(pair for pair in seen if seen.count(pair) > 1)
        source.refuse(f"column {twice!r} stands there twice; keep one")
    level = _field_level(source, list(pairs.values()))
    columns: dict[str, dict[str, str]] = {}  # of each asset, the column of each field
    for name, pair in pairs.items():
        columns.setdefault(pair[1 - level], {})[pair[level]] = name
    _check_shared(source, columns)
    if "asset" in plain.values():
        source.refuse("a column 'asset' beside names of two levels; drop it")
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
    source.log.note(
        f"names of columns have two levels: {len(columns)} assets ({', '.join(list(columns)[:3])}"
        f"{', …' if len(columns) > 3 else ''}) and fields {', '.join(dict.fromkeys(p[level] for p in pairs.values()))}"
    )
    return replace(
        source,
        frame=pl.concat(parts, how="diagonal_relaxed"),
        line=None if line is None else lambda row, _column: line(row % height, None),
        index=tuple(plain[name] for name in source.index),
        levels={},
    )


def joined_levels(columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Both labels of names such as `AAPL.Open` and `close_MSFT`, by name; empty unless all are so joined."""
    splits: list[dict[str, tuple[str, str]]] = [{}, {}]
    names = list(columns)
    if any(meaning_of(name) is not None for name in names):
        return {}
    for name in names:
        for order, found in enumerate(_splits(name)):
            if found is not None:
                splits[order][name] = found
    for order, found in enumerate(splits):
        if len(names) < 2 or len(found) < len(names):
            continue
        fields = {pair[order] for pair in found.values()}
        assets = {pair[1 - order] for pair in found.values()}
        capitals = all(any(c.isupper() or c.isdigit() for c in label) for label in assets)
        if len(set(found.values())) == len(names) and capitals and (len(assets) > 1 or len(fields) > 2):
            return found
    return {}


def _splits(name: str) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """(field, asset) and (asset, field), each where the name can be read so."""
    after = before = None
    for joint in re.finditer(_JOINTS, name):
        left, right = name[: joint.start()], name[joint.end() :]
        if left and right:
            if _is_field(left):
                before = (left, right)
            if _is_field(right) and after is None:
                after = (left, right)
    return before, after


def _is_field(label: str) -> bool:
    meaning = meaning_of(label)
    return meaning is not None and not meaning.startswith("@")


def _field_level(source: Source, pairs: Sequence[tuple[str, str]]) -> int:
    """The level that holds the fields, 0 or 1."""
    labels = [list(dict.fromkeys(pair[level] for pair in pairs)) for level in (0, 1)]
    known = [sum(_is_field(label) for label in level) / max(1, len(level)) for level in labels]
    names = source.level_names
    assets = [meaning_of(name) == ASSET for name in names]
    fields = [header_key(name) in _FIELD_LEVELS for name in names]
    if (max(known) == 1.0 and min(known) < 1.0) or (max(known) >= 0.5 and min(known) == 0.0):
        return known.index(max(known))
    if assets[0] != assets[1]:
        return assets.index(False)
    if fields[0] != fields[1]:
        return fields.index(True)
    shown = " and ".join(", ".join(map(repr, level[:3])) for level in labels)
    source.refuse(
        f"names of columns have two levels ({shown}), and neither is known to hold fields; call the levels"
        " 'field' and 'asset', or name the fields with --rename OLD=close"
    )


def _check_shared(source: Source, columns: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse two rows of names that are no two levels: a second row of units has no field in common."""
    fields = [set(own) for own in columns.values()]
    if len(fields) > 1 and source.line is not None:
        shared = set.union(*fields)
        if len(shared) > 1 and all(sum(name in own for own in fields) == 1 for name in shared):
            source.refuse(
                f"two lines hold names, and no two of {', '.join(map(repr, list(columns)[:4]))} share a field;"
                " keep one line of names"
            )
