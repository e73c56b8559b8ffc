"""The small markets that networks learn from."""

from ..networks.conftest import market, task, walk  # noqa: TID252

__all__ = ["market", "task", "walk"]
