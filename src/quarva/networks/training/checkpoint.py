"""A training on disk: tensors and a few words, nothing that could be executed."""

import hashlib
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from quarva._runtime.files import write_atomically
from quarva.errors import RunError

__all__ = ["read_checkpoint", "write_checkpoint"]


def write_checkpoint(path: Path, chunks: list[dict[str, Tensor]], key: dict[str, Any]) -> None:
    """Keep the states of trainings one after the other, and of whose they are. Raises RunError."""
    from safetensors.torch import save

    tensors = {f"{k}/{name}": each for k, state in enumerate(chunks) for name, each in state.items()}
    write_atomically(path, save(tensors, {"key": _digest(key), "chunks": str(len(chunks))}))


def read_checkpoint(path: Path, key: dict[str, Any]) -> list[dict[str, Tensor]]:
    """What was kept.

    Raises:
        RunError: the file is missing, damaged, or belongs to a training with other settings or data.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"{path}: the checkpoint can not be read ({error}); fit anew without resuming"
        ) from None
    if about.get("key") != _digest(key):
        raise RunError(f"{path} belongs to another fit: settings, task or data differ; fit anew elsewhere")
    chunks: list[dict[str, Tensor]] = [{} for _ in range(int(about["chunks"]))]
    for name, each in tensors.items():
        k, _, inner = name.partition("/")
        chunks[int(k)][inner] = each
    return chunks


def _digest(key: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
