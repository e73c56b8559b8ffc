"""The searchers beside each other: how many evaluations, candidates and seconds each takes to a level.

    python benchmarks/compare.py --picture docs/compare.png --out benchmarks/results/compare.md

Two questions. The first is the one that the README draws: the bundled sample panel, 20,000 evaluations, five
seeds. The second asks how soon an easy level is reached, so that what matters is the first formulas and not
the end of the search: 30 stocks of `--panel`, rank IC, level 0.04, 3,000 evaluations, five seeds.

With --folder the runs are kept, and a benchmark that was broken off goes on from them.
"""

import argparse
import tempfile
from pathlib import Path

import tables

SEARCHERS = ("random", "gep", "policy", "blend")
ASSETS, LEVEL, EASY_BUDGET = 30, 0.04, 3_000

HOW = """\
Each searcher with its defaults, seed by seed in turns; loading kernels is charged to none. Evaluations are
counted up to the formula that comes to the level, wherever in its batch it was scored. Seconds at that
formula are interpolated between the beginning and the end of the piece of the batch that was scored at once.
Candidates are formulas whose signals the blend's surrogate looked at on a few assets and days to choose those
that were scored; they are no evaluations, and their time is in the blend's seconds."""


def compared_table(comparison: object) -> list[str]:
    """The comparison's own table, with its title, what was asked and what its columns mean."""
    from quarva.comparison.presentation import compared

    shown = compared(comparison)  # type: ignore[arg-type]
    body = tables.table(shown.header, shown.rows)
    return [f"{shown.title}. {shown.lead}", body, *(tables.prose(note) for note in shown.notes[1:2])]


def first_assets(path: Path, count: int, folder: Path) -> Path:
    """The rows of the first assets, by name, of a panel in long format, in a file of their own."""
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
    parser.add_argument("--picture", type=Path, help="where to draw the first question's race, a .png")
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
                raise SystemExit("interrupted: the same command with --folder goes on from the runs in it")
            if name == "sample" and chosen.picture is not None:
                found.save(chosen.picture)
            parts += compared_table(found)
    tables.write(
        chosen.out,
        "Searchers beside each other",
        [*parts, tables.prose(HOW)],
        command=tables.command_line(["--folder", "--panel"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'torch')}",
    )


if __name__ == "__main__":
    main()
