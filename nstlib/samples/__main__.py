"""`python -m nstlib.samples` draws the bundled samples anew."""

from . import render

render()
