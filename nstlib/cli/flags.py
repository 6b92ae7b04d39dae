"""The settings as flags of the command line, made from their table."""

import argparse
from dataclasses import Field, fields

from ..settings import Settings, reader

# The settings that a command's help tells of, so that it fits a screen; `python -m nstlib settings` lists all.
COMMON = ("engine", "extractor", "content_weight", "style_weight", "style_blend", "preserve_color", "init", "size")
COMMON += ("steps", "seed", "temporal_weight", "consistency")


def add_settings(command: argparse.ArgumentParser, *, video: bool = False, shown: bool = False) -> None:
    """A flag for every setting of `Settings`; those of videos alone where `video` is set.

    Help tells of the common ones, or of all where `shown` is set.
    """
    text = None if shown else "the common ones; `python -m nstlib settings` lists every flag"
    group = command.add_argument_group("settings", text)
    for f in fields(Settings):
        if video or not f.metadata.get("video"):
            flag = f"--{f.name.replace('_', '-')}"
            about = _help(f) if shown or f.name in COMMON else argparse.SUPPRESS
            more = {"metavar": _metavar(f), "default": argparse.SUPPRESS, "help": about}
            group.add_argument(flag, dest=f.name, type=reader(f), **more)


def given_settings(given: argparse.Namespace) -> Settings:
    """The settings that the flags name. Raises NstlibError for a value out of its range."""
    return Settings(**{f.name: getattr(given, f.name) for f in fields(Settings) if hasattr(given, f.name)})


def _metavar(f: Field) -> str:
    if "choices" in f.metadata:
        return "|".join(f.metadata["choices"])
    return "A,B,…" if isinstance(f.default, tuple) else "X"


def _help(f: Field) -> str:
    default = ",".join(map(str, f.default)) if isinstance(f.default, tuple) else f.default
    shown = "" if default in (None, "") else f" ({default})"
    return (f.metadata["help"] + shown).replace("%", "%%")
