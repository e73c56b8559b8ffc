"""Names of folders that nobody named."""

from datetime import datetime
from pathlib import Path

__all__ = ["free_name"]


def free_name(kind: str) -> str:
    """runs/<date-time>-<kind>, with -2, -3, … where two start in the same second."""
    base = path = Path("runs") / f"{datetime.now():%Y-%m-%d-%H%M%S}-{kind}"
    count = 1
    while path.exists():
        count += 1
        path = base.with_name(f"{base.name}-{count}")
    return str(path)
