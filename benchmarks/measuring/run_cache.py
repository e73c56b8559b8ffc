"""A cache of single runs on disk, so that a long benchmark can be interrupted and resumed."""

import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from quarva._runtime.files import make_folder, write_atomically

__all__ = ["cached", "code_version"]

_ROOMS = (
    "_runtime",
    "panel",
    "karva",
    "engine",
    "strategies",
    "tasks",
    "scenarios",
    "loop",
    "sets",
    "searchers",
    "runs",
)


@cache
def code_version() -> str:
    """Return a digest of the source that determines what a search finds and how fast, 12 hex digits."""
    import quarva

    root = Path(quarva.__file__).parent
    files = [path for room in _ROOMS for path in (root / room).rglob("*.py")] + list(root.glob("*.py"))
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def cached(
    folder: Path | None, key: dict[str, Any], make: Callable[[], dict[str, Any] | None]
) -> dict[str, Any] | None:
    """Return the result of `make` for `key`, from `folder` if it is there; None is not stored."""
    if folder is None:
        return make()
    text = json.dumps(key, sort_keys=True)
    name = re.sub(r"\W+", "-", "-".join(str(value) for value in key.values()))[:80].strip("-")
    path = folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    if path.exists():
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["key"] == key:
            return dict(record["result"])
    result = make()
    if result is not None:
        make_folder(folder)
        write_atomically(path, json.dumps({"key": key, "result": result}).encode())
    return result
