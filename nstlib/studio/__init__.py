"""The studio: an ipywidgets panel that steers a running optimisation, and a grid over two settings."""

import sys

from .grid import Grid
from .panel import Studio

__all__ = ["Grid", "Studio"]

if "google.colab" in sys.modules:  # whose pages show widgets beyond ipywidgets' own only when they are told to
    from google.colab import output

    output.enable_custom_widget_manager()
