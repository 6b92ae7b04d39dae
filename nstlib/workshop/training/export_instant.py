"""Writes the instant network as a SavedModel in TF-Hub's format, from the arrays that its training wrote.

    python -m nstlib.workshop.training.export_instant decoder.npz nstlib/networks/weights/instant

`module(content, style)` has Magenta's signature; `statistics` and `paint` take it apart, so that a style is looked at
once, styles are blended, and the strength is chosen. Weights are kept as float16.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf

from ...networks import instant

PICTURE = tf.TensorSpec((1, None, None, 3), tf.float32)
FRAMES = tf.TensorSpec((None, None, None, 3), tf.float32)
LENGTH = sum(c + c * c for c in instant.CHANNELS)


class InstantModule(tf.Module):
    """The instant network; pictures (B, H, W, 3), float32 RGB in [0, 1], of any size from 16 pixels a side."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        super().__init__()
        self._kept = {n: tf.Variable(np.float16(w), trainable=False, name=n) for n, w in weights.items()}

    @property
    def _weights(self) -> dict[str, tf.Tensor]:
        return {name: tf.cast(w, tf.float32) for name, w in self._kept.items()}

    @tf.function(input_signature=[PICTURE, PICTURE])
    def __call__(self, content: tf.Tensor, style: tf.Tensor) -> tuple[tf.Tensor]:
        """The content in the style, in a tuple, as Magenta's module has it."""
        return (self.paint(content, self.statistics(style), tf.constant(1.0)),)

    @tf.function(input_signature=[PICTURE])
    def statistics(self, style: tf.Tensor) -> tf.Tensor:
        """All that the network knows of a style: one vector (1, LENGTH), to be blended by weighted sums."""
        levels = instant.statistics(instant.encode(self._weights, padded(style)))
        return tf.concat([tf.reshape(part, (1, -1)) for level in levels for part in level], 1)

    @tf.function(input_signature=[FRAMES, tf.TensorSpec((1, LENGTH), tf.float32), tf.TensorSpec((), tf.float32)])
    def paint(self, content: tf.Tensor, statistics: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        """The contents with these statistics, mixed with their own where strength is below 1; not clipped."""
        shape = tf.shape(content)
        picture = instant.stylise(self._weights, padded(content), unpacked(statistics), strength)
        return picture[:, : shape[1], : shape[2]]


def padded(image: tf.Tensor) -> tf.Tensor:
    """Reflected at bottom and right to multiples of the deepest level's stride, twice that at least."""
    shape = tf.shape(image)
    more = [tf.maximum(-shape[k] % instant.STRIDE, 2 * instant.STRIDE - shape[k]) for k in (1, 2)]
    return tf.pad(image, [[0, 0], [0, more[0]], [0, more[1]], [0, 0]], "SYMMETRIC")


def unpacked(vector: tf.Tensor) -> instant.Statistics:
    """The levels' means and roots in a statistics vector."""
    sizes = [size for c in instant.CHANNELS for size in (c, c * c)]
    parts = tf.split(vector, sizes, axis=1)
    return [(parts[2 * i], tf.reshape(parts[2 * i + 1], (-1, c, c))) for i, c in enumerate(instant.CHANNELS)]


def export(weights: dict[str, np.ndarray], folder: Path) -> None:
    """Writes the SavedModel, replacing what is there."""
    module, part = InstantModule(weights), folder.with_name(f"{folder.name}.part")
    slim = tf.saved_model.SaveOptions(experimental_debug_stripper=True)
    tf.saved_model.save(module, str(part), signatures=module.__call__.get_concrete_function(), options=slim)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def main() -> None:
    """The command line."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("weights", type=Path, help="the .npz that nstlib.workshop.training.decoder wrote")
    ask.add_argument("folder", type=Path, help="where the SavedModel goes")
    given = ask.parse_args()
    with np.load(given.weights) as file:
        export(dict(file), given.folder)


if __name__ == "__main__":
    main()
