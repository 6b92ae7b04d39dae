"""Python that makes a picture again: the text of a record."""

from dataclasses import fields
from typing import Any

from ..settings import Settings, usual

SCRIPT = """\
{imports}
import nstlib as nst

settings = nst.Settings({settings})
run = nst.begin({content!r}, {styles!r}, settings{more})
run.follow([{script}], {steps})
nst.save("picture.png", run.finish(), record=nst.record(run))
"""


def python(record: dict[str, Any]) -> str:
    """A program that reproduces the picture of a record, on the same machine and versions."""
    (_, first), *rest = record["steering"]
    default = {f.name: usual(f, first["rendering"], first["convention"]) for f in fields(Settings)}
    default |= {name: getattr(Settings(), name) for name in ("rendering", "convention")}
    entries = [f"({number}, {_replaced(first, new)})" for number, new in rest]
    content, styles, more = paths(record)
    text = SCRIPT.format(
        imports="from dataclasses import replace\n" if rest else "",
        settings=_lines(_each(default, first)),
        content=content,
        styles=styles,
        more="".join(f", {name}={value!r}" for name, value in more.items()),
        script=_lines(entries),
        steps=record["steps"],
    )
    return text.lstrip("\n")


def paths(record: dict[str, Any]) -> tuple[str, list[str], dict[str, Any]]:
    """The content's, the styles', and by name those of what else a run is given, such as masks."""
    inputs = record["inputs"]
    more: dict[str, Any] = {"masks": [mask["path"] for mask in inputs["masks"]]}
    if inputs.get("region"):
        more |= {name: inputs[name]["path"] for name in ("start", "region")}
    return (
        inputs["content"]["path"],
        [style["path"] for style in inputs["styles"]],
        {name: given for name, given in more.items() if given},
    )


def differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """{setting: (old, new)} of those that differ."""
    return {name: (old[name], new[name]) for name in old if _plain(old[name]) != _plain(new[name])}


def _replaced(old: dict[str, Any], new: dict[str, Any]) -> str:
    changes = ", ".join(_each(old, new))
    return f"replace(settings, {changes})" if changes else "settings"


def _each(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [f"{name}={_plain(value)!r}" for name, (_, value) in differences(old, new).items()]


def _lines(parts: list[str]) -> str:
    return "".join(f"\n    {part}," for part in parts) + "\n" if parts else ""


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
