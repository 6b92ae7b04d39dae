"""One cell of a sweep: what is sent to a worker, what the worker makes of it, and the name of its file."""

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from .. import __version__
from ..core.styles import Picture
from ..engines import hub, records
from ..engines.frames import begin
from ..errors import NstlibError
from ..media import files, images
from ..settings import Settings, to_dict
from .axes import value_text
from .workers import Input, Outcome, one_thread

FILES = ("weights", "module", "init")  # settings that may name a file, or a module's folder, which workers must find


def paint_alone(settings: Settings, *inputs: Input) -> Outcome:
    """`paint` in a worker process, on one core."""
    one_thread()
    return paint_cell(settings, *inputs)


def paint_cell(settings: Settings, content: Input, *styles: Input) -> Outcome:
    """One picture as a PNG with its record. What goes wrong is told, not raised."""
    began = perf_counter()
    try:
        run = begin(content.local(), [style.local() for style in styles], settings)
        run.finish()
        record = _record(run, (content, *styles)) | {"seconds": round(perf_counter() - began, 3)}
        with TemporaryDirectory() as folder:
            photo = settings.rendering == "photo"
            path = images.save(Path(folder, "cell.png"), run.image, record=record, dither=photo)
            return Outcome(path.read_bytes())
    except Exception as error:  # of any kind: it is this cell's alone
        return Outcome(error=one_line(error))


def _record(run: Any, inputs: tuple[Input, ...]) -> dict[str, Any]:
    """The run's record, with its inputs where they came from, and TensorFlow's threads (0: one a core)."""
    import tensorflow as tf

    record = records.record(run)
    for entry, given in zip([record["inputs"]["content"], *record["inputs"]["styles"]], inputs, strict=True):
        entry["path"] = given.path
    return record | {"threads": tf.config.threading.get_intra_op_parallelism_threads()}


def read_input(source: Picture) -> Input:
    """A picture, to be sent. Raises NstlibError for what is none."""
    source = images.take(source)
    images.shape_of(source)
    described = records.describe(source)
    data = source.read_bytes() if isinstance(source, Path) else source
    return Input(described["path"], described["sha256"], data)


def file_name(values: dict[str, Any], inputs: Sequence[Input], settings: Settings) -> str:
    """A cell's file: its values in words, and eight digits of the SHA-256 of all that its picture depends on."""
    digest = request([given.sha256 for given in inputs], settings)[:8]
    words = "_".join(f"{name}={value_text(name, value)}" for name, value in values.items())
    return f"{re.sub(r'[^A-Za-z0-9._=,+-]+', '', words)[:100]}-{digest}.png"


def request(inputs: Sequence[str], settings: Settings) -> str:
    """SHA-256 of all that a picture depends on; inputs: their own."""
    paths = [Path(getattr(settings, name)) for name in FILES if getattr(settings, name)]
    named = [files.checksum(path) for path in paths if path.is_file()]
    named += [hub.checksum(path) for path in paths if (path / "saved_model.pb").is_file()]
    return files.checksum(json.dumps([to_dict(settings), list(inputs), named, __version__, _versions()]).encode())


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    return records.versions()


def one_line(error: BaseException) -> str:
    """An error as one line; its kind goes before, unless the package raised it."""
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, NstlibError) else f"{type(error).__name__}: {text}".rstrip(": ")
