"""The version of Quarva."""

__version__ = "0.1.0"
