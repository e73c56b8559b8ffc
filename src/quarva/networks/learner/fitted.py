"""A network that was trained: a function like any other."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quarva._runtime.files import write_atomically
from quarva.errors import RunError, TaskError
from quarva.networks.data.features import name_of
from quarva.networks.data.inputs import Inputs
from quarva.networks.data.target_encoding import TargetEncoding
from quarva.networks.data.windows import Windows
from quarva.networks.models.models import make_network
from quarva.networks.models.stack import Stack
from quarva.panel import Panel, Table
from quarva.panel.names import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Fitted", "as_frame"]

WEIGHTS, ABOUT = "weights.safetensors", "network.json"
_VERSION = 3


@dataclass(frozen=True, eq=False)
class Fitted:
    """One network or several of a kind, trained on a task; `signal` makes it a function.

    Attributes:
        network: its name, or the class of a user's own. settings: it was made with.
        stack: the networks, M of them. inputs: what they are shown. framing: what their outputs are.
        train, validation: the task's objective on either part, of the mean of the networks; NaN where there
            is no validation.
        stopping: smallest loss on what training was stopped by, mean of the networks.
        judged: the part that figure, baselines and calibration are of: validation, or training without one.
        figure, baselines: the framing's figure there, and that of each baseline on the same cells.
        calibration: the slope of the target on the forecast, or of classes the expected
            calibration error; NaN of a ranking.
        uncertainty: how far several networks are apart there, mean standard deviation of their signals in
            standard deviations of the mean signal; NaN of one.
        history: one row an epoch: epoch, train, stopping, best; losses are means over the networks.
        ended: patience, epochs, diverged or interrupted. notes: what should be said aloud.
    """

    network: str
    settings: Mapping[str, Any]
    stack: Stack = field(repr=False)
    inputs: Inputs = field(repr=False)
    framing: TargetEncoding = field(repr=False)
    asked: Mapping[str, Any] = field(repr=False)
    train: float = float("nan")
    validation: float = float("nan")
    stopping: float = float("nan")
    judged: str = "validation"
    figure: float = float("nan")
    baselines: Mapping[str, float] = field(default_factory=dict)
    calibration: float = float("nan")
    uncertainty: float = float("nan")
    history: "pd.DataFrame | None" = field(default=None, repr=False)
    ended: str = ""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is, in a few words: `conv1d, 5 features × 20 days`."""
        many = f"{len(self.stack)} × " if len(self.stack) > 1 else ""
        return f"{many}{self.network}, {self.inputs.title}"

    @property
    def parameters(self) -> int:
        """Numbers that one network has learned."""
        return sum(each[0].numel() for each in self.stack.weights.values())

    @property
    def beaten_by(self) -> tuple[str, ...]:
        """Baselines that are as good or better where they are judged."""
        sign = 1.0 if self.framing.minimised else -1.0
        return tuple(name for name, other in self.baselines.items() if not sign * self.figure < sign * other)

    def answers(self, panel: Panel, threads: int | None = None) -> NDArray[np.floating]:
        """Signals of each network on a panel, [M, T, N]; NaN where there is no whole window."""
        return self._over(self.inputs.windows(panel, threads), lambda signals: signals, len(self.stack))

    def moments(self, windows: Windows) -> NDArray[np.floating]:
        """Mean and standard deviation (n) over the networks' signals, [2, T, N].

        windows: as its inputs make them.
        """
        return self._over(windows, lambda each: torch.stack([each.mean(0), each.std(0, correction=0)]), 2)

    def _over(self, windows: Windows, summary: Callable[[Tensor], Tensor], rows: int) -> NDArray[np.floating]:
        """A summary [rows, b] of signals [M, b] on all windows, [rows, T, N]."""
        _, days, assets = windows.values.shape
        out = np.full((rows, days * assets), np.nan, self.framing.precision)
        for some, outputs in self.stack.over(windows, windows.places(np.ones(days, np.bool_))):
            out[:, some.numpy()] = summary(self.framing.signal(self.framing.answer(outputs))).numpy()
        return out.reshape(rows, days, assets)

    def values(self, panel: Panel) -> NDArray[np.floating]:
        """The signal, [T, N]: the mean of the networks."""
        return self.moments(self.inputs.windows(panel))[0]

    def predict(self, table: Table) -> NDArray[np.floating]:
        """The signal for each row of a table, [rows]; NaN where a feature is missing."""
        return self.values(table.panel).reshape(-1)[: table.rows]

    def signal(self, panel: Panel) -> "pd.DataFrame":
        """The signal on a panel: float32, dates × assets, NaN = no opinion. See `Formula.signal`."""
        return as_frame(self.values(panel), panel)

    def spread(self, panel: Panel) -> "pd.DataFrame":
        """How far the networks are apart: standard deviation (n) of their signals, dates × assets.

        Raises:
            TaskError: there is one network only.
        """
        if len(self.stack) < 2:
            raise TaskError("one network has no spread; fit several: Learner(members=10)")
        return as_frame(self.moments(self.inputs.windows(panel))[1], panel)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `network.json` and `weights.safetensors` into a folder that is there.

        Raises:
            RunError: a feature that is a function, which no file can hold; a folder that can not be written.
        """
        from safetensors.torch import save

        for each in self.inputs.features:
            if not isinstance(each, str):
                raise RunError(
                    f"the feature {name_of(each)} is a function and can not be written; give it as a formula"
                )
        about = {
            "version": _VERSION, "network": self.network, "settings": dict(self.settings),
            "members": len(self.stack), "features": list(self.inputs.features), "length": self.inputs.length,
            "missing": self.inputs.missing, "mean": self.inputs.mean.tolist(),
            "scale": self.inputs.scale.tolist(),
            "framing": {
                "kind": self.framing.kind, "loss": self.framing.loss,
                "classes": self.framing.classes.tolist(), "mean": self.framing.mean,
                "scale": self.framing.scale, "temperature": self.framing.temperature,
            },
            "task": dict(self.asked), "ended": self.ended, "notes": list(self.notes),
            "figures": {
                "train": self.train, "validation": self.validation, "stopping": self.stopping,
                "judged": self.judged, "figure": self.framing.figure, "value": self.figure,
                "baselines": dict(self.baselines), "calibration": self.calibration,
                "uncertainty": self.uncertainty,
            },
        }  # fmt: skip
        tensors = {name: each.detach().cpu().contiguous() for name, each in self.stack.all_weights().items()}
        folder = Path(folder)
        write_atomically(folder / WEIGHTS, save(tensors))
        text = json.dumps(about, indent=1, ensure_ascii=False, default=float)
        write_atomically(folder / ABOUT, text.encode())

    @classmethod
    def load(cls, folder: str | os.PathLike[str], network: "type[nn.Module] | None" = None) -> "Fitted":
        """What `save` wrote.

        Args:
            folder: that it was written into.
            network: the class of a network that is not one of `NETWORKS`.

        Raises:
            RunError: files that are missing, damaged, of another version or of another architecture.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        folder = Path(folder)
        try:
            about = json.loads((folder / ABOUT).read_bytes())
            tensors = load((folder / WEIGHTS).read_bytes())
        except FileNotFoundError as error:
            raise RunError(
                f"{folder}: there is no {Path(error.filename).name}; quarva fit writes it"
            ) from None
        except (OSError, ValueError, SafetensorError) as error:
            raise RunError(f"{folder}: the network can not be read ({error}); fit it anew") from None
        try:
            return cls._made(about, tensors, network, str(folder))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise RunError(f"{folder}: {ABOUT} is damaged ({error!r}); fit it anew") from None

    @classmethod
    def _made(
        cls, about: dict[str, Any], tensors: dict[str, Tensor], network: "type[nn.Module] | None", origin: str
    ) -> "Fitted":
        """The network that files tell of. Raises RunError: another version or architecture."""
        if about.get("version") != _VERSION:
            raise RunError(
                f"{origin}: the network is of version {about.get('version')}, this Quarva reads {_VERSION}"
            )
        classes = np.array(about["framing"]["classes"], np.float64)
        framing = TargetEncoding(**(about["framing"] | {"classes": classes}))
        inputs = Inputs(
            tuple(about["features"]), about["length"], np.array(about["mean"]), np.array(about["scale"]),
            about["missing"],
        )  # fmt: skip
        sizes = len(inputs.features), inputs.length, framing.outputs
        stack = Stack.of(
            lambda: make_network(network or about["network"], *sizes, about["settings"])[1],
            range(about["members"]),
        )
        stack.take(tensors, origin)
        figures = about["figures"]
        return cls(
            about["network"], about["settings"], stack, inputs, framing, about["task"], figures["train"],
            figures["validation"], figures["stopping"], figures["judged"], figures["value"],
            figures["baselines"], figures["calibration"], figures["uncertainty"], None, about["ended"],
            tuple(about["notes"]),
        )  # fmt: skip

    def __str__(self) -> str:
        lines = []
        if self.beaten_by:
            lines.append(
                f"NOT BETTER than {listed(self.beaten_by)} in {self.judged}: this network explains "
                f"nothing that {'this does' if len(self.beaten_by) == 1 else 'these do'} not"
            )
        asked = f"{self.asked['objective']} of {self.asked['target']}"
        besides = f", {self.validation:.4g} in validation" if self.judged == "validation" else ""
        lines.append(f"{self.network}: {asked} {self.train:.4g} in training{besides}")
        others = ", ".join(f"{name} {value:.6g}" for name, value in self.baselines.items())
        lines.append(f"{self.framing.figure} in {self.judged} {self.figure:.6g}; {others}")
        if self.framing.kind != "ranking":
            what = "slope" if self.framing.kind == "regression" else "expected error"
            lines.append(f"calibration in {self.judged}: {what} {self.calibration:.3g}")
        if len(self.stack) > 1:
            lines.append(
                f"uncertainty in {self.judged}: the {len(self.stack)} networks are apart by "
                f"{self.uncertainty:.3g} standard deviations of their mean"
            )
        return "\n".join([*lines, *self.notes])


def as_frame(values: NDArray[np.floating], panel: Panel) -> "pd.DataFrame":
    """Values [T, N] with the panel's dates and assets."""
    import pandas as pd

    index = pd.DatetimeIndex(panel.dates, name="date")
    return pd.DataFrame(values, index=index, columns=pd.Index(panel.assets, name="asset"))
