"""What every room stands on: compiled kernels and their cache, threads, files written whole, interrupts.

It knows nothing of markets or formulas. Its modules are imported one by one, because a command that only
writes a file must not load Numba.
"""
