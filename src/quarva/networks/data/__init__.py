"""The data that networks are trained on: features, windows, samples and target encodings."""
