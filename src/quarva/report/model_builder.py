"""Builds the report of a network or a trader: a formula's diagnostics plus layers and learning curves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quarva.__version__ import __version__
from quarva.karva.notation import parse
from quarva.networks import Fitted
from quarva.networks.data.features import Feature, feature_name
from quarva.networks.data.layout import axes_of
from quarva.report import text
from quarva.report.axis import number
from quarva.report.builder import add_diagnostics, describe_question
from quarva.report.data import Layer, Model, ReportData, Row, SearchFacts, TrainingHistory
from quarva.rl import TradingPolicy
from quarva.tasks import Task, attach_signals
from quarva.tasks.coverage import coverage

if TYPE_CHECKING:
    import pandas as pd

    from quarva.strategies import Strategy

__all__ = ["assemble"]

NAN = float("nan")


def assemble(
    task: Task,
    model: Fitted | TradingPolicy,
    strategy: "Strategy | None" = None,
    *,
    run: str = "",
    history: "pd.DataFrame | None" = None,
    held_out: bool = True,
    test: float = NAN,
    test_readings: int = 0,
) -> ReportData:
    """Build the report of a network or trader on `task`; its signal is scored and traded like a formula's.

    Parameters
    ----------
    task : Task
        Task to score the signal on.
    model : Fitted or TradingPolicy
        Trained network or trader.
    strategy : Strategy, optional
        Trading rule for the signal. Defaults to the task's own rule.
    run : str
        Name of the run, shown on the page.
    history : DataFrame, optional
        Training history. Defaults to the model's own.
    held_out : bool
        Whether validation days were kept out of training.
    test, test_readings : float, int
        Score on the sealed test, NaN if it was not read, and the number of readings.

    Raises
    ------
    TaskError, FormulaError
        If a feature cannot be computed on the task's panel.
    """
    inputs = model.inputs
    values = model.values(task.panel)
    lent, (reader,) = attach_signals(task, values[None], inputs.lookback)
    scores = lent.score([reader])
    sign = int(scores.sign[0])
    described = _network(model, history) if isinstance(model, Fitted) else _trader(model, history)
    question = describe_question(task, test_readings=test_readings)
    notes = tuple(dict.fromkeys((*question.notes, *model.notes)))
    question = replace(question, notes=notes, fields=_fields(inputs.features) or question.fields)
    facts = SearchFacts(model.title, 0, 1, NAN, run=run, version=__version__)
    data = ReportData(question, facts, (), model=replace(described, sign=sign, held_out=held_out))
    data = add_diagnostics(data, lent, reader, sign, strategy)
    row = Row(
        model.title, float(scores.train[0]), float(scores.validation[0]), _turnover(data),
        model.parameters, test, coverage(lent, values, 0),
    )  # fmt: skip
    return replace(data, pool=(row,))


def _network(fitted: Fitted, history: "pd.DataFrame | None") -> Model:
    stack, inputs, encoding = fitted.stack, fitted.inputs, fitted.encoding
    evaluated_on = fitted.evaluated_on  # training for a table without a split
    settings = "".join(f", {name} {value}" for name, value in fitted.settings.items())
    facts = [("Network", fitted.network + settings)]
    if len(stack) > 1:
        facts.append(("Members", f"{len(stack)}; the signal is their mean"))
    facts += [
        ("Parameters", f"{fitted.parameters:,}{' each' if len(stack) > 1 else ''}"),
        ("Layout", f"{stack.layout} {axes_of(stack.layout)}"),
        ("Window", inputs.title),
        ("Gaps", "windows with gaps are dropped" if inputs.missing == "drop" else "filled with the mean"),
        ("Loss", encoding.loss),
    ]
    if encoding.kind == "regression":
        facts.append(("Calibration", f"slope {number(fitted.calibration, 3)} in {evaluated_on}; 1 is ideal"))
    if encoding.kind == "classification":
        facts.append(("Calibration", f"expected error {number(fitted.calibration, 3)} in {evaluated_on}"))
    sizes = {name: (tuple(each.shape[1:]), each[0].numel()) for name, each in stack.weights.items()}
    return Model(
        kind="network",
        figure=f"{encoding.metric} in {evaluated_on}",
        evaluated_on=evaluated_on,
        facts=tuple(facts),
        **_common(fitted),
        layers=_layers(sizes),
        training=_epochs(fitted, fitted.history if history is None else history),
    )


def _trader(policy: TradingPolicy, history: "pd.DataFrame | None") -> Model:
    facts = [
        ("Trader", policy.algorithm),
        ("Parameters", f"{policy.parameters:,}"),
        ("Window", policy.inputs.title),
    ]
    if policy.algorithm == "dqn":
        facts.append(("Positions", ", ".join(text.digits(each) for each in policy.positions)))
    sizes = {name: (tuple(each.shape), each.numel()) for name, each in policy.network.named_parameters()}
    return Model(
        kind="trader",
        figure="% per day and asset in validation",
        facts=tuple(facts),
        **_common(policy),
        layers=_layers(sizes),
        training=_updates(policy, policy.history if history is None else history),
    )


def _common(model: Fitted | TradingPolicy) -> dict[str, Any]:
    """Attributes that networks and traders share."""
    return {
        "title": model.title, "value": model.metric, "baselines": dict(model.baselines),
        "beaten_by": model.beaten_by, "features": tuple(map(feature_name, model.inputs.features)),
    }  # fmt: skip


def _updates(policy: TradingPolicy, history: "pd.DataFrame | None") -> TrainingHistory | None:
    """Reward by update; None without a history."""
    if history is None or not len(history):
        return None
    updates = history["update"].to_numpy(np.int64)
    return TrainingHistory(
        updates,
        {"reward": history["reward"].to_numpy(np.float64)},
        step="update",
        figure="reward with exploration, % per day and asset",
        averaged_over=int(updates[0]),
        ended=policy.ended,
    )


def _epochs(fitted: Fitted, history: "pd.DataFrame | None") -> TrainingHistory | None:
    """Losses by epoch, averaged over networks trained one after another; None without a history."""
    if history is None or not len(history):
        return None
    means = history.groupby("epoch")[["train", "stopping"]].mean()
    curves = {"training": means["train"], "held out": means["stopping"]}
    return TrainingHistory(
        means.index.to_numpy(np.int64),
        {name: column.to_numpy(np.float64) for name, column in curves.items()},
        step="epoch",
        figure=f"loss, {fitted.encoding.loss}",
        ended=fitted.ended,
    )


def _layers(sizes: Mapping[str, tuple[tuple[int, ...], int]]) -> tuple[Layer, ...]:
    """Group weights by layer: `body.0.weight` and `body.0.bias` belong to `body.0`."""
    layers: dict[str, list[tuple[tuple[int, ...], int]]] = {}
    for name, size in sizes.items():
        layers.setdefault(name.rpartition(".")[0] or name, []).append(size)
    return tuple(
        Layer(
            name,
            ", ".join(" × ".join(map(str, shape)) for shape, _ in parts),
            sum(numel for _, numel in parts),
        )
        for name, parts in layers.items()
    )


def _fields(features: Sequence[Feature]) -> tuple[str, ...]:
    """Fields that the features read; empty if one is a Python function, whose fields are unknown."""
    texts = [each for each in features if isinstance(each, str)]
    if len(texts) < len(features):
        return ()
    return tuple(sorted({name for text in texts for name in parse(text).fields()}))


def _turnover(data: ReportData) -> float:
    """Mean daily turnover on training and validation days, as a fraction of the capital."""
    if data.trading is None:
        return NAN
    traded = data.trading.turnover[data.trading.segments >= 0]
    return float(np.nanmean(traded)) if np.isfinite(traded).any() else NAN
