"""Whether a task's signal is traded: a forecast of a return is, one of volatility is not."""

from quarva.errors import TaskError
from quarva.panel import Panel
from quarva.strategies import closes
from quarva.tasks.objectives import Objective
from quarva.tasks.question import Question

__all__ = ["check_traded", "is_traded", "untraded_notes"]


def check_traded(question: Question, objective: Objective, panel: Panel) -> None:
    """Raise TaskError where a trading objective lacks prices, or has a target that is no return.

    A field of the user's own may be one: with a trading objective it is taken for a return.
    """
    if objective.positions is None:
        return
    closes(panel)
    if not question.is_return and question.names[0] not in panel.fields:
        raise TaskError(
            f"objective '{objective.name}' trades, and target {question.names[0]} is no return; choose a "
            "target such as forward_return_5, or the objective rank_ic"
        )


def is_traded(question: Question, objective: Objective) -> bool:
    """Whether figures of trading the signal make sense: the target is a return, or the objective trades."""
    return question.is_return or objective.positions is not None


def untraded_notes(question: Question, objective: Objective, panel: Panel) -> list[str]:
    """What a report should say of a target that is a field and is not traded."""
    name = question.names[0]
    if question.split is None or is_traded(question, objective) or name not in panel.fields:
        return []
    note = (
        f"target {name} is not known to be a return, so no figures of trading are shown "
        f"(Field('{name}', is_return=True) says that it is one)"
    )
    return [note]
