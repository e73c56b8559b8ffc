"""The best formula so far that can be judged."""

import numpy as np

from quarva.loop.archive import Archive
from quarva.loop.findings import can_be_judged
from quarva.loop.validations import Validations
from quarva.tasks import Task

__all__ = ["Incumbent"]


class Incumbent:
    """Who leads a search, with its figures; its text is rendered when somebody asks.

    Training decides, with one exception (`findings.can_be_judged`).

    Attributes:
        place: in the best so far.
        train, validation: its figures, NaN before there is one.
    """

    def __init__(self, task: Task, best: Archive, validations: Validations) -> None:
        self._task, self._best, self._validations = task, best, validations
        self.look()

    def look(self) -> None:
        """Find the leader anew."""
        task, best = self._task, self._best
        self.place, self._text = 0, ""
        self.train = self.validation = float("nan")
        if not len(best):
            return
        validation = self._validations.of(best.population[:1])
        if not can_be_judged(task, float(validation[0])):
            validation = self._validations.of(best.population)
            self.place = int(np.argmax(np.isfinite(validation)))  # the first where none can be judged
        self.train, self.validation = float(best.train[self.place]), float(validation[self.place])

    @property
    def is_first(self) -> bool:
        """Whether nothing better is there that can not be judged."""
        return self.place == 0 and can_be_judged(self._task, self.validation)

    def text(self) -> str:
        """Infix; empty before there is one."""
        if not self._text and len(self._best):
            from quarva.karva.notation import render

            self._text = render(self._best.expression(self.place), "infix")
        return self._text
