"""Compare the engine with its peers and with the peak of the machine: all rows of the summary in one run.

    python benchmarks/engine/engine.py --alphagen PATH --peer-python PATH --out benchmarks/results/engine.md

Parts are selected by their letters (`--parts a,b`). Each stores its result as JSON in `--cache`, and the page
is made from all results there. `--keep-peers` measures only Quarva and keeps the peers' figures of the last
run. `--quick` runs all parts at tiny sizes to check that they work; its figures are meaningless.
"""

import argparse
import datetime
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from engine import alpha158, one_day, page, panel_ic, peak, rows, scaling, small_tables
from engine.part import Asked, Result
from measuring import tables


@dataclass(frozen=True)
class Part:
    """A part of the benchmark: its title, and the function that measures it, given peers' figures to keep."""

    title: str
    measure: Callable[[Asked, dict[str, Any]], Result]


PARTS = {
    "a": Part("IC of random formulas", panel_ic.random_formulas),
    "b": Part("IC of an evolved population", panel_ic.evolved_formulas),
    "c": Part("Rank IC", panel_ic.rank_correlations),
    "d": Part("Alpha158", alpha158.alpha158),
    "e": Part("Row-wise formulas", rows.row_wise),
    "f": Part("Small tables", small_tables.small_tables),
    "g": Part("One more day", one_day.one_more_day),
    "h": Part("Growth of time and memory", scaling.growth),
    "i": Part("The machine's peak, and where the rest goes", peak.peaks),
}


def loads() -> str:
    """Return the average load of the last minute."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def run(letter: str, asked: Asked, keep: bool) -> None:
    """Measure one part and store its result in the cache."""
    place = asked.cache / f"{letter}.json"
    before: dict[str, Any] = {}
    kept_from = ""
    if keep and place.exists():
        record = json.loads(place.read_text())
        before, made = record["result"]["peers"], record["made"]
        kept_from = made["peers_kept"] or made["date"]
    load, start = loads(), time.perf_counter()
    result = PARTS[letter].measure(asked, before)
    made = {
        "date": datetime.date.today().isoformat(),
        "quarva": tables.quarva_version(),
        "versions": tables.versions("numpy", "numba"),
        "seconds": time.perf_counter() - start,
        "load": f"{load} → {loads()}",
        "peers_kept": kept_from if before and result.peers == before else "",
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"made": made, "result": result.as_dict()}))


def parse_flags() -> tuple[argparse.Namespace, Asked]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--parts", default=",".join(PARTS), help="letters separated by commas; '' for the page only"
    )
    parser.add_argument("--alphagen", type=Path, help="checkout of RL-MLDM/alphagen")
    parser.add_argument("--peer-python", type=Path, help="Python that has the other peers installed")
    parser.add_argument("--qlib-python", type=Path, help="Python that has pyqlib, if not the same")
    parser.add_argument("--bars", type=Path, default=Path("../shared/data/us500.parquet"), help="498 stocks")
    parser.add_argument("--cache", type=Path, help="folder for the results of the parts")
    parser.add_argument("--keep-peers", action="store_true", help="measure Quarva only")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to check that everything runs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, help="number of timings, whose median counts (3)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    folder = "quarva-engine-quick" if chosen.quick else "quarva-engine"
    cache = chosen.cache or Path(tempfile.gettempdir()) / folder
    asked = Asked(
        chosen.quick, chosen.threads, chosen.repeats or (1 if chosen.quick else 3), chosen.seed,
        chosen.alphagen, chosen.peer_python, chosen.qlib_python or chosen.peer_python, chosen.bars, cache,
    )  # fmt: skip
    return chosen, asked


def main() -> None:
    chosen, asked = parse_flags()
    letters = [letter for letter in chosen.parts.replace(" ", "").split(",") if letter]
    for letter in letters:
        if letter not in PARTS:
            raise SystemExit(f"unknown part {letter!r}; parts are {', '.join(PARTS)}")
    for letter in letters:
        start = time.perf_counter()
        run(letter, asked, chosen.keep_peers)
        print(f"part {letter}: {time.perf_counter() - start:.0f} s", flush=True)
    found = {path.stem: json.loads(path.read_text()) for path in sorted(asked.cache.glob("?.json"))}
    titles = {letter: part.title for letter, part in PARTS.items()}
    title = "The engine" + (", at tiny sizes: these figures are meaningless" if asked.quick else "")
    tables.write(
        chosen.out, title, page.page_parts(found, titles),
        command=tables.command_line(["--alphagen", "--peer-python", "--qlib-python", "--cache", "--bars"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba')}",
    )  # fmt: skip


if __name__ == "__main__":
    main()
