"""Exceptions that users can act on.

    QuarvaError
    ├── PanelError      data that cannot be used: a file, date, asset or field
    ├── FormulaError    a formula that cannot be parsed or does not fit the panel
    ├── TaskError       a task that is invalid or does not fit the data
    ├── RecipeError     a setting that is unknown or out of range
    ├── RunError        a file or run folder that cannot be written, read or resumed
    └── DeviceError     a GPU that is unavailable or has too little memory

Each message is one line that states what is wrong, where, and how to correct it. The command line prints it
on standard error and exits with status 2.
"""

__all__ = ["DeviceError", "FormulaError", "PanelError", "QuarvaError", "RecipeError", "RunError", "TaskError"]


class QuarvaError(Exception):
    """Base class of the exceptions that users can act on."""


class PanelError(QuarvaError):
    """Data cannot be used."""


class FormulaError(QuarvaError):
    """A formula cannot be parsed, or does not fit the panel."""


class TaskError(QuarvaError):
    """A task is invalid, or does not fit the data."""


class RecipeError(QuarvaError):
    """A setting is unknown or out of range."""


class RunError(QuarvaError):
    """A file or run folder cannot be written, read or resumed."""


class DeviceError(QuarvaError):
    """A requested GPU is unavailable or has too little memory."""
