"""Results of single runs on disk, so that a long benchmark can be made in parts, and broken off."""

import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from quarva._runtime.files import make_folder, write_atomically

__all__ = ["code_version", "remembered"]

_ROOMS = ("panel", "karva", "engine", "strategies", "tasks", "search", "scenarios")


@cache
def code_version() -> str:
    """The source that decides what a search finds and how fast, in 12 hexadecimal digits."""
    import quarva

    root = Path(quarva.__file__).parent
    files = [path for room in _ROOMS for path in (root / room).rglob("*.py")] + list(root.glob("*.py"))
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def remembered(
    folder: Path | None, key: dict[str, Any], make: Callable[[], dict[str, Any] | None]
) -> dict[str, Any] | None:
    """What `make` gave when it was first asked with this key, kept in `folder`; None is not kept."""
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
