"""Interpreters for panels, rows and live days, and the scoring of their results."""
