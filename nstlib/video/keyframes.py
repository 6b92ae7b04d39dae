"""Settings that change in the course of a clip: given at moments, and in between in proportion to the time."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ..errors import NstlibError
from ..settings import STEERABLE, Settings

Keyframes = Mapping[float, Mapping[str, Any]]  # {seconds: {setting: value}}
LOGARITHMIC = {f.name for f in fields(Settings) if f.metadata.get("log")}


def checked(keyframes: Keyframes | None, settings: Settings) -> dict[float, dict[str, Any]]:
    """The keyframes in order of time. Raises NstlibError for a moment, a setting or a value that cannot be."""
    found: dict[float, dict[str, Any]] = {}
    for seconds, values in sorted((keyframes or {}).items()):
        if not 0 <= seconds < math.inf:
            raise NstlibError(f"a keyframe at {seconds} s; give seconds from the clip's start on, 0 or more")
        for name, value in values.items():
            if name not in STEERABLE:
                raise NstlibError(f"{name} cannot change along a clip; choose from {', '.join(sorted(STEERABLE))}")
            if value is None:
                raise NstlibError(f"{name} at {seconds:g} s has no value; give a number")
        found[float(seconds)] = {name: getattr(replace(settings, **{name: v}), name) for name, v in values.items()}
    for name in {name for values in found.values() for name in values}:
        lengths = {len(values[name]) for values in found.values() if isinstance(values.get(name), tuple)}
        if len(lengths) > 1:
            raise NstlibError(
                f"{name} has {' and '.join(map(str, sorted(lengths)))} values at its keyframes; give as many"
            )
    return found


def settings_at(settings: Settings, keyframes: Keyframes, seconds: float) -> Settings:
    """The settings at a moment: (1 − t) · a + t · b between the keyframes that name a setting, a¹⁻ᵗ bᵗ for weights.

    Before a setting's first keyframe its value is the first one's, after its last the last one's.

    >>> keyframes = {0: {"style_weight": 1.0}, 4: {"style_weight": 9.0}}
    >>> settings_at(Settings(), keyframes, 2).style_weight
    3.0
    """
    names = {name for values in keyframes.values() for name in values}
    return replace(settings, **{name: _value(name, keyframes, seconds) for name in names})


def _value(name: str, keyframes: Keyframes, seconds: float) -> Any:
    times = sorted(time for time, values in keyframes.items() if name in values)
    place = bisect_right(times, seconds)
    if place in (0, len(times)):
        return keyframes[times[max(0, place - 1)]][name]
    before, after = times[place - 1 : place + 1]
    share = (seconds - before) / (after - before)
    old, new = keyframes[before][name], keyframes[after][name]
    if isinstance(old, tuple):
        return tuple((1 - share) * a + share * b for a, b in zip(old, new, strict=True))
    if name in LOGARITHMIC and old > 0 and new > 0:
        return old * (new / old) ** share
    return (1 - share) * old + share * new
