"""The CPU kernel: every operator as one small Numba function, and the machine that walks the days.

Knows arrays only: no panel, no expression, no task.
"""
