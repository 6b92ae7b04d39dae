"""A sweep's axes: settings by name, each with the values that it takes; a grid is their product."""

import itertools
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import NstlibError, choose
from ..settings import Settings, reader, usual, vary

Axes = Mapping[str, Sequence[Any]]
STYLE = "style"  # the one axis that is no setting: pictures' paths
SETTINGS = {f.name: f for f in fields(Settings)}


def parse(text: str) -> tuple[str, list[Any]]:
    """`name=v1,v2` -> (name, values), each read as the setting's flag reads it.

    Values are divided by semicolons where there is one and where the setting is itself a list:
    `style_layers=block1_conv1;block1_conv1,block2_conv1`. Raises NstlibError for another form and an unknown name.
    """
    name, equals, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not values:
        raise NstlibError(f"--axis {text}; give name=value,value, such as content_weight=0.01,0.1")
    check_name(name)
    is_list = name != STYLE and isinstance(usual(SETTINGS[name]), tuple)
    read = str if name == STYLE else reader(SETTINGS[name])
    try:
        return name, [read(value.strip()) for value in values.split(";" if is_list or ";" in values else ",")]
    except (ValueError, ArgumentTypeError) as error:
        raise NstlibError(f"--axis {text}: {error}") from None


def check_name(name: str) -> str:
    """The name, if it is a setting's or `style`. Raises NstlibError otherwise."""
    if name not in (STYLE, *SETTINGS):
        raise choose("axis", name, (STYLE, *SETTINGS))
    return name


def check_axes(axes: Axes) -> dict[str, list[Any]]:
    """The axes as lists. Raises NstlibError for an unknown name, and for an axis without values."""
    for name, values in axes.items():
        check_name(name)
        if isinstance(values, str) or not len(values):
            raise NstlibError(f"axis {name}={values!r}; give a list of values")
    return {name: list(values) for name, values in axes.items()}


def product(axes: Axes) -> Iterator[dict[str, Any]]:
    """Every cell's values by name, the last axis fastest."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def cell_settings(base: Settings, values: Mapping[str, Any]) -> Settings | NstlibError:
    """The settings with these values, or what is wrong with them."""
    try:
        return vary(base, {name: value for name, value in values.items() if name != STYLE})
    except NstlibError as error:
        return error


def axis_label(name: str, value: Any) -> str:
    """A setting and its value in words: `style weight 0.1`."""
    return f"{name.replace('_', ' ')} {value_text(name, value)}"


def value_text(name: str, value: Any) -> str:
    """A value as text: a list with commas, a style by its file's name."""
    if isinstance(value, tuple | list):
        return ", ".join(value_text(name, part) for part in value)
    if name == STYLE:
        return Path(value).name if isinstance(value, str | Path) else "array"
    return f"{value:g}" if isinstance(value, float) else str(value)
