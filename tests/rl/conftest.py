"""The small markets that networks learn from."""

from ..networks.conftest import market, task, walk

__all__ = ["market", "task", "walk"]
