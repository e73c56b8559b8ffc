"""The command line: flags to recipe, recipe to verb, result to the screen.

It does not know how anything is computed, and it imports a command when it is called.
"""

from quarva.cli.app import main

__all__ = ["main"]
