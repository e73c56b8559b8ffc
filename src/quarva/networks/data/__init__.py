"""What networks are trained on: features, windows, samples and the encoding of targets."""
