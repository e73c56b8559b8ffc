"""The page of the parts' results: the summary, then a section for each part."""

from typing import Any

from engine.part import Result, Row
from measuring import tables

__all__ = ["page_parts"]

JUDGED = (
    "part", "work", "peer", "peer's figure", "Quarva", "ratio", "goal", "GFLOP/s", "of the peak",
)  # fmt: skip


def page_parts(records: dict[str, dict[str, Any]], titles: dict[str, str]) -> list[str]:
    """Return the Markdown of the summary and of each part, in the order of their letters."""
    results = {letter: Result.of(records[letter]["result"]) for letter in sorted(records)}
    peak = records["i"]["result"]["peers"]["flops"] if "i" in records else {}
    lines = [_line(letter, row, peak) for letter, result in results.items() for row in result.rows]
    parts = [tables.table(JUDGED, lines), tables.prose(_legend(bool(peak)))]
    for letter, result in results.items():
        made = records[letter]["made"]
        parts.append(f"## {letter}) {titles[letter]}")
        parts += [tables.table(shown.header, shown.lines) for shown in result.shown]
        parts.append(tables.prose(result.how))
        parts.append(tables.prose(_provenance(made, result.software)))
    return parts


def _line(letter: str, row: Row, peak: dict[str, float]) -> list[str]:
    rate = "" if row.operations is None else f"{row.operations / 1e9:.1f}"
    most = peak.get(str(row.threads))
    share = f"{row.operations / most:.1%}" if row.operations is not None and most else ""
    ratio = "" if row.ratio is None else (f"{row.ratio:.1f}×" if row.ratio < 100 else f"{row.ratio:.0f}×")
    return [letter, row.work, row.peer, row.theirs, row.ours, ratio, row.least, rate, share]


def _legend(with_peak: bool) -> str:
    said = """GFLOP/s: the arithmetic that the definitions of the formulas and of their scoring ask for in a
    second, counted by `quarva.engine.operations`: a formula counts alone, also where formulas share parts."""
    return said + (" Its share of the measured peak: part i." if with_peak else "")


def _provenance(made: dict[str, Any], software: str) -> str:
    said = f"Taken {made['date']} with {made['quarva']}, {made['versions']}"
    said += f", {software}" if software else ""
    said += f"; {made['seconds']:.0f} s; load of the machine before and after {made['load']}."
    if made["peers_kept"]:
        said += f" The peers' figures are those of {made['peers_kept']}."
    return said
