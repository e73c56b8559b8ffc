"""Renders report data as one self-contained HTML file without network access, fonts or libraries."""

import math
import os
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from quarva._runtime.files import write_atomically
from quarva.report import axis, multiple_testing, text
from quarva.report.data import Model, Question, ReportData, Segment
from quarva.report.figures import build_figures
from quarva.report.mathml import clean
from quarva.report.tree import draw

__all__ = ["environment", "render", "write"]

_METRICS = {
    "annual_return": ("annual return", axis.percent),
    "annual_volatility": ("annual volatility", axis.percent),
    "sharpe": ("Sharpe ratio", lambda v: axis.number(v, 2)),
    "max_drawdown": ("maximum drawdown", axis.percent),
    "mean_turnover": ("daily turnover", axis.percent),
    "bridged": ("price gaps held through", lambda v: axis.number(v, 0)),
    "delisted": ("delistings while held", lambda v: axis.number(v, 0)),
}
_COUNTS = ("bridged", "delisted")  # omitted if 0 on every segment
_TOKENS = re.compile(
    r"(?P<call>[A-Za-z_][A-Za-z_0-9]*(?=\())|(?P<name>[^\W\d][\w.$]*)|(?P<number>\d[\d.e+]*)|(?P<sign>\s+|.)",
    re.S,
)


def write(data: ReportData, path: str | os.PathLike[str]) -> Path:
    """Render `data` and write the page to `path` atomically.

    Parameters
    ----------
    data : ReportData
        Content of the page.
    path : str or PathLike
        HTML file to create or replace.

    Returns
    -------
    Path
        The path written.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    target = Path(path)
    write_atomically(target, render(data).encode())
    return target


def render(data: ReportData) -> str:
    """Render the page of `data` as HTML text."""
    return environment().get_template("report.html").render(**_context(data))


@cache
def environment() -> Any:
    """Jinja environment of the pages: templates, escaping and formatting functions."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=PackageLoader("quarva.report"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    folder = resources.files("quarva.report") / "templates"
    made.globals.update(
        # Files of the package; besides sanitised MathML the only text that is not escaped.
        style=Markup((folder / "style.css").read_text(encoding="utf-8")),
        script=Markup((folder / "hover.js").read_text(encoding="utf-8")),
        math=lambda source: Markup(clean(source)),
        number=axis.number,
        percent=axis.percent,
        day=text.day,
        count=text.count,
    )
    return made


def _context(data: ReportData) -> dict[str, Any]:
    question, model = data.question, data.model
    drawn = build_figures(data)
    return {
        "data": data,
        "question": question,
        "headline": text.headline(question, model.kind if model is not None else ""),
        "timing": text.timing_note(question),
        "unit": text.score_unit(question.objective),
        "objective": text.objective_name(question.objective),
        "score": lambda value: text.score(value, question.objective),
        "duration": text.duration,
        "sharpe": _sharpe(data),
        "standard_errors": multiple_testing.standard_errors(data),
        "selection_note": multiple_testing.selection_note(data),
        "facts": _facts(data),
        "split": _split(question),
        "has_validation": any(math.isfinite(row.validation) for row in data.pool),
        "has_test": any(math.isfinite(row.test) for row in data.pool),
        "has_expected": any(math.isfinite(row.expected) for row in data.pool),
        "has_raw": any(math.isfinite(row.raw_train) for row in data.pool),
        "has_turnover": any(math.isfinite(row.turnover) for row in data.pool),
        "has_coverage": question.kind != "table" and any(math.isfinite(row.coverage) for row in data.pool),
        "tokens": tokens,
        "tree": draw(data.best.tree) if data.best is not None and data.best.tree is not None else None,
        "section": {
            name: [f for f in drawn if f.section == name] for name in ("predicts", "trades", "search")
        },
        "performance": _performance(data),
        "model": model,
        "not_better": ""
        if model is None
        else text.not_better(model.beaten_by, model.kind, model.evaluated_on),
        "baselines": [] if model is None else _baseline_rows(model),
    }


def tokens(formula: str) -> list[tuple[str, str]]:
    """Split a formula into (kind, text) tokens; kinds are call, name, number and sign. No text is lost."""
    return [(match.lastgroup or "sign", match.group()) for match in _TOKENS.finditer(formula)]


def _facts(data: ReportData) -> list[tuple[str, str]]:
    """Labels and values of the facts about the task and, for formulas, the search."""
    question, search = data.question, data.search
    table = question.kind == "table"
    size = text.count(question.size, "row" if table else "day")
    facts = [
        (
            "Data",
            f"{question.panel}: {size}"
            if table
            else f"{question.panel}: {text.count(question.assets, 'asset')}, {size}",
        )
    ]
    facts.append(("Target", question.target))
    facts.append(("Objective", text.objective_name(question.objective)))
    if not table:
        facts.append(("Delay", _delay(question)))
        if question.trades:
            facts.append(
                ("Costs", f"{axis.number(question.cost_bps, 1).removesuffix('.0')} basis points per trade")
            )
            facts.append(("Annualisation", f"{question.periods_per_year:,.6g} bars per year"))
        if question.exposures:
            facts.append(("Risk model", ", ".join(question.exposures)))
        if any(metrics.get("delisted") for metrics in data.performance.values()):
            facts.append(("Delistings", f"{axis.percent(question.delisting_return)} after the last price"))
    if data.model is not None:
        return facts
    if question.parsimony:
        facts.append(("Parsimony", f"penalty of {question.parsimony:g} per node"))
    facts.append(("Searcher", f"{search.searcher}, seed {search.seed}"))
    facts.append(("Formulas evaluated", f"{search.evaluations:,}"))
    if search.candidates:
        facts.append(("Candidates", f"{search.candidates:,}"))
    facts.append(("Time", text.duration(search.seconds)))
    return facts


def _delay(question: Question) -> str:
    end = "trade" if question.trades else "target"
    return f"{text.count(question.delay, 'day')} from signal to {end}"


def _baseline_rows(model: Model) -> list[tuple[str, str, str]]:
    """Name, metric and CSS class of the model and each baseline."""
    rows = [(f"this {model.kind}", text.digits(model.value), "strong")]
    for name, value in model.baselines.items():
        rows.append((name, text.digits(value), "warn" if name in model.beaten_by else ""))
    return rows


def _split(question: Question) -> list[tuple[Segment, str, str]]:
    """Each segment with its width in percent and its formatted dates."""
    rows = []
    for segment, share in zip(question.segments, text.shares(question.segments), strict=True):
        dates = f"{text.day(segment.first)} – {text.day(segment.last)}" if segment.first else ""
        rows.append((segment, f"{share:.2f}", dates))
    return rows


def _sharpe(data: ReportData) -> str:
    """Sharpe ratio on validation days; empty if there is none or the objective itself is a Sharpe ratio."""
    metrics = data.performance.get("validation", {})
    if "sharpe" not in metrics or "sharpe" in data.question.objective:
        return ""
    return axis.number(metrics["sharpe"], 2)


def _performance(data: ReportData) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Segment names, and a label with one formatted value per segment for each metric."""
    names = list(data.performance)
    rows = []
    for key, (label, write_value) in _METRICS.items():
        if key in _COUNTS and not any(data.performance[name].get(key) for name in names):
            continue
        if any(key in data.performance[name] for name in names):
            rows.append((label, [write_value(data.performance[name].get(key, math.nan)) for name in names]))
    return names, rows
