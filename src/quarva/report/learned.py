"""Gathers the page of a network or a trader: the evidence of a formula, and what was learned in its place."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quarva.__version__ import __version__
from quarva.karva.notation import parse
from quarva.networks import Fitted
from quarva.networks.data.features import Feature, name_of
from quarva.networks.data.layout import axes_of
from quarva.report import text
from quarva.report.axis import number
from quarva.report.builder import question_of, with_evidence
from quarva.report.data import Layer, Learning, Model, ReportData, Row, SearchFacts
from quarva.rl import TradingPolicy
from quarva.tasks import Task, lend
from quarva.tasks.coverage import coverage

if TYPE_CHECKING:
    import pandas as pd

    from quarva.strategies import Strategy

__all__ = ["assemble"]

NAN = float("nan")


def assemble(
    task: Task,
    learned: Fitted | TradingPolicy,
    strategy: "Strategy | None" = None,
    *,
    run: str = "",
    history: "pd.DataFrame | None" = None,
    kept_out: bool = True,
    test: float = NAN,
    test_readings: int = 0,
) -> ReportData:
    """The page's data for a network or trader on `task`; its signal is scored and traded as a formula's is.

    Args:
        strategy: takes the place of the task's own rule. run: names it on the page.
        history: of its training, where it does not hold one itself.
        kept_out: whether the validation days played no part in its training.
        test, test_readings: the objective on the sealed test, where it was read, and how often it was.

    Raises:
        TaskError, FormulaError: its features can not be computed on the task's panel.
    """
    inputs = learned.inputs
    values = learned.values(task.panel)
    lent, (reader,) = lend(task, values[None], inputs.lookback)
    scores = lent.score([reader])
    sign = int(scores.sign[0])
    model = _network(learned, history) if isinstance(learned, Fitted) else _trader(learned, history)
    question = question_of(task, test_readings=test_readings)
    notes = tuple(dict.fromkeys((*question.notes, *learned.notes)))
    question = replace(question, notes=notes, fields=_fields(inputs.features) or question.fields)
    facts = SearchFacts(model.title, 0, 1, NAN, run=run, version=__version__)
    data = ReportData(question, facts, (), model=replace(model, sign=sign, kept_out=kept_out))
    data = with_evidence(data, lent, reader, sign, strategy)
    row = Row(
        model.title, float(scores.train[0]), float(scores.validation[0]), _turnover(data),
        learned.parameters, test, coverage(lent, values, 0),
    )  # fmt: skip
    return replace(data, pool=(row,))


def _network(fitted: Fitted, history: "pd.DataFrame | None") -> Model:
    stack, inputs, framing = fitted.stack, fitted.inputs, fitted.framing
    judged = fitted.judged  # of a table without a split it would be training
    settings = "".join(f", {name} {value}" for name, value in fitted.settings.items())
    facts = [("Network", fitted.network + settings)]
    if len(stack) > 1:
        facts.append(("Members", f"{len(stack)}, whose mean is the signal"))
    facts += [
        ("Parameters", f"{fitted.parameters:,}{' each' if len(stack) > 1 else ''}"),
        ("Layout", f"{stack.layout} {axes_of(stack.layout)}"),
        ("Window", inputs.title),
        ("Gaps", "windows with gaps dropped" if inputs.missing == "drop" else "filled with the mean"),
        ("Loss", framing.loss),
    ]
    if framing.kind == "regression":
        facts.append(("Calibration", f"slope {number(fitted.calibration, 3)} in {judged}, 1 is right"))
    if framing.kind == "classification":
        facts.append(("Calibration", f"expected error {number(fitted.calibration, 3)} in {judged}"))
    sizes = {name: (tuple(each.shape[1:]), each[0].numel()) for name, each in stack.weights.items()}
    return Model(
        kind="network",
        figure=f"{framing.figure} in {judged}",
        judged=judged,
        facts=tuple(facts),
        **_common(fitted),
        layers=_layers(sizes),
        learning=_epochs(fitted, fitted.history if history is None else history),
    )


def _trader(policy: TradingPolicy, history: "pd.DataFrame | None") -> Model:
    facts = [
        ("Trader", policy.way),
        ("Parameters", f"{policy.parameters:,}"),
        ("Window", policy.inputs.title),
    ]
    if policy.way == "dqn":
        facts.append(("Positions", ", ".join(text.digits(each) for each in policy.positions)))
    sizes = {name: (tuple(each.shape), each.numel()) for name, each in policy.network.named_parameters()}
    return Model(
        kind="trader",
        figure="% a day and asset in validation",
        facts=tuple(facts),
        **_common(policy),
        layers=_layers(sizes),
        learning=_updates(policy, policy.history if history is None else history),
    )


def _common(learned: Fitted | TradingPolicy) -> dict[str, Any]:
    """What both say of themselves in the same words."""
    return {
        "title": learned.title, "value": learned.figure, "baselines": dict(learned.baselines),
        "beaten_by": learned.beaten_by, "features": tuple(map(name_of, learned.inputs.features)),
    }  # fmt: skip


def _updates(policy: TradingPolicy, history: "pd.DataFrame | None") -> Learning | None:
    """Rewards by update."""
    if history is None or not len(history):
        return None
    updates = history["update"].to_numpy(np.int64)
    return Learning(
        updates,
        {"reward": history["reward"].to_numpy(np.float64)},
        step="update",
        figure="reward, % a day and asset, while it still explored",
        of=int(updates[0]),
        ended=policy.ended,
    )


def _epochs(fitted: Fitted, history: "pd.DataFrame | None") -> Learning | None:
    """Losses by epoch, the mean of networks that were trained one after the other."""
    if history is None or not len(history):
        return None
    means = history.groupby("epoch")[["train", "stopping"]].mean()
    curves = {"training": means["train"], "held out": means["stopping"]}
    return Learning(
        means.index.to_numpy(np.int64),
        {name: column.to_numpy(np.float64) for name, column in curves.items()},
        step="epoch",
        figure=f"loss, {fitted.framing.loss}",
        ended=fitted.ended,
    )


def _layers(sizes: Mapping[str, tuple[tuple[int, ...], int]]) -> tuple[Layer, ...]:
    """Weights by the layer that holds them: `body.0.weight` and `body.0.bias` are those of `body.0`."""
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
    """Fields that features read; none where one is a function, which may read any."""
    texts = [each for each in features if isinstance(each, str)]
    if len(texts) < len(features):
        return ()
    return tuple(sorted({name for text in texts for name in parse(text).fields()}))


def _turnover(data: ReportData) -> float:
    """Mean share of the capital traded a day, of the days of training and validation."""
    if data.trading is None:
        return NAN
    traded = data.trading.turnover[data.trading.segments >= 0]
    return float(np.nanmean(traded)) if np.isfinite(traded).any() else NAN
