"""Small networks of torch's own layers, stacks of them, and the check of a user's own module."""
