"""Style at several sizes: the picture, and it halved once, twice, …, each against the painting at its size.

What a layer sees is some dozen pixels wide; of a picture that is halved it sees forms twice as large.
"""

import tensorflow as tf


def at_scale(layer: str, scale: int) -> str:
    """The name of a layer's statistics: LAYER of the picture, LAYER@2 of the picture at half its size."""
    return layer if scale == 1 else f"{layer}@{scale}"


def layer_of(name: str) -> str:
    """LAYER of LAYER@2."""
    return name.split("@")[0]


def halvings(name: str) -> int:
    """How often the picture was halved: 0 for LAYER, 1 for LAYER@2, 2 for LAYER@4."""
    return int(name.partition("@")[2] or 1).bit_length() - 1


def pyramid(image: tf.Tensor, levels: int) -> dict[int, tf.Tensor]:
    """{1: image, 2: the means over 2 x 2 pixels, 4: …}, (H, W, 3) each."""
    pictures = {1: image}
    for level in range(1, levels):
        halved = tf.nn.avg_pool2d(tf.expand_dims(image, 0), 2, 2, "VALID")
        image = tf.squeeze(halved, 0)  # (H, W, 3) -> (H // 2, W // 2, 3)
        pictures[2**level] = image
    return pictures
