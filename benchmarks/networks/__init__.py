"""Small networks and reinforcement learning."""
