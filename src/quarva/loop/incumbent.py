"""The incumbent: the best eligible formula found so far."""

import numpy as np

from quarva.loop.archive import Archive
from quarva.loop.findings import is_eligible
from quarva.loop.validations import Validations
from quarva.tasks import Task

__all__ = ["Incumbent"]


class Incumbent:
    """The first eligible formula of the archive, or its top if none is eligible.

    Parameters
    ----------
    task : Task
        Task that is searched.
    archive : Archive
        Best formulas by fitness.
    validations : Validations
        Source of validation scores. They decide eligibility only (see `findings.is_eligible`).

    Attributes
    ----------
    rank : int
        Position in the archive.
    train, validation : float
        Scores; NaN if the archive is empty.
    """

    def __init__(self, task: Task, archive: Archive, validations: Validations) -> None:
        self._task, self._archive, self._validations = task, archive, validations
        self.update()

    def update(self) -> None:
        """Determine the incumbent again after the archive has changed."""
        task, archive = self._task, self._archive
        self.rank, self._text = 0, ""
        self.train = self.validation = float("nan")
        if not len(archive):
            return
        validation = self._validations.of(archive.population[:1])
        if not is_eligible(task, float(validation[0])):
            validation = self._validations.of(archive.population)
            self.rank = int(np.argmax(np.isfinite(validation)))  # 0 if none is eligible
        self.train, self.validation = float(archive.train[self.rank]), float(validation[self.rank])

    @property
    def is_top(self) -> bool:
        """True if the incumbent is the top of the archive and eligible."""
        return self.rank == 0 and is_eligible(self._task, self.validation)

    def text(self) -> str:
        """The formula in infix notation, rendered on first request; empty if the archive is empty."""
        if not self._text and len(self._archive):
            from quarva.karva.notation import render

            self._text = render(self._archive.expression(self.rank), "infix")
        return self._text
