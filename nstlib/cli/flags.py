"""The settings as flags of the command line, made from their table."""

import argparse
from dataclasses import Field, fields

from ..settings import RECIPES, Settings, from_dict, reader, usual

# What a setting is for, in the order of help; one that is in no group stands under `more`.
GROUPS = {
    "how it looks": (
        *("rendering", "content_weight", "style_weight", "strength", "style_blend", "style_scale", "forms"),
        *(
            "preserve_color",
            "style_loss",
            "tv_weight",
            "border",
            "smoothness",
            "light_weight",
            "regions",
            "spatial_bins",
            "luma_bins",
        ),
        *("style_layers", "style_layer_weights", "content_layers", "convention"),
    ),
    "how large, how long, from where": ("size", "steps", "scales", "init", "seed"),
    "how a clip holds together": ("consistency", "temporal_weight", "next_steps", "passes", "reach", "motion"),
    "what paints": (
        *("engine", "module", "extractor", "weights", "pooling", "precision", "optimizer", "learning_rate", "tile"),
    ),
}
# The settings that a command's help tells of, so that it fits a screen; `nstlib settings` lists all.
COMMON = ("rendering", "engine", "extractor", "content_weight", "style_weight", "style_blend", "preserve_color")
COMMON += ("size", "strength", "steps", "temporal_weight", "consistency")


def add_settings(command: argparse.ArgumentParser, *, video: bool = False, shown: bool = False) -> None:
    """A flag for every setting of `Settings`; those of videos alone where `video` is set.

    Help tells of the common ones, or of all where `shown` is set.
    """
    known = {f.name: f for f in fields(Settings) if video or not f.metadata.get("video")}
    grouped = {name for names in GROUPS.values() for name in names}
    for wanted, names in {**GROUPS, "more": [name for name in known if name not in grouped]}.items():
        group = command.add_argument_group(wanted)
        for f in (known[name] for name in names if name in known):
            about = _help(f) if shown or f.name in COMMON else argparse.SUPPRESS
            flag = f"--{f.name.replace('_', '-')}"
            more = {"metavar": _metavar(f), "default": argparse.SUPPRESS, "help": about}
            group.add_argument(flag, dest=f.name, type=reader(f), **more)
    if not shown:
        command.epilog = f"{command.epilog}; `nstlib settings` lists every setting"


def given_settings(flags: argparse.Namespace) -> Settings:
    """The settings that the flags name. Raises NstlibError for a value out of its range."""
    return from_dict({f.name: getattr(flags, f.name) for f in fields(Settings) if hasattr(flags, f.name)})


def _metavar(f: Field) -> str:
    if "choices" in f.metadata:
        return "|".join(f.metadata["choices"])
    return "A,B,…" if isinstance(usual(f), tuple) else "X"


def _help(f: Field) -> str:
    default, *others = (
        ",".join(map(str, d)) if isinstance(d, tuple) else d
        for d in (usual(f), usual(f, "photo"), usual(f, convention=RECIPES[0]))
    )
    known = [f"{what} {d}" for what, d in zip(("a photo", "/".join(RECIPES)), others, strict=True) if d != default]
    shown = "" if default in (None, "") else f" ({'; '.join([str(default), *known])})"
    return (f.metadata["help"] + shown).replace("%", "%%")
