"""The kernel for a GPU. It must not be imported, nor import `numba.cuda`, before a GPU is asked for."""
