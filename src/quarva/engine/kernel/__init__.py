"""The CPU kernel: every operator as a small Numba function, and the interpreter that runs them over the days.

This package works on arrays only. It must not depend on panels, expressions or tasks.
"""
