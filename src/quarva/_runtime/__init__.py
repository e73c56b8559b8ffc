"""Foundations: compiled kernels and their cache, threads, atomic file writes and interrupts.

This package knows nothing about markets or formulas. Import its modules one by one: a command that only
writes a file must not load Numba.
"""
