"""Turns report data into one HTML file that needs nothing else: no network, no fonts, no library."""

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
from quarva.report.figures import figures
from quarva.report.mathml import clean
from quarva.report.tree import draw

__all__ = ["environment", "render", "write"]

_FIGURES = {
    "annual_return": ("return a year", axis.percent),
    "annual_volatility": ("volatility a year", axis.percent),
    "sharpe": ("Sharpe ratio", lambda v: axis.number(v, 2)),
    "max_drawdown": ("deepest drawdown", axis.percent),
    "mean_turnover": ("turnover a day", axis.percent),
    "bridged": ("gaps in prices held through", lambda v: axis.number(v, 0)),
    "delisted": ("delistings while held", lambda v: axis.number(v, 0)),
}
_COUNTS = ("bridged", "delisted")  # shown only where one is above 0
_TOKENS = re.compile(
    r"(?P<call>[A-Za-z_][A-Za-z_0-9]*(?=\())|(?P<name>[^\W\d][\w.$]*)|(?P<number>\d[\d.e+]*)|(?P<sign>\s+|.)",
    re.S,
)


def write(data: ReportData, path: str | os.PathLike[str]) -> Path:
    """Write the page of `data` to `path`, whole or not at all, and return the path.

    Raises RunError where the file can not be written.
    """
    target = Path(path)
    write_atomically(target, render(data).encode())
    return target


def render(data: ReportData) -> str:
    """The page of `data` as HTML text."""
    return environment().get_template("report.html").render(**_context(data))


@cache
def environment() -> Any:
    """Jinja's environment for the pages: their templates, escaping, and the words they write with."""
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
        # The package's own files, the only text besides cleaned MathML that is not escaped.
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
    drawn = figures(data)
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
        "luck": multiple_testing.standard_errors(data),
        "honesty": multiple_testing.honesty(data),
        "facts": _facts(data),
        "split": _split(question),
        "validated": any(math.isfinite(row.validation) for row in data.pool),
        "tested": any(math.isfinite(row.test) for row in data.pool),
        "turned": any(math.isfinite(row.turnover) for row in data.pool),
        "covered": question.kind != "table" and any(math.isfinite(row.coverage) for row in data.pool),
        "tokens": tokens,
        "tree": draw(data.best.tree) if data.best is not None and data.best.tree is not None else None,
        "section": {
            name: [f for f in drawn if f.section == name] for name in ("predicts", "trades", "search")
        },
        "performance": _performance(data),
        "model": model,
        "not_better": "" if model is None else text.not_better(model.beaten_by, model.kind, model.judged),
        "held": [] if model is None else _held(model),
    }


def tokens(formula: str) -> list[tuple[str, str]]:
    """The words of a formula and what each is: call, name, number or sign. Joined they are the formula."""
    return [(match.lastgroup or "sign", match.group()) for match in _TOKENS.finditer(formula)]


def _facts(data: ReportData) -> list[tuple[str, str]]:
    """Label and text of each fact about the question, and about the search where there was one."""
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
                ("Costs", f"{axis.number(question.cost_bps, 1).removesuffix('.0')} basis points a trade")
            )
            facts.append(("Annualised with", f"{question.periods_per_year:,.6g} bars a year"))
        if any(figures.get("delisted") for figures in data.performance.values()):
            facts.append(("Delistings", f"{axis.percent(question.delisting_return)} after the last price"))
    if data.model is not None:
        return facts
    if question.parsimony:
        facts.append(("Parsimony", f"{question.parsimony:g} off the fitness a node"))
    facts.append(("Searcher", f"{search.searcher}, seed {search.seed}"))
    facts.append(("Formulas tried", f"{search.evaluations:,}"))
    if search.candidates:
        facts.append(("Candidates", f"{search.candidates:,}"))
    facts.append(("Time", text.duration(search.seconds)))
    return facts


def _delay(question: Question) -> str:
    end = "trade" if question.trades else "target"
    return f"{text.count(question.delay, 'day')} from signal to {end}"


def _held(model: Model) -> list[tuple[str, str, str]]:
    """The model and what it is held against: name, figure, and how the row is set."""
    rows = [(f"this {model.kind}", text.digits(model.value), "strong")]
    for name, value in model.baselines.items():
        rows.append((name, text.digits(value), "warn" if name in model.beaten_by else ""))
    return rows


def _split(question: Question) -> list[tuple[Segment, str, str]]:
    """Each segment with its width in percent and its dates in words."""
    rows = []
    for segment, share in zip(question.segments, text.shares(question.segments), strict=True):
        dates = f"{text.day(segment.first)} – {text.day(segment.last)}" if segment.first else ""
        rows.append((segment, f"{share:.2f}", dates))
    return rows


def _sharpe(data: ReportData) -> str:
    """The Sharpe ratio on validation days, empty where there is none or the objective already is one."""
    figures = data.performance.get("validation", {})
    if "sharpe" not in figures or "sharpe" in data.question.objective:
        return ""
    return axis.number(figures["sharpe"], 2)


def _performance(data: ReportData) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Segment names, and each figure in words with a text a segment."""
    names = list(data.performance)
    rows = []
    for key, (label, write_value) in _FIGURES.items():
        if key in _COUNTS and not any(data.performance[name].get(key) for name in names):
            continue  # nothing to be said
        if any(key in data.performance[name] for name in names):
            rows.append((label, [write_value(data.performance[name].get(key, math.nan)) for name in names]))
    return names, rows
