"""How a picture was made: the record that travels with it, and the replay that makes it again."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.run import Run
from ..errors import NstlibError
from ..media import files, images
from ..networks import compact
from ..settings import Settings, from_record, to_dict
from .frames import begin

PACKAGES = ("tensorflow", "keras", "numpy", "opencv-python-headless", "pillow")


def record(run: Run) -> dict[str, Any]:
    """Settings and steering, inputs with checksums, versions, weights' checksum, and curves of a run, for JSON.

    >>> photograph, painting = nst.samples.photograph(), nst.samples.styles()["ink"]
    >>> run = nst.Run(photograph, painting, nst.Settings(size=64, steps=2))
    >>> path = nst.save("out.png", run.finish(), record=nst.record(run))
    """
    return {
        "nstlib": __version__,
        "kind": "image",
        "steps": run.number,
        "steering": [[number, to_dict(settings)] for number, settings in run.steering],
        "inputs": {
            "content": describe(run.sources["content"]),
            "styles": [describe(style) for style in run.sources["styles"]],
            "masks": [describe(mask) for mask in run.sources["masks"]],
            "start": describe(run.sources["start"]),
            **({"region": describe(run.sources["region"])} if "region" in run.sources else {}),
        },
        **run.networks,
        "versions": versions(),
        "curves": {name: [round(v, 9) for v in values] for name, values in run.curves.items()},
    }


def keep(run: Run, path: str | os.PathLike, **more: Any) -> Path:
    """Write the run's picture with its record; more: what else the record tells.

    A photograph has 16 bits where its content and the file's kind have them, and is dithered for 8.
    """
    photo = run.settings.rendering == "photo"
    bits = images.bits_of(run.sources["content"]) if photo and images.is_deep(path) else 8
    return images.save(path, run.image, record=record(run) | more, bits=bits, dither=photo)


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def describe(source: Any) -> dict[str, str | None] | None:
    """{"path", "sha256"} of an input; bytes, arrays and pictures in memory have no path; None stays None."""
    if source is None:
        return None
    is_path = isinstance(source, str | os.PathLike)
    return {"path": os.fspath(source) if is_path else None, "sha256": images.checksum(source)}


def replay(record: dict[str, Any], *, search: Sequence[Path] = ()) -> Run:
    """The run that the record tells of; taken to its end, on the same machine and versions, it gives the same picture.

    Inputs are looked for at their recorded paths, then by name in the folders `search`; their checksums must agree.
    Raises NstlibError for a record that is not whole, and for inputs and weights that are not the recorded ones.

    >>> run = nst.Run(nst.samples.photograph(), nst.samples.styles()["ink"], nst.Settings(size=64, steps=2))
    >>> path = nst.save("out.png", run.finish(), record=nst.record(run))
    >>> bool((nst.replay(nst.read_record(path)).finish() == run.image).all())
    True
    """
    try:
        (_, settings), *script = [(int(number), from_record(values)) for number, values in record["steering"]]
        inputs, steps = record["inputs"], int(record["steps"])
        found = {name: [_find(i, search) for i in inputs[name]] for name in ("styles", "masks")}
        content, start = _find(inputs["content"], search), inputs["start"] and _find(inputs["start"], search)
        region = inputs.get("region") and _find(inputs["region"], search)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError) as error:
        raise NstlibError(f"the record is not whole ({type(error).__name__}: {error})") from None
    run = begin(content, found["styles"], settings, masks=found["masks"], start=start, region=region)
    for kind, network in run.networks.items():
        if network != record.get(kind) and not _rescaled(record.get(kind), settings):
            raise NstlibError(f"the {kind} {network['name']} is not the one that the picture was made with")
    run.follow(script, steps)
    return run


def _rescaled(recorded: Any, settings: Settings) -> bool:
    """Whether the record's network is compact before it had VGG19's scale, of which `relative` losses know nothing.

    Raises NstlibError where the convention does know of it.
    """
    if recorded != {"name": "compact", "sha256": compact.FORMER}:
        return False
    if settings.convention != "relative":
        raise NstlibError(
            f"compact has been put on VGG19's scale since the picture was made, and with convention="
            f"{settings.convention} its weights mean something else now; only relative is replayed across that change"
        )
    return True


def _find(entry: dict[str, str | None], search: Sequence[Path]) -> Path:
    if entry["path"] is None:
        raise NstlibError("the picture was made from an array or bytes, not a file; only files can be replayed")
    path = Path(entry["path"])
    for candidate in (path, *(folder / path.name for folder in search)):
        if candidate.is_file():
            if files.checksum(candidate) == entry["sha256"]:
                return candidate
            raise NstlibError(f"{candidate} has changed since the picture was made; its checksum differs")
    raise NstlibError(f"no such file: {path}, an input of the picture; name its folder with --search")
