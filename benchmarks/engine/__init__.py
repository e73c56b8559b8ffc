"""The engine alone and beside its peers: speed part by part, accuracy, thread pools, GPU."""
