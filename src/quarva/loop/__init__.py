"""The search loop: budget, scores, archive and checkpoints for every searcher."""

from quarva.loop.archive import Archive
from quarva.loop.findings import Finding, Findings
from quarva.loop.loop import Loop
from quarva.loop.memory import Memory
from quarva.loop.progress import Progress
from quarva.loop.searcher import ReportsMetrics, Resumable, SearchContext, Searcher

__all__ = [
    "Archive",
    "Finding",
    "Findings",
    "Loop",
    "Memory",
    "Progress",
    "ReportsMetrics",
    "Resumable",
    "SearchContext",
    "Searcher",
]
