"""The peers' side of part d. It runs in a Python that has pyqlib, and does not use Quarva.

    PEER_PYTHON benchmarks/peers/alpha158.py FOLDER --repeats 3 --ways qlib,pandas

FOLDER holds `bars.npz`: float32[days, assets] each of open, high, low, close, volume and vwap, NaN without a
bar, with dates and assets. The 158 columns of pyqlib's default `Alpha158` are written to FOLDER/qlib.npy and
FOLDER/pandas.npy, float32[158, days, assets], NaN where a value is not finite or an asset has no row. A JSON
object with names, fields, seconds and versions is printed.

Two flags create the file that the tests read: `--simulate` writes simulated bars into FOLDER, and
`--together FILE` stores bars, names, fields and pyqlib's columns in one compressed file.

    mkdir bars && PEER_PYTHON benchmarks/peers/alpha158.py bars --repeats 1 --ways qlib --simulate \
        --together tests/engine/alphas/alpha158.npz
"""

import argparse
import importlib.metadata
import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring.stopwatch import in_turns
from peers.alpha158_pandas import alpha158

FIELDS = ("open", "high", "low", "close", "volume", "vwap")


def simulated_bars(days: int = 120, seed: int = 158) -> dict[str, np.ndarray]:
    """Return bars of seven assets.

    Two are complete, one has gaps, one starts late and has gaps, one is halted for forty days (volume 0,
    constant prices), one has few distinct prices, and one lacks some volumes.
    """
    rng = np.random.default_rng(seed)
    shape = (days, 7)
    close = 30 * np.exp(np.cumsum(0.02 * rng.standard_t(4, shape), axis=0))
    opened = close * np.exp(0.01 * rng.normal(size=shape))
    high = np.maximum(opened, close) * np.exp(0.006 * np.abs(rng.normal(size=shape)))
    low = np.minimum(opened, close) * np.exp(-0.006 * np.abs(rng.normal(size=shape)))
    volume = np.exp(13 + 0.5 * rng.normal(size=shape)).round()
    bars = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    for name in FIELDS[:4]:
        bars[name][50:90, 4] = close[49, 4]
        bars[name][:, 5] = (bars[name][:, 5] * 2).round() / 2
    bars["volume"][50:90, 4] = 0
    bars["vwap"] = (bars["high"] + bars["low"] + bars["close"]) / 3
    gaps = np.zeros(shape, bool)
    gaps[:, 2:4] = rng.random((days, 2)) < 0.08
    gaps[60:68, 2] = True
    gaps[:25, 3] = True
    gaps[25, 3] = False
    for values in bars.values():
        values[gaps] = np.nan
    bars["volume"][rng.random(days) < 0.1, 6] = np.nan
    return {name: bars[name].astype(np.float32) for name in FIELDS}


def write_qlib(bars: Any, place: Path) -> list[str]:
    """Write Qlib's folder of binary files, each asset from its first row to its last; return asset names.

    Names are numbered, since Qlib changes the case of names and folders.
    """
    calendar = [str(date) for date in bars["dates"].astype("datetime64[D]")]
    there = np.logical_or.reduce([~np.isnan(bars[name]) for name in FIELDS])
    names, lines = [], []
    for asset in range(there.shape[1]):
        rows = np.flatnonzero(there[:, asset])
        name = f"A{asset:05d}"
        names.append(name)
        if not len(rows):
            continue
        first, last = rows[0], rows[-1]
        lines.append(f"{name}\t{calendar[first]}\t{calendar[last]}")
        folder = place / "features" / name.lower()
        folder.mkdir(parents=True)
        for field in FIELDS:
            column = bars[field][first : last + 1, asset]
            np.hstack([np.float32(first), column]).astype("<f4").tofile(folder / f"{field}.day.bin")
    for folder, text in (("calendars/day.txt", calendar), ("instruments/all.txt", lines)):
        (place / folder).parent.mkdir()
        (place / folder).write_text("\n".join(text) + "\n")
    return names


class Qlib:
    """pyqlib's expression engine on a folder of binary files, with caches cleared before each run."""

    def __init__(self, place: Path, names: list[str], days: int) -> None:
        import qlib
        from qlib.contrib.data.loader import Alpha158DL

        qlib.init(provider_uri=str(place), region="us", logging_level=40)
        self.fields, self.names = Alpha158DL.get_feature_config()
        self.assets, self.days = names, days

    def columns(self, processes: int) -> pd.DataFrame:
        """Compute all columns of all assets in several processes: a frame with a row per asset and date."""
        from qlib.config import C
        from qlib.data import D
        from qlib.data.cache import H

        H.clear()
        C["kernels"] = processes
        return D.features(self.assets, self.fields, freq="day")

    def cube(self, frame: pd.DataFrame, dates: np.ndarray) -> np.ndarray:
        """Return the frame as float32[columns, days, assets]."""
        known = pd.MultiIndex.from_product([self.assets, pd.DatetimeIndex(dates)])
        frame = frame.reindex(known)
        values = frame.to_numpy(np.float32).reshape(len(self.assets), self.days, len(self.fields))
        return values.transpose(2, 1, 0)


def finite(values: np.ndarray) -> np.ndarray:
    """float32, NaN where a value is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = values.astype(np.float32)
    return np.where(np.isfinite(narrow), narrow, np.float32(np.nan))


def run(folder: Path, ways: list[str], repeats: int, processes: int) -> dict[str, Any]:
    """Times each way, writes its columns into the folder, and gives names, fields, seconds, versions."""
    bars = dict(np.load(folder / "bars.npz"))
    dates = bars["dates"].astype("datetime64[ns]")
    days, assets = bars["close"].shape
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        engine = Qlib(Path(place), write_qlib(bars, Path(place)), days)
        if "qlib" in ways:
            counts = sorted({1, processes})
            times, given = in_turns(repeats, *(partial(engine.columns, count) for count in counts))
            for count, took in zip(counts, times, strict=True):
                seconds[f"qlib, {count} process{'es' if count > 1 else ''}"] = took
            np.save(folder / "qlib.npy", finite(engine.cube(given[0], dates)))
    if "pandas" in ways:
        frames = {name: pd.DataFrame(bars[name].astype(np.float64)) for name in FIELDS}
        times, given = in_turns(repeats, lambda: alpha158(frames))
        seconds["pandas"] = times[0]
        columns = np.stack([given[0][name].to_numpy() for name in engine.names])
        np.save(folder / "pandas.npy", finite(columns))
    versions = {name: importlib.metadata.version(name) for name in ("pyqlib", "pandas", "numpy")}
    return {
        "names": engine.names, "fields": engine.fields, "seconds": seconds, "versions": versions,
        "days": days, "assets": assets,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ways", default="qlib,pandas")
    parser.add_argument("--processes", type=int, default=2, help="of Qlib's own pool, beside a run in one")
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--together", type=Path)
    asked = parser.parse_args()
    if asked.simulate:
        bars = simulated_bars()
        dates = np.datetime64("2020-01-01") + np.arange(len(bars["close"]))
        np.savez(asked.folder / "bars.npz", dates=dates, assets=np.array(list("abcdefg")), **bars)
    said = run(asked.folder, asked.ways.split(","), asked.repeats, asked.processes)
    if asked.together:
        bars = dict(np.load(asked.folder / "bars.npz"))
        values = np.load(asked.folder / "qlib.npy")
        about = json.dumps(said["versions"])
        named = {"names": np.array(said["names"]), "formulas": np.array(said["fields"])}
        np.savez_compressed(asked.together, **bars, **named, values=values, about=np.array(about))
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
