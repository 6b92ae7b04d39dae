"""Trainings of the weights that the project ships, in plain Keras 3; nothing imports them."""
