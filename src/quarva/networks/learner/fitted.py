"""`Fitted`: the result of fitting a network, a function from a panel to a signal."""

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
from quarva.networks.data.features import feature_name
from quarva.networks.data.inputs import Inputs
from quarva.networks.data.target_encoding import TargetEncoding
from quarva.networks.data.windows import Windows
from quarva.networks.models.models import make_network
from quarva.networks.models.stack import Stack
from quarva.panel import Panel, Table, as_frame
from quarva.panel.names import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Fitted"]

WEIGHTS, ABOUT = "weights.safetensors", "network.json"
_VERSION = 3


@dataclass(frozen=True, eq=False)
class Fitted:
    """One or several trained networks of one kind. Their mean is the signal.

    Attributes
    ----------
    network : str
        Name of the network, or of the user's class.
    settings : mapping of str to Any
        Settings that the network was created with.
    stack : Stack
        The M networks.
    inputs : Inputs
        Features, window length and scaling.
    encoding : TargetEncoding
        Encoding of the target.
    question : mapping of str to Any
        The task, as `Task.describe` returns it.
    train, validation : float
        The task's objective on either part, for the mean of the networks. NaN without a validation part.
    stopping : float
        Lowest loss on the samples for early stopping, mean over the networks.
    evaluated_on : {"validation", "training"}
        The part on which `metric`, `baselines`, `calibration` and `uncertainty` are computed: training if
        there is no validation part.
    metric : float
        Value of the encoding's metric: mean squared error, log loss or rank IC.
    baselines : mapping of str to float
        Value of the same metric for each baseline.
    calibration : float
        For a regression, the slope of the target on the prediction. For a classification, the expected
        calibration error. NaN for a ranking.
    uncertainty : float
        Mean standard deviation between the networks' signals, in standard deviations of the mean signal. NaN
        for one network.
    history : DataFrame or None
        One row per epoch, with columns chunk, epoch, train, stopping and best. Losses are means over the
        networks. None for a loaded network.
    ended : str
        Why training ended: "patience", "epochs", "diverged" or "interrupted".
    notes : tuple of str
        Remarks for the user.
    """

    network: str
    settings: Mapping[str, Any]
    stack: Stack = field(repr=False)
    inputs: Inputs = field(repr=False)
    encoding: TargetEncoding = field(repr=False)
    question: Mapping[str, Any] = field(repr=False)
    train: float = float("nan")
    validation: float = float("nan")
    stopping: float = float("nan")
    evaluated_on: str = "validation"
    metric: float = float("nan")
    baselines: Mapping[str, float] = field(default_factory=dict)
    calibration: float = float("nan")
    uncertainty: float = float("nan")
    history: "pd.DataFrame | None" = field(default=None, repr=False)
    ended: str = ""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """A short description, such as `conv1d, 5 features × 20 days`."""
        count = f"{len(self.stack)} × " if len(self.stack) > 1 else ""
        return f"{count}{self.network}, {self.inputs.title}"

    @property
    def parameters(self) -> int:
        """Number of learned parameters of one network."""
        return sum(each[0].numel() for each in self.stack.weights.values())

    @property
    def beaten_by(self) -> tuple[str, ...]:
        """Names of the baselines with an equal or better metric."""
        sign = 1.0 if self.encoding.minimised else -1.0
        return tuple(name for name, other in self.baselines.items() if not sign * self.metric < sign * other)

    def member_signals(self, panel: Panel, threads: int | None = None) -> NDArray[np.floating]:
        """Compute the signal of each network.

        Parameters
        ----------
        panel : Panel
            The data, T days and N assets.
        threads : int, optional
            Maximum number of threads for features. Defaults to one per core.

        Returns
        -------
        ndarray of float, shape (M, T, N)
            NaN where the window is incomplete.

        Raises
        ------
        FormulaError
            A feature reads something that the panel lacks.
        TaskError
            The panel has fewer days than a window.
        """
        return self._summarise(self.inputs.windows(panel, threads), lambda signals: signals, len(self.stack))

    def moments(self, windows: Windows) -> NDArray[np.floating]:
        """Mean and standard deviation of the networks' signals.

        Parameters
        ----------
        windows : Windows
            Windows as `inputs` creates them.

        Returns
        -------
        ndarray of float, shape (2, T, N)
            Mean and standard deviation (n). NaN where the window is incomplete.
        """
        return self._summarise(
            windows, lambda each: torch.stack([each.mean(0), each.std(0, correction=0)]), 2
        )

    def _summarise(
        self, windows: Windows, summary: Callable[[Tensor], Tensor], rows: int
    ) -> NDArray[np.floating]:
        """Apply a summary of shape (M, b) → (rows, b) to the signals of all windows.

        Returns shape (rows, T, N), NaN where the window is incomplete.
        """
        _, days, assets = windows.values.shape
        out = np.full((rows, days * assets), np.nan, self.encoding.precision)
        for batch, outputs in self.stack.predict(windows, windows.indices(np.ones(days, np.bool_))):
            out[:, batch.numpy()] = summary(self.encoding.signal(self.encoding.predict(outputs))).numpy()
        return out.reshape(rows, days, assets)

    def values(self, panel: Panel) -> NDArray[np.floating]:
        """The signal, shape (T, N): the mean over the networks."""
        return self.moments(self.inputs.windows(panel))[0]

    def predict(self, table: Table) -> NDArray[np.floating]:
        """Predict the rows of a table.

        Parameters
        ----------
        table : Table
            The rows.

        Returns
        -------
        ndarray of float, shape (rows,)
            NaN where a feature is missing.

        Raises
        ------
        FormulaError
            A feature reads a column that the table lacks.
        """
        return self.values(table.panel).reshape(-1)[: table.rows]

    def signal(self, panel: Panel) -> "pd.DataFrame":
        """Compute the signal on a panel; see `Formula.signal`.

        Parameters
        ----------
        panel : Panel
            The data.

        Returns
        -------
        DataFrame of float, dates × assets
            NaN means no opinion.

        Raises
        ------
        FormulaError
            A feature reads something that the panel lacks.
        TaskError
            The panel has fewer days than a window.
        """
        return as_frame(self.values(panel), panel)

    def spread(self, panel: Panel) -> "pd.DataFrame":
        """Standard deviation (n) between the signals of the networks.

        Parameters
        ----------
        panel : Panel
            The data.

        Returns
        -------
        DataFrame of float, dates × assets
            NaN where the window is incomplete.

        Raises
        ------
        TaskError
            There is only one network, or the panel has fewer days than a window.
        FormulaError
            A feature reads something that the panel lacks.
        """
        if len(self.stack) < 2:
            raise TaskError("one network has no spread; fit several: Learner(members=10)")
        return as_frame(self.moments(self.inputs.windows(panel))[1], panel)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `network.json` and `weights.safetensors` to a folder.

        Parameters
        ----------
        folder : str or os.PathLike
            An existing folder.

        Raises
        ------
        RunError
            A feature is a function, which cannot be stored, or the folder cannot be written.
        """
        from safetensors.torch import save

        for each in self.inputs.features:
            if not isinstance(each, str):
                raise RunError(
                    f"the feature {feature_name(each)} is a function and cannot be saved; use a formula"
                )
        about = {
            "version": _VERSION, "network": self.network, "settings": dict(self.settings),
            "members": len(self.stack), "features": list(self.inputs.features), "length": self.inputs.length,
            "missing": self.inputs.missing, "mean": self.inputs.mean.tolist(),
            "scale": self.inputs.scale.tolist(),
            "framing": {
                "kind": self.encoding.kind, "loss": self.encoding.loss,
                "classes": self.encoding.classes.tolist(), "mean": self.encoding.mean,
                "scale": self.encoding.scale, "temperature": self.encoding.temperature,
            },
            "task": dict(self.question), "ended": self.ended, "notes": list(self.notes),
            "figures": {
                "train": self.train, "validation": self.validation, "stopping": self.stopping,
                "judged": self.evaluated_on, "figure": self.encoding.metric, "value": self.metric,
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
        """Load networks that `save` wrote.

        Parameters
        ----------
        folder : str or os.PathLike
            The folder.
        network : type, optional
            The class of the network, if it is not one of `NETWORKS`.

        Returns
        -------
        Fitted

        Raises
        ------
        RunError
            A file is missing or damaged, or is of another version or architecture.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        folder = Path(folder)
        try:
            about = json.loads((folder / ABOUT).read_bytes())
            tensors = load((folder / WEIGHTS).read_bytes())
        except FileNotFoundError as error:
            raise RunError(
                f"{folder}: {Path(error.filename).name} does not exist; quarva fit writes it"
            ) from None
        except (OSError, ValueError, SafetensorError) as error:
            raise RunError(f"{folder}: the network cannot be read ({error}); fit it again") from None
        try:
            return cls._from_files(about, tensors, network, str(folder))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise RunError(f"{folder}: {ABOUT} is damaged ({error!r}); fit it again") from None

    @classmethod
    def _from_files(
        cls, about: dict[str, Any], tensors: dict[str, Tensor], network: "type[nn.Module] | None", origin: str
    ) -> "Fitted":
        """Create an object from the contents of the files; raise RunError for another version."""
        if about.get("version") != _VERSION:
            raise RunError(
                f"{origin}: the network has version {about.get('version')}, but this Quarva reads version "
                f"{_VERSION}; fit it again"
            )
        classes = np.array(about["framing"]["classes"], np.float64)
        encoding = TargetEncoding(**(about["framing"] | {"classes": classes}))
        inputs = Inputs(
            tuple(about["features"]), about["length"], np.array(about["mean"]), np.array(about["scale"]),
            about["missing"],
        )  # fmt: skip
        sizes = len(inputs.features), inputs.length, encoding.outputs
        stack = Stack.from_seeds(
            lambda: make_network(network or about["network"], *sizes, about["settings"])[1],
            range(about["members"]),
        )
        stack.load_weights(tensors, origin)
        figures = about["figures"]
        return cls(
            about["network"], about["settings"], stack, inputs, encoding, about["task"], figures["train"],
            figures["validation"], figures["stopping"], figures["judged"], figures["value"],
            figures["baselines"], figures["calibration"], figures["uncertainty"], None, about["ended"],
            tuple(about["notes"]),
        )  # fmt: skip

    def __str__(self) -> str:
        lines = []
        if self.beaten_by:
            lines.append(
                f"NOT BETTER than {listed(self.beaten_by)} in {self.evaluated_on}: the network adds nothing "
                f"to {'this baseline' if len(self.beaten_by) == 1 else 'these baselines'}"
            )
        objective = f"{self.question['objective']} of {self.question['target']}"
        validation = f", {self.validation:.4g} in validation" if self.evaluated_on == "validation" else ""
        lines.append(f"{self.network}: {objective} {self.train:.4g} in training{validation}")
        others = ", ".join(f"{name} {value:.6g}" for name, value in self.baselines.items())
        lines.append(f"{self.encoding.metric} in {self.evaluated_on} {self.metric:.6g}; {others}")
        if self.encoding.kind != "ranking":
            measure = "slope" if self.encoding.kind == "regression" else "expected error"
            lines.append(f"calibration in {self.evaluated_on}: {measure} {self.calibration:.3g}")
        if len(self.stack) > 1:
            lines.append(
                f"uncertainty in {self.evaluated_on}: the {len(self.stack)} networks differ by "
                f"{self.uncertainty:.3g} standard deviations of their mean signal"
            )
        return "\n".join([*lines, *self.notes])
