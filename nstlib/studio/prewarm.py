"""Tracing ahead: a few small steps before Start, so that the first picture comes at once."""

from dataclasses import replace
from typing import Any

from ..core.run import Run
from ..settings import Settings

SIZES = (64, 80)  # two, so that every trace is one for any size


def trace_key(settings: Settings) -> tuple[Any, ...]:
    """What a trace depends on."""
    names = ("extractor", "weights", "pooling", "precision", "style_layers", "content_layers", "optimizer")
    return tuple(getattr(settings, name) for name in names)


def trace(settings: Settings, choice: tuple[Any, int, tuple[Any, ...]]) -> None:
    """Take three steps on small pictures of the choice; the model and its traces are kept by `model.load_model`."""
    content, _, styles = choice
    for size in SIZES:
        small = replace(settings, size=size, scales=1, init="content", steps=3, preserve_color="none")
        Run(content.thumb, [style.thumb for style in styles], small).finish()
