"""The training loop: losses, optimiser, checkpoints."""
