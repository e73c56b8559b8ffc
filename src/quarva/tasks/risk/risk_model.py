"""The risk model: formulas, groups and statistical factors whose effect is removed from a target."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.whole import whole
from quarva.errors import FormulaError, TaskError
from quarva.karva.expression import Expression
from quarva.karva.notation import expression_of, render
from quarva.panel import Panel, check_panel
from quarva.tasks.risk.exposures import Exposures
from quarva.tasks.risk.residual import Residual, neutralised, residual_of

__all__ = ["RiskModel"]

_MARKET = "pct_change(close, 1) - demean(pct_change(close, 1))"  # the mean return of all assets

DEFAULT_EXPOSURES = {
    "size": "log(mean(close * volume, 20))",
    "price": "log(close)",
    "beta": f"cov(pct_change(close, 1), {_MARKET}, 120) / var({_MARKET}, 120)",
    "volatility": "std(pct_change(close, 1), 40)",
    "momentum": "ref(close, 20) / ref(close, 120) - 1",
}
"""Exposures of the default model. It uses those whose fields the panel has."""

_LEAST_ASSETS = 30  # with fewer, the default model removes only the mean of a day
_KEYS = ("exposures", "groups", "factors", "window", "normal_scores")


@dataclass(frozen=True)
class RiskModel:
    """Exposures that are known at the close of a signal's day and explain part of the later returns.

    Parameters
    ----------
    exposures : mapping of str to str or Expression
        Formula of each exposure by its name. The values are standardised over the assets of a day.
    groups : tuple of str
        Names of groupings of the panel, such as ("sector",). Without one, the mean of each day is removed.
    factors : int, default 0
        Number of statistical factors: principal components of the returns of the past 252 days.
    window : int, default 120
        Number of days from which the residual volatility of an asset is estimated, 2 or more.
    normal_scores : bool, default True
        Whether the residuals of a day are replaced by their normal scores. Returns have fat tails, and
        without scores a few extreme residuals decide what is found.
    notes : tuple of str
        Remarks on how the model was chosen.

    Raises
    ------
    TaskError
        `exposures` is not a mapping, `groups` is not a sequence of names, or a number is out of range.
    """

    exposures: Mapping[str, str | Expression] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    factors: int = 0
    window: int = 120
    normal_scores: bool = True
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.exposures, Mapping):
            raise TaskError(
                "exposures must be formulas by name, such as {'price': 'log(close)'}, not "
                f"{self.exposures!r}"
            )
        given: object = self.groups
        if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
            raise TaskError(f"groups must be a sequence of names, such as ('sector',), not {given!r}")
        object.__setattr__(self, "groups", tuple(dict.fromkeys(self.groups)))
        whole("the number of statistical factors", self.factors, 0, TaskError)
        whole("the window of the residual volatility", self.window, 2, TaskError, "days")
        if not isinstance(self.normal_scores, bool):
            raise TaskError(f"normal_scores must be true or false, not {self.normal_scores!r}")

    @classmethod
    def of(
        cls, given: "str | PathLike[str] | Mapping[str, Any] | RiskModel", panel: Panel
    ) -> "RiskModel | None":
        """Convert a setting to a model.

        Parameters
        ----------
        given : str, path, mapping or RiskModel
            "none", "default", the path of a TOML file, a mapping with the keys of such a file, or a model.
        panel : Panel
            The panel for which the default model is chosen.

        Returns
        -------
        RiskModel or None
            None for "none".

        Raises
        ------
        TaskError
            The argument has another type, or the file or mapping is not valid.
        """
        if isinstance(given, RiskModel):
            return given
        if isinstance(given, Mapping):
            return cls._of(given, "risk model")
        if not isinstance(given, str | PathLike):
            raise TaskError(
                f"a risk model must be none, default, the path of a TOML file or a RiskModel, not {given!r}"
            )
        if given == "none":
            return None
        return cls.default(panel) if given == "default" else cls.read(given)

    @classmethod
    def default(cls, panel: Panel) -> "RiskModel":
        """The model for a panel: its groups, and size, price, beta, volatility and momentum.

        Exposures whose fields the panel lacks are left out. A grouping is left out if there would be fewer
        than three assets for each group and exposure. With fewer than 30 assets, only the mean of each day is
        removed, and there are no normal scores.

        Raises
        ------
        PanelError
            The argument is not a panel.
        """
        check_panel(panel, "a risk model")
        if len(panel.assets) < _LEAST_ASSETS:
            return cls(normal_scores=False)  # a day would have few different scores
        usable = {
            name: text
            for name, text in DEFAULT_EXPOSURES.items()
            if set(expression_of(text).fields()) <= set(panel.fields)
        }
        groups: list[str] = []
        for name, group in panel.groups.items():
            count = sum(len(panel.groups[each].labels) for each in groups) + len(group.labels)
            if 3 * (count + len(usable)) <= len(panel.assets):
                groups.append(name)
        return cls(usable, tuple(groups))

    @classmethod
    def read(cls, path: str | PathLike[str]) -> "RiskModel":
        """Read a model from a TOML file, whose keys are the parameters of this class without `notes`.

        Raises
        ------
        TaskError
            The file cannot be read, or a key or value is not valid.
        """
        try:
            given = tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
        except OSError as error:
            raise TaskError(
                f"risk = {path}: {error.strerror}; a risk model is none, default or a TOML file"
            ) from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            what = "is not text" if isinstance(error, UnicodeDecodeError) else f"is not TOML: {error}"
            raise TaskError(f"risk = {path} cannot be read: it {what}") from None
        return cls._of(given, str(path))

    @classmethod
    def _of(cls, given: Mapping[str, Any], path: str) -> "RiskModel":
        """Check the settings of a file; `path` is its name in messages."""
        for key in given:
            if key not in _KEYS:
                raise TaskError(f"{path}: unknown key '{key}' in a risk model; use {', '.join(_KEYS)}")
        exposures, groups = given.get("exposures", {}), given.get("groups", [])
        if not (isinstance(exposures, dict) and all(isinstance(text, str) for text in exposures.values())):
            raise TaskError(
                f'{path}: exposures must be formulas by name, such as size = "log(mean(close * volume, 20))"'
            )
        if not (isinstance(groups, list | tuple) and all(isinstance(name, str) for name in groups)):
            raise TaskError(f'{path}: groups must be a list of names, such as ["sector"]')
        others: dict[str, Any] = {name: given[name] for name in _KEYS[2:] if name in given}
        try:
            model = cls(exposures, tuple(groups), **others)
        except TaskError as error:
            raise TaskError(f"{path}: {error}") from None
        factors = [f"{model.factors} statistical factors"] if model.factors else []
        named = ", ".join([*model.groups, *model.exposures, *factors]) or "only the mean return of each day"
        return replace(model, notes=(f"risk model: {named}",))

    def as_dict(self) -> dict[str, Any]:
        """Return the model as plain data with the keys of a file; the notes are omitted."""
        formulas = {name: render(expression_of(given)) for name, given in self.exposures.items()}
        settings = {name: getattr(self, name) for name in _KEYS[2:]}
        return {"groups": list(self.groups), **settings, "exposures": formulas}

    def residual(self, panel: Panel, target: NDArray[np.floating], known_after: int) -> Residual:
        """Remove the exposures from a target, and divide the rest by the volatility of each asset.

        On each day, the target is regressed on the exposures of that day over all assets with a target. The
        residual is divided by the root mean square of the asset's residuals on the last `window` days whose
        targets are known on the signal's day. An asset with fewer than 20 such residuals gets the median over
        the assets, and no asset gets less than 0.3 times the median. Before any asset has 20, all assets of a
        day are divided by the root mean square of that day's residuals.

        With `normal_scores`, the n quotients of a day are replaced by Φ⁻¹((rank − ½) / n) and regressed on
        the exposures again.

        With fewer than 10 assets per exposure or group, the coefficients of the exposures are shrunk by a
        ridge penalty.

        Parameters
        ----------
        panel : Panel
            The panel of T days and N assets.
        target : ndarray of float, shape (T, N)
            The target by the day of the signal. NaN means no target.
        known_after : int
            Number of days after the signal's day until its target is known: horizon plus delay.

        Returns
        -------
        Residual
            NaN where the target is NaN, and on days with too few assets for the regression.

        Raises
        ------
        TaskError
            The panel lacks a grouping, there are too many exposures for its assets, a formula cannot be
            computed, the target does not have the shape of the panel, or `known_after` is negative.
        PanelError
            The argument is not a panel.
        """
        whole("known_after", known_after, 0, TaskError, "days")
        _check_shape(panel, target)
        return residual_of(self._measure(panel), target, known_after, self.window, self.normal_scores)

    def neutralise(self, panel: Panel, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Remove the exposures from signals or positions.

        Parameters
        ----------
        panel : Panel
            The panel of T days and N assets.
        values : ndarray of float, shape (T, N)
            Signals or positions. NaN means no value.

        Returns
        -------
        ndarray of float32, shape (T, N)
            Residuals of the daily regressions on the exposures. Over the assets with a value, they sum to 0
            in each group and have a correlation of 0 with each exposure. NaN where `values` is NaN, and on
            days with too few assets for the regression.

        Raises
        ------
        TaskError
            The panel lacks a grouping, there are too many exposures for its assets, a formula cannot be
            computed, or the values do not have the shape of the panel.
        PanelError
            The argument is not a panel.
        """
        _check_shape(panel, values)
        return neutralised(self._measure(panel), values)

    def _measure(self, panel: Panel) -> Exposures:
        formulas = {}
        for name, given in self.exposures.items():
            try:
                formulas[name] = expression_of(given, panel.fields, panel.groups, panel.assets)
            except FormulaError as error:
                raise TaskError(f"the exposure '{name}' of the risk model cannot be used; {error}") from None
        for name in self.groups:
            if name not in panel.groups:
                known = ", ".join(panel.groups) or "none"
                raise TaskError(
                    f"the risk model has the group '{name}', which the panel lacks (it has: {known}); remove "
                    "it, or add a column"
                )
        return Exposures.measure(panel, formulas, self.groups, self.factors)


def _check_shape(panel: Panel, values: NDArray[np.floating]) -> None:
    """Raise TaskError unless the values have the shape of the panel."""
    check_panel(panel, "a risk model")
    if np.shape(values) != panel.shape:
        raise TaskError(f"values of shape {np.shape(values)} do not fit a panel of shape {panel.shape}")
