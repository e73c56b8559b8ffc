"""What a person types: reads flags and recipes, calls the rooms below, prints. It must not know how anything
is computed, and loads nothing heavy before a command needs it.
"""

from quarva.cli.app import main

__all__ = ["main"]
