"""What a film's frames depend on, so that another film is not taken for its continuation."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.styles import Picture
from ..engines import records
from ..engines.frames import Engine
from ..media import clips, files, images
from ..media.animations import WHITE
from ..settings import Settings, to_dict


def recipe(
    clip: clips.Clip, styles: Picture | Sequence[Picture], settings: Settings, engine: Engine, flows: str | Path | None
) -> dict[str, Any]:
    """Everything that the frames depend on, for JSON; inputs by their checksums, so that they may move."""
    background = {} if clip.background == WHITE else {"background": list(clip.background)}
    return background | {
        "nstlib": __version__,
        "clip": _checksum(clip.images or [clip.path]),
        "range": {"first": clip.picks[0], "last": clip.picks[-1], "count": clip.frames, "fps": str(clip.fps)},
        "size": [clip.width, clip.height],
        "styles": [images.checksum(style) for style in images.take_all(styles, "a style")],
        "settings": to_dict(settings),
        "engine": engine.identity,
        "flows": _checksum(sorted(Path(flows).glob("*.flo"))) if flows else "estimated",
        "versions": records.versions(),
    }


def write_record(output: Path, recipe: dict[str, Any], **told: Any) -> None:
    """OUTPUT.json, beside a clip: its recipe, and what is told of how it was made."""
    with files.whole(output.with_name(f"{output.name}.json")) as beside:
        beside.write_text(json.dumps({"kind": "video", **recipe, **told}))


def _checksum(paths: Sequence[Path]) -> str:
    """SHA-256 over the files' own, in order."""
    return files.checksum("".join(map(files.checksum, paths)).encode())
