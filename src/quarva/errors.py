"""What Quarva says when it can not go on.

    QuarvaError
    ├── PanelError      data that can not be used: file, date, asset, field
    ├── FormulaError    a formula that can not be read, or does not fit the panel
    ├── TaskError       a question that can not be asked of this panel
    ├── RecipeError     a setting that is unknown or out of range
    ├── RunError        a run folder that can not be written, read or resumed
    └── DeviceError     a GPU that was asked for and is not there, or too small

Every message is one line: what is wrong, where, and what would be right. The command line prints it
on standard error and exits with status 2.
"""

__all__ = ["DeviceError", "FormulaError", "PanelError", "QuarvaError", "RecipeError", "RunError", "TaskError"]


class QuarvaError(Exception):
    """The family of all errors that a user can mend."""


class PanelError(QuarvaError):
    """Data that can not be used."""


class FormulaError(QuarvaError):
    """A formula that can not be read, or does not fit the panel."""


class TaskError(QuarvaError):
    """A question that can not be asked of this panel."""


class RecipeError(QuarvaError):
    """A setting that is unknown or out of range."""


class RunError(QuarvaError):
    """A run folder that can not be written, read or resumed."""


class DeviceError(QuarvaError):
    """A GPU that was asked for and is not there, or too small."""
