"""The CPU kernel: every operator as a small Numba function, and the interpreter that runs them over the days.

This package only knows arrays: no panels, expressions or tasks.
"""
