"""Interpreters of instructions on panels, rows and live days, and the scores of what they compute."""
