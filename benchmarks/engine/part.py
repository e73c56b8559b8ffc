"""Settings and result of a part of the engine's benchmark."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Asked", "Result", "Row", "Shown"]


@dataclass(frozen=True)
class Asked:
    """Flags of the run.

    Attributes
    ----------
    quick : bool
        Tiny sizes, to check that everything runs.
    threads, repeats, seed : int
        The same for both sides of every comparison.
    alphagen : Path or None
        Checkout of RL-MLDM/alphagen.
    peer_python, qlib_python : Path or None
        Python that has the other peers, Python that has pyqlib.
    bars : Path
        File of the 498 stocks.
    cache : Path
        Folder for results and evolved populations.
    """

    quick: bool
    threads: int
    repeats: int
    seed: int
    alphagen: Path | None
    peer_python: Path | None
    qlib_python: Path | None
    bars: Path
    cache: Path

    def size(self, full: Any, tiny: Any) -> Any:
        """Return the full size, or the tiny one in a quick run."""
        return tiny if self.quick else full


@dataclass(frozen=True)
class Row:
    """A line of the summary.

    Attributes
    ----------
    work, peer : str
        The work, and the peer that does it too.
    theirs, ours : str
        Figures with their units.
    ratio : float or None
        How many times better Quarva is, if the two can be compared.
    least : str
        The goal.
    operations : float or None
        Arithmetic operations per second of Quarva, see `quarva.engine.operations`.
    threads : int
        Threads of Quarva.
    """

    work: str
    peer: str
    theirs: str
    ours: str
    ratio: float | None = None
    least: str = ""
    operations: float | None = None
    threads: int = 2


@dataclass(frozen=True)
class Shown:
    """A table in the section of a part."""

    header: list[str]
    lines: list[list[str]]


@dataclass(frozen=True)
class Result:
    """Result of a part: lines of the summary, its own tables, a description and versions.

    `peers` holds the peers' raw figures, so that a later run can keep them.
    """

    rows: list[Row]
    shown: list[Shown]
    how: str
    software: str = ""
    peers: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Result":
        """Restore a result from the JSON of `as_dict`."""
        rows = [Row(**row) for row in record["rows"]]
        shown = [Shown(**each) for each in record["shown"]]
        return cls(rows, shown, record["how"], record["software"], record["peers"])
