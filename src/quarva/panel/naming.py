"""Roles and field names of the columns of a table, from its headers taken together."""

from collections.abc import Iterable, Sequence

from quarva.panel.names import normalise
from quarva.panel.source import Source
from quarva.panel.vendors import BESIDE_PRICES, HEADERS, ID, ISSUE, PERMANENT, header_key, meaning_of

__all__ = ["field_names", "is_field", "role_of", "roles_of"]

_PRICES = frozenset(["open", "high", "low", "close"])


def roles_of(columns: Sequence[str]) -> dict[str, str]:
    """Field or role of each column with a known header.

    Meanings marked `BESIDE_PRICES` are included only if the table has prices.
    """
    found = {name: meaning for name in columns if (meaning := meaning_of(name)) is not None}
    plain = {meaning for meaning in found.values() if not meaning.endswith(BESIDE_PRICES)}
    with_weak = {meaning.removesuffix(BESIDE_PRICES) for meaning in found.values()}
    priced = (
        bool(plain & (_PRICES | {"adj_close", "last", "price", "settle"})) or len(with_weak & _PRICES) > 2
    )
    roles = {
        name: meaning.removesuffix(BESIDE_PRICES)
        for name, meaning in found.items()
        if priced or not meaning.endswith(BESIDE_PRICES)
    }
    if {"date", "asset"} <= set(columns):  # the layout written by Quarva: fields keep their names
        identifiers = (PERMANENT, ISSUE, ID)
        return {
            name: role
            for name, role in roles.items()
            if name in ("date", "asset") or role in identifiers or normalise(name) != name
        }
    return roles


def role_of(name: str) -> str:
    """Role of a single header; '' for a field or an unknown header."""
    meaning = (meaning_of(name) or "").removesuffix(BESIDE_PRICES)
    return meaning if meaning.startswith("@") else ""


def is_field(meaning: str | None) -> bool:
    """Whether a meaning in `HEADERS` is a field."""
    return meaning is not None and not meaning.startswith("@")


def field_names(source: Source, columns: Sequence[str], wanted: Iterable[str] | None) -> dict[str, str]:
    """Field name of each column: the name in the vendor table, or else its own normalised name.

    A column keeps its own name if another column has the name in the vendor table, or if `wanted` includes
    its own name.

    Raises
    ------
    PanelError
        If two columns would share a name or nothing is left of a name.
    """
    asked = set(wanted or ())
    roles = roles_of(source.frame.columns)
    order = {meaning: place for place, meaning in enumerate(HEADERS)}
    own = {name: normalise(name) for name in columns}
    known = {name: roles[name] for name in columns if is_field(roles.get(name)) and own[name] not in asked}
    first: dict[str, str] = {}  # field in the vendor table -> column that gets its name
    for name in sorted(known, key=lambda each: (own[each] != known[each], order.get(header_key(each), 0))):
        first.setdefault(known[name], name)
    taken = {own[name] for name in columns if first.get(known.get(name, "")) != name}
    names: dict[str, str] = {}
    for name in columns:
        field = known.get(name, "")
        names[name] = field if first.get(field) == name and field not in taken else own[name]
    _check_names(source, names)
    return names


def _check_names(source: Source, names: dict[str, str]) -> None:
    taken: dict[str, str] = {}
    for name, field in names.items():
        if not field:
            source.refuse(
                f"column {name!r} gives no field name; rename it with letters a to z"
                f" (--rename {name or 'COLUMN'}=NAME), or leave it out with --fields"
            )
        if field in taken:
            source.refuse(
                f"columns {taken[field]!r} and {name!r} would both be field {field!r}; rename one"
                f" (--rename '{name}=other')"
            )
        taken[field] = name
