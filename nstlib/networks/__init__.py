"""The networks that ship, in plain Keras 3, with their weights: compact, which answers as VGG19, and instant."""
