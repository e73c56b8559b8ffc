"""Low-level building blocks of the kernels: float32 bits, rows, and LLVM intrinsics."""
