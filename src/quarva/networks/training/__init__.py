"""The training loop: losses, optimiser, devices and checkpoints."""
