"""Tracing ahead: a few small steps before Start, so that the first picture comes at once and its time is known."""

import time
from dataclasses import replace
from typing import Any

from ..core.run import Run
from ..settings import Settings
from .choice import Choice
from .pace import Pace

SIZES = (64, 80, 160)  # pixels: of two, so that every trace is one for any size; the last is large enough to be timed


def trace_key(settings: Settings) -> tuple[Any, ...]:
    """What a trace depends on."""
    names = ("extractor", "weights", "pooling", "precision", "style_layers", "content_layers", "optimizer")
    return tuple(getattr(settings, name) for name in names)


def trace(settings: Settings, choice: Choice, pace: Pace) -> None:
    """Take three steps on small pictures of the choice; the model and its traces are kept by `model.load_model`."""
    for size in SIZES:
        small = replace(settings, size=size, scales=1, init="content", steps=3, preserve_color="none")
        run = Run(choice.content.thumb, [style.thumb for style in choice.styles], small)
        for _ in range(small.steps):
            began = time.perf_counter()
            step = next(run)
    pace.add(settings, step.shape, time.perf_counter() - began)
