"""The command line: converts flags to a recipe, runs it and prints the result.

This package computes nothing itself. A command is imported when it is called.
"""

from quarva.cli.app import main

__all__ = ["main"]
