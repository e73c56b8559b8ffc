"""Compare the searchers: evaluations, candidates and seconds that each needs to reach a level.

    python benchmarks/searchers/compare.py --picture docs/compare.png --out benchmarks/results/compare.md

There are two questions. The first is the README's picture: the bundled sample panel, 20,000 evaluations, five
seeds. The second measures how soon an easy level is reached, so that the first formulas matter and not the
end of the search: 30 stocks of `--panel`, rank IC, level 0.04, 3,000 evaluations, five seeds.

With --folder the runs are kept, and an interrupted benchmark resumes from them.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables

SEARCHERS = ("random", "gep", "policy", "blend")
ASSETS, LEVEL, EASY_BUDGET = 30, 0.04, 3_000

HOW = """\
Each searcher has its default settings; searchers take turns, seed by seed, and loading kernels is not
counted. Evaluations are counted up to the formula that reaches the level, wherever in its batch it was
scored. Seconds at that formula are interpolated between the beginning and the end of the part of the batch
that was scored at once. Candidates are formulas whose signals the blend's surrogate computed on a few assets
and days in order to choose those to score; they are not evaluations, but their time is in the blend's
seconds."""


def compared_table(comparison: object) -> list[str]:
    """Return the comparison's own table with its title, its question and the meaning of its columns."""
    from quarva.comparison.presentation import compared

    shown = compared(comparison)  # type: ignore[arg-type]
    body = tables.table(shown.header, shown.rows)
    return [f"{shown.title}. {shown.lead}", body, *(tables.prose(note) for note in shown.notes[1:2])]


def first_assets(path: Path, count: int, folder: Path) -> Path:
    """Write the first `count` assets, by name, of a panel in long format to a file of their own."""
    import polars as pl

    frame = pl.read_parquet(path)
    names = sorted(frame["asset"].unique().to_list())[:count]
    target = folder / f"{path.stem}_{count}.parquet"
    frame.filter(pl.col("asset").is_in(names)).write_parquet(target)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--panel", type=Path, default=Path("../shared/data/us500.parquet"))
    parser.add_argument("--searchers", type=lambda text: text.split(","), default=list(SEARCHERS))
    parser.add_argument("--budget", type=int, default=20_000, help="evaluations on the sample panel")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="folder that keeps each run")
    parser.add_argument("--picture", type=Path, help="PNG of the first question")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    import quarva as qv

    with tempfile.TemporaryDirectory() as temporary:
        place = chosen.folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        stocks = qv.Panel.read(first_assets(chosen.panel, ASSETS, place))
        questions = {
            "sample": (qv.Task(qv.sample_panel(), "forward_return_5", "ic"), chosen.budget, None),
            "stocks": (qv.Task(stocks, "forward_return_5", "rank_ic"), EASY_BUDGET, LEVEL),
        }
        parts: list[str] = []
        for name, (task, budget, level) in questions.items():
            found = qv.compare(
                task, chosen.searchers, budget, chosen.seeds, level=level, out=place / name,
                resume=(place / name).exists(),
            )  # fmt: skip
            if found.interrupted:
                raise SystemExit("interrupted: run the same command again with --folder to resume")
            if name == "sample" and chosen.picture is not None:
                found.save(chosen.picture)
            parts += compared_table(found)
    tables.write(
        chosen.out,
        "Searchers compared",
        [*parts, tables.prose(HOW)],
        command=tables.command_line(["--folder", "--panel"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'torch')}",
    )


if __name__ == "__main__":
    main()
