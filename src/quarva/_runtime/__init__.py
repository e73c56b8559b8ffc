"""Foundations: compiled kernels and their cache, threads, atomic file writes and interrupts.

This package must not depend on market data or formulas. Import its modules one by one: a command that only
writes a file must not load Numba.
"""
