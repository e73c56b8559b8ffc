"""The neural generator: speed, masks, invalid expressions, ablation."""
