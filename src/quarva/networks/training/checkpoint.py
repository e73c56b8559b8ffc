"""Training checkpoints: tensors and text in safetensors files, without executable content."""

import hashlib
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from quarva._runtime.files import write_atomically
from quarva.errors import RunError

__all__ = ["read_checkpoint", "write_checkpoint"]


def write_checkpoint(path: Path, chunks: list[dict[str, Tensor]], key: dict[str, Any]) -> None:
    """Write the states of consecutive trainings to a file, atomically.

    Parameters
    ----------
    path : Path
        The file.
    chunks : list of dict of str to Tensor
        State of each training; see `Training.state`.
    key : dict
        What identifies the fit. A digest of it is stored.

    Raises
    ------
    RunError
        The file cannot be written.
    """
    from safetensors.torch import save

    tensors = {f"{k}/{name}": each for k, state in enumerate(chunks) for name, each in state.items()}
    write_atomically(path, save(tensors, {"key": _digest(key), "chunks": str(len(chunks))}))


def read_checkpoint(path: Path, key: dict[str, Any]) -> list[dict[str, Tensor]]:
    """Read the states that `write_checkpoint` wrote.

    Parameters
    ----------
    path : Path
        The file.
    key : dict
        What identifies the fit.

    Returns
    -------
    list of dict of str to Tensor

    Raises
    ------
    RunError
        The file is missing or damaged, or belongs to a fit with other settings or data.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"{path}: the checkpoint cannot be read ({error}); fit again without resuming"
        ) from None
    if about.get("key") != _digest(key):
        raise RunError(
            f"{path} belongs to another fit (settings, task or data differ); fit again in another folder"
        )
    chunks: list[dict[str, Tensor]] = [{} for _ in range(int(about["chunks"]))]
    for name, each in tensors.items():
        k, _, inner = name.partition("/")
        chunks[int(k)][inner] = each
    return chunks


def _digest(key: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
