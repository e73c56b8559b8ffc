"""What the headers of a table mean together, and what its fields are called."""

from collections.abc import Iterable, Sequence

from quarva.panel.names import normalise
from quarva.panel.source import Source
from quarva.panel.vendors import BESIDE_PRICES, HEADERS, ID, ISSUE, PERMANENT, header_key, meaning_of

__all__ = ["field_names", "is_field", "role_of", "roles_of"]

_PRICES = frozenset(["open", "high", "low", "close"])


def roles_of(columns: Sequence[str]) -> dict[str, str]:
    """Field or role of each column by its header; what holds only beside prices is there only so."""
    found = {name: meaning for name in columns if (meaning := meaning_of(name)) is not None}
    if {"date", "asset"} <= set(columns):  # the layout that Quarva writes: its fields keep their names
        kept = (PERMANENT, ISSUE, ID)
        return {
            name: meaning
            for name, meaning in found.items()
            if name in ("date", "asset") or meaning in kept or normalise(name) != name
        }
    plain = {meaning for meaning in found.values() if not meaning.endswith(BESIDE_PRICES)}
    with_weak = {meaning.removesuffix(BESIDE_PRICES) for meaning in found.values()}
    priced = (
        bool(plain & (_PRICES | {"adj_close", "last", "price", "settle"})) or len(with_weak & _PRICES) > 2
    )
    return {
        name: meaning.removesuffix(BESIDE_PRICES)
        for name, meaning in found.items()
        if priced or not meaning.endswith(BESIDE_PRICES)
    }


def role_of(name: str) -> str:
    """The role of a header by itself, '' for a field or an unknown one."""
    meaning = (meaning_of(name) or "").removesuffix(BESIDE_PRICES)
    return meaning if meaning.startswith("@") else ""


def is_field(meaning: str | None) -> bool:
    """Whether a meaning in `HEADERS` is a field."""
    return meaning is not None and not meaning.startswith("@")


def field_names(source: Source, columns: Sequence[str], wanted: Iterable[str] | None) -> dict[str, str]:
    """Field name of each column: that of the vendors' table, else its own in lower case with underscores.

    A column keeps its own name where another column has the table's, and where `wanted` names it so.
    Raises PanelError where two columns would share a name, or nothing is left of one.
    """
    asked = set(wanted or ())
    roles = roles_of(source.frame.columns)
    order = {meaning: place for place, meaning in enumerate(HEADERS)}
    own = {name: normalise(name) for name in columns}
    known = {name: roles[name] for name in columns if is_field(roles.get(name)) and own[name] not in asked}
    first: dict[str, str] = {}  # of each field that the table names, the column that is called so
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
