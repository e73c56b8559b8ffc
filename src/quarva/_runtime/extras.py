"""Imports of optional dependencies."""

import importlib
import importlib.util
from typing import Any

from quarva.errors import RunError

__all__ = ["import_extra", "is_installed"]


def is_installed(package: str) -> bool:
    """Return whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """Import a module that belongs to an extra of Quarva.

    Parameters
    ----------
    module : str
        Full name of the module, as in `plotly.subplots`.
    extra : str
        Extra of the package that installs it.
    purpose : str
        What needs the module; the message begins with it.

    Returns
    -------
    module

    Raises
    ------
    RunError
        The package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name not in (None, package, module):
            raise
        raise RunError(f"{purpose} needs {package}: install it by pip install 'quarva[{extra}]'") from None
