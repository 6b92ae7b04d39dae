"""Python that makes a picture again: the text of a record."""

from dataclasses import fields
from typing import Any

from ..settings import Settings, usual

SCRIPT = """\
{imports}
import nstlib as nst

settings = nst.Settings({settings})
run = nst.begin({content!r}, {styles!r}, settings)
run.follow([{script}], {steps})
nst.save("picture.png", run.finish(), record=nst.record(run))
"""


def python(record: dict[str, Any]) -> str:
    """A program that reproduces the picture of a record, on the same machine and versions."""
    (_, first), *rest = record["steering"]
    default = {f.name: usual(f, first["rendering"], first["convention"]) for f in fields(Settings)}
    default |= {name: getattr(Settings(), name) for name in ("rendering", "convention")}
    entries = [f"({number}, replace(settings, {_arguments(first, new)}))" for number, new in rest]
    inputs = record["inputs"]
    text = SCRIPT.format(
        imports="from dataclasses import replace\n" if rest else "",
        settings=_lines(_each(default, first)),
        content=inputs["content"]["path"],
        styles=[style["path"] for style in inputs["styles"]],
        script=_lines(entries),
        steps=record["steps"],
    )
    return text.lstrip("\n")


def differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """{setting: (old, new)} of those that differ."""
    return {name: (old[name], new[name]) for name in old if _plain(old[name]) != _plain(new[name])}


def _arguments(old: dict[str, Any], new: dict[str, Any]) -> str:
    return ", ".join(_each(old, new))


def _each(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [f"{name}={_plain(value)!r}" for name, (_, value) in differences(old, new).items()]


def _lines(parts: list[str]) -> str:
    return "".join(f"\n    {part}," for part in parts) + "\n" if parts else ""


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
