"""What a part of the engine's benchmark is asked for, and what it answers."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Asked", "Result", "Row", "Shown"]


@dataclass(frozen=True)
class Asked:
    """Flags of the run.

    Attributes:
        quick: tiny sizes, to see that everything runs; its figures mean nothing.
        threads, repeats, seed: of both sides of every comparison.
        alphagen: checkout of RL-MLDM/alphagen, or None.
        peer_python: a Python that has the other peers, or None.
        qlib_python: a Python that has pyqlib, or None.
        bars: the 498 stocks.
        cache: folder of results and of evolved populations.
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
        """The one size or the other."""
        return tiny if self.quick else full


@dataclass(frozen=True)
class Row:
    """A line of the judging table.

    Attributes:
        work, peer: what is done, and by whom beside Quarva.
        theirs, ours: figures with their units.
        ratio: how many times better Quarva is; None where the two can not be compared.
        least: what was asked for.
        operations: arithmetic that Quarva was asked for in a second, see `quarva.engine.operations`.
        threads: that Quarva used.
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
    """A table of a part's own section."""

    header: list[str]
    lines: list[list[str]]


@dataclass(frozen=True)
class Result:
    """What a part measured: lines for the judging table, its own tables, how it was done, versions.

    `peers` holds the peers' figures as they were measured, so that a later run can keep them.
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
        """From `as_dict`, by way of JSON."""
        rows = [Row(**row) for row in record["rows"]]
        shown = [Shown(**each) for each in record["shown"]]
        return cls(rows, shown, record["how"], record["software"], record["peers"])
