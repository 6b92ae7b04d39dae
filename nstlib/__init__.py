"""Neural style transfer on images and videos, in the shape of the TensorFlow tutorial."""

__version__ = "0.1.0"
