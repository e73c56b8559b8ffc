"""Run scripts of this folder in the peers' own Python, and read their results."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["answer_of", "row_rates"]


def answer_of(python: Path, script: str, *words: object) -> Any:
    """Run a script of this folder and return the JSON on the last line of its output."""
    place = Path(__file__).with_name(script)
    command = [str(python), str(place), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SystemExit(f"{script} in the peers' Python: {last}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def row_rates(
    python: Path, rows: np.ndarray, formulas: list[list[str]], threads: int, repeats: int, names: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the results of `rows.py`, and each peer's values of the first rows, float32[formulas, rows]."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "rows.npy", rows)
        (folder / "formulas.json").write_text(json.dumps(formulas))
        words = ["--threads", threads, "--repeats", repeats, "--peers", names]
        found = answer_of(python, "rows.py", folder, *words)
        return found, {peer: np.load(folder / f"{peer}.npy") for peer in found}
