"""Whether the signal of a task can be traded: a forecast of a return can, one of volatility cannot."""

from quarva.errors import TaskError
from quarva.panel import Panel
from quarva.strategies import closes
from quarva.tasks.objectives import Objective
from quarva.tasks.question import Question

__all__ = ["check_traded", "is_traded", "untraded_notes"]


def check_traded(question: Question, objective: Objective, panel: Panel) -> None:
    """Raise TaskError if a trading objective lacks prices, or has a target that is not a return.

    With a trading objective, a field is taken to be a return.
    """
    if objective.positions is None:
        return
    closes(panel)
    if not question.is_return and question.names[0] not in panel.fields:
        raise TaskError(
            f"objective '{objective.name}' trades, but target {question.names[0]} is not a return; choose a "
            "target such as forward_return_5, or the objective rank_ic"
        )


def is_traded(question: Question, objective: Objective) -> bool:
    """True if the target is a return or the objective trades."""
    return question.is_return or objective.positions is not None


def untraded_notes(question: Question, objective: Objective, panel: Panel) -> list[str]:
    """The note for a report if the target is a field that is not traded."""
    name = question.names[0]
    if question.split is None or is_traded(question, objective) or name not in panel.fields:
        return []
    note = (
        f"target {name} is not known to be a return, so trading results are not shown "
        f"(use Field('{name}', is_return=True) if it is one)"
    )
    return [note]
