"""`image` on a folder: every picture in it, in one process; stopped, the same command goes on."""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ..errors import NstlibError
from ..media import files, images
from ..settings import Settings

REQUEST = "request"  # in a picture's record: the SHA-256 of all that the folder's command asked for


def image_folder(given: argparse.Namespace, settings: Settings) -> None:
    """Stylise every picture of a folder; those that cannot be made are told at the end, and the others are there."""
    _check(given)
    paths = [path for path in pictures_in(given.content) if not any(path.samefile(style) for style in given.styles)]
    outputs = dict(zip(paths, output_names(paths, given.output), strict=True))
    from ..core.styles import Styles
    from ..engines.frames import begin
    from ..scale.cells import one_line, request

    styles = Styles(given.styles, settings)
    of_styles = [images.checksum(style) for style in given.styles]
    files.make_folder(given.output)
    failed: dict[str, str] = {}
    for number, path in enumerate(paths):
        try:
            asked = request([images.checksum(path), *of_styles], settings)
            losses = _made(outputs[path], asked)
            if losses is None:
                run = begin(path, styles, settings)
                losses = _make(run, outputs[path], asked, about=f"{number + 1} of {len(paths)}: {path.name}")
            if given.json:
                print(json.dumps({"file": str(path), "output": str(outputs[path]), "losses": losses}))
        except KeyboardInterrupt:
            count = f"stopped after {number} of {len(paths)} pictures"
            raise NstlibError(f"{count}; those are in {given.output}, and the same command goes on") from None
        except Exception as error:  # of any kind: it is this picture's alone
            failed[path.name] = one_line(error)
    if not given.json:
        print(given.output)
    if failed:
        told = "; ".join(f"{name}: {line}" for name, line in failed.items())
        raise NstlibError(f"{len(failed)} of {len(paths)} pictures could not be made: {told}")


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder by their endings, in the order that people number them in; no hidden files."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in images.READ and path.name[0] != "."]
    if not found:
        raise NstlibError(f"{folder} holds no pictures ({', '.join(sorted(images.READ))})")
    return sorted((path for path in found if path.is_file()), key=lambda path: files.numbered(path.name))


def output_names(paths: list[Path], folder: Path) -> list[Path]:
    """NAME.png for each picture; where several have the name, such as a.jpg and a.tif, a.jpg.png and a.tif.png."""
    stems = Counter(path.stem.lower() for path in paths)
    return [folder / f"{path.stem if stems[path.stem.lower()] == 1 else path.name}.png" for path in paths]


def _check(given: argparse.Namespace) -> None:
    """Raises NstlibError for what can be refused before the first picture."""
    if given.mask or given.repaint:
        name = "--mask" if given.mask else "--repaint"
        raise NstlibError(f"{name} is for one picture, and {given.content} is a folder; leave it out")
    if given.output.exists() and not given.output.is_dir():
        raise NstlibError(f"{given.output} is a file; name a folder for the pictures of {given.content}")
    if given.output.exists() and given.output.samefile(given.content):
        raise NstlibError(f"{given.output} is the folder of the photographs; choose another one for the results")
    if not given.output.absolute().parent.is_dir():
        raise NstlibError(f"{given.output}: there is no folder {given.output.absolute().parent}; make it first")
    for style in given.styles:
        images.shape_of(style)


def _made(output: Path, asked: str) -> dict[str, float] | None:
    """The losses of a picture that an earlier call has finished; None where it has not."""
    try:
        record = images.read_record(output)
    except NstlibError:
        return None
    return _losses(record["curves"]) if record.get(REQUEST) == asked else None


def _make(run: Any, output: Path, asked: str, *, about: str) -> dict[str, float]:
    """Take a run's steps, and keep the picture with its record. Returns its losses."""
    from ..engines import records

    for _ in tqdm(run, total=run.total_steps, desc=about, unit="step", leave=False, dynamic_ncols=True):
        pass
    records.keep(run, output, **{REQUEST: asked})
    return _losses(run.curves)


def _losses(curves: dict[str, list[float]]) -> dict[str, float]:
    return {name: values[-1] for name, values in curves.items()}
