"""A learned network as a SavedModel in TF-Hub's format, with its card and record; as a TFLite or ONNX file."""

import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..core.speed.tracing import graph
from ..errors import NstlibError
from ..media import files, images
from ..networks import single
from .hub import INSTANT, SMALLEST

THUMB = 8  # px a side: what a module remembers of its painting, to know it again
ALIKE = 0.04  # mean difference of thumbnails up to which two pictures are the same painting
FRAMES = tf.TensorSpec((None, None, None, 3), tf.float32)
PICTURE = tf.TensorSpec((1, None, None, 3), tf.float32)
NUMBER = tf.TensorSpec((), tf.float32)
RECORD = "nstlib.json"
AGREES = 0.02  # largest difference of a pixel between a TFLite or ONNX file and the module


@lru_cache(maxsize=1)
def instant_weights() -> dict[str, tf.Tensor]:
    """The shipped weights of `instant`, float32."""
    loaded = tf.saved_model.load(str(INSTANT))
    return {name: tf.cast(value, tf.float32) for name, value in loaded._kept.items()}


class LearnedModule(tf.Module):
    """The network of one painting or several; pictures (B, H, W, 3), float32 RGB in [0, 1], from 16 pixels a side.

    statistics (1, S): the paintings' shares.
    """

    def __init__(self, weights: dict[str, np.ndarray], paintings: Sequence[np.ndarray]) -> None:
        super().__init__()
        self._kept = {n: tf.Variable(tf.cast(w, tf.bfloat16), trainable=False, name=n) for n, w in weights.items()}
        thumbnails = tf.concat([thumbnail(tf.constant(painting[None])) for painting in paintings], 0)
        self.thumbnail = tf.Variable(thumbnails, trainable=False, name="thumbnail")  # (S, 8, 8, 3)
        shares = tf.TensorSpec((1, len(paintings)), tf.float32)
        self.paint = graph(partial(self._mixed, kind=tf.float32), input_signature=[FRAMES, shares, NUMBER])
        self.paint_bfloat16 = graph(partial(self._mixed, kind=tf.bfloat16), input_signature=[FRAMES, shares, NUMBER])

    @graph(input_signature=[PICTURE, PICTURE])
    def __call__(self, content: tf.Tensor, style: tf.Tensor) -> tuple[tf.Tensor]:
        """The content in the learned style, in a tuple, as Magenta's module has it; of several, the one most alike."""
        nearest = tf.one_hot(tf.argmin(self._apart(style))[None], self.thumbnail.shape[0])
        return (self.paint(content, nearest, tf.constant(1.0)),)

    @graph(input_signature=[PICTURE])
    def statistics(self, style: tf.Tensor) -> tf.Tensor:
        """1 in the place of the painting that this is, 0 in all others: (1, S)."""
        apart = self._apart(style)
        return tf.cast((apart == tf.reduce_min(apart)) & (apart < ALIKE), tf.float32)[None]

    def _apart(self, style: tf.Tensor) -> tf.Tensor:
        """How far a picture is from each painting, (S,)."""
        return tf.reduce_mean(tf.abs(thumbnail(style) - self.thumbnail), (1, 2, 3))

    def _mixed(self, content: tf.Tensor, statistics: tf.Tensor, strength: tf.Tensor, *, kind: tf.DType) -> tf.Tensor:
        """The contents painted, mixed with themselves where strength is below 1; not clipped.

        bfloat16 is twice as quick on processors that have its products.
        """
        weights = {name: tf.cast(w, kind) for name, w in self._kept.items()}
        total = tf.reduce_sum(statistics)
        mixed = single.mixed(weights, statistics[0] / tf.maximum(total, 1e-6))
        return content + strength * tf.minimum(total, 1.0) * (painted(mixed, content) - content)


def thumbnail(image: tf.Tensor) -> tf.Tensor:
    """The picture's mean colours on a grid of 8 x 8: (1, 8, 8, 3)."""
    return tf.image.resize(image, (THUMB, THUMB), "area")


def painted(weights: dict[str, tf.Tensor], content: tf.Tensor) -> tf.Tensor:
    """Contents (B, H, W, 3) of any size, painted beyond their border, which is cut off: no line is left along it."""
    height, width = tf.unstack(tf.shape(content)[1:3])
    margin = single.MARGIN
    picture = single.stylise(weights, padded(content, margin), largest=single.zero_padded)
    return picture[:, margin : margin + height, margin : margin + width]


def padded(image: tf.Tensor, margin: int = 0) -> tf.Tensor:
    """Mirrored by a margin at each side, and at bottom and right to multiples of the network's stride, 32 at least.

    As often as it takes: a margin may be wider than the image.
    """
    for axis in (1, 2):
        side = tf.shape(image)[axis]
        longer = (side + 2 * margin + single.STRIDE - 1) // single.STRIDE * single.STRIDE
        first = margin * (2 * side - 1)  # -margin, and whole periods, since ONNX's remainder of negatives is another
        at = (first + tf.range(tf.maximum(longer, single.SMALLEST))) % (2 * side)  # there and back
        image = tf.gather(image, tf.minimum(at, 2 * side - 1 - at), axis=axis)
    return image


def export(
    weights: dict[str, np.ndarray],
    paintings: Sequence[np.ndarray],
    folder: Path,
    record: dict[str, Any],
    sheet: np.ndarray,
) -> None:
    """Writes the module with card.md, card.jpg and its record, replacing the one that is there.

    It is written beside and renamed, so that the folder holds a whole module at any moment but one.
    """
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    module = LearnedModule(weights, paintings)
    slim = tf.saved_model.SaveOptions(experimental_debug_stripper=True)
    try:
        tf.saved_model.save(module, str(beside), signatures=module.__call__, options=slim)
        (beside / RECORD).write_text(json.dumps(record, indent=1))
        images.save(beside / "card.jpg", sheet)
        (beside / "card.md").write_text(card(record, folder.name))
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    except (OSError, tf.errors.OpError) as error:
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise NstlibError(f"{folder} cannot be written: {why}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def card(record: dict[str, Any], name: str) -> str:
    """What the module is and how it came about, in Markdown."""
    lesson, names = record["lesson"], [Path(p["path"] or "a picture in memory").name for p in record["paintings"]]
    paintings = " and ".join(names)
    learned_from = f"{record['contents']} pictures"
    if record["neighbours"]:
        learned_from += f", {record['neighbours']} pairs of a clip's neighbouring frames"
    return f"""# {name}

![{paintings}, and a photograph painted](card.jpg)

A network that paints in the style of {paintings}, the longest side seen at {lesson["style_size"]} pixels. Learned by
nstlib from the weights of its network `instant` in {record["steps"]} steps of {lesson["batch"]} crops of
{lesson["size"]} x {lesson["size"]} pixels ({record["seconds"]:.0f} s), from {learned_from}; loss on pictures held out:
{record["held_out_loss"]:.4f}.

    nstlib image photo.jpg {names[0]} --engine hub --module {name} -o out.png

An optimisation begins at its picture, and ends sooner, with `--init {name}`.

A TF-Hub SavedModel: content and style (1, H, W, 3), float32 RGB in [0, 1], in; the picture out. `{RECORD}` beside this
page has the settings and each painting's SHA-256.
"""


def write_tflite(folder: Path, path: Path, shape: tuple[int, int] = (256, 256)) -> float:
    """A learned module as a TFLite file for pictures of this (H, W); returns the largest difference of a pixel.

    Raises NstlibError where the file does not paint as the module does.
    """
    if min(shape) < SMALLEST:
        raise NstlibError(f"a TFLite file for pictures of {shape[1]} x {shape[0]}; give {SMALLEST} a side at least")
    module, paint = _painting_function(folder, shape)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([paint.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]  # weights; the arithmetic stays float32
    return _checked(path, converter.convert(), run_tflite, module, shape)


def write_onnx(folder: Path, path: Path) -> float:
    """A learned module as an ONNX file, for pictures (1, H, W, 3) of any size.

    Returns the largest difference of a pixel, as ONNX Runtime paints. Raises NstlibError without tf2onnx and
    onnxruntime, and where the file does not paint as the module does.
    """
    try:
        import onnxruntime  # noqa: F401 (run_onnx needs it: said before the work)
        from tf2onnx import convert
    except ImportError:
        raise NstlibError("an ONNX file takes tf2onnx and onnxruntime: pip install tf2onnx onnxruntime") from None
    module, paint = _painting_function(folder, (None, None))
    model, _ = convert.from_function(paint, input_signature=paint.input_signature, opset=17)
    return _checked(path, model.SerializeToString(), run_onnx, module, (256, 256))


def _painting_function(folder: Path, shape: tuple[int | None, int | None]) -> tuple[Any, Any]:
    """A learned module, and pictures (1, H, W, 3) -> painted, clipped: its network, with constants for weights."""
    loaded = tf.saved_model.load(str(folder))
    if not hasattr(loaded, "thumbnail"):
        raise NstlibError(f"{folder} is no module that nstlib learned")
    if json.loads((folder / RECORD).read_text()).get("network") != single.EDITION:
        raise NstlibError(f"{folder} holds an older network, which paints, but makes no file; learn it anew")
    count = loaded.thumbnail.shape[0]
    if count > 1:
        raise NstlibError(f"{folder} paints in {count} paintings, and a file holds one; learn that one alone")
    kept = {name: tf.cast(w, tf.float32).numpy() for name, w in loaded._kept.items()}

    @graph(input_signature=[tf.TensorSpec((1, *shape, 3), tf.float32, name="content")])
    def paint(content: tf.Tensor) -> tf.Tensor:
        weights = {name: tf.constant(w) for name, w in kept.items()}
        return tf.clip_by_value(painted(weights, content), 0.0, 1.0)

    return loaded, paint


def _checked(
    path: Path, data: bytes, run: Callable[[bytes, np.ndarray], np.ndarray], module: Any, shape: tuple[int, int]
) -> float:
    """Writes the file if it paints as the module does; the largest difference of a pixel."""
    picture = np.random.default_rng(0).random((1, *shape, 3), np.float32)
    by_module = np.clip(module.paint(tf.constant(picture), tf.ones((1, 1)), tf.constant(1.0)), 0, 1)
    apart = float(np.abs(run(data, picture) - by_module).max())
    if not apart < AGREES:
        raise NstlibError(f"{path.name} differs from the module by {apart:.3f}; it is not written")
    with files.whole(path) as beside:
        beside.write_bytes(data)
    return apart


def run_tflite(data: bytes, picture: np.ndarray) -> np.ndarray:
    """What a TFLite file makes of a picture (1, H, W, 3)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the interpreter's move to another package
        interpreter = tf.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def run_onnx(data: bytes, picture: np.ndarray) -> np.ndarray:
    """What an ONNX file makes of a picture (1, H, W, 3)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"content": picture})[0]
