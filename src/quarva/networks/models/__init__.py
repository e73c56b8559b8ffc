"""Small networks of torch layers, stacks of them, and the check of a module's input layout."""
