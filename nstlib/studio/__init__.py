"""The studio: an ipywidgets panel that steers a running optimisation, and a grid over two settings."""

from .grid import Grid
from .panel import Studio

__all__ = ["Grid", "Studio"]
