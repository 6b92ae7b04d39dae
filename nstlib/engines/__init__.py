"""What paints: an optimisation or one pass of a network, chosen by the settings; records of how, and their replay."""

from .. import core  # noqa: F401 (TensorFlow starts there, without its own lines)
