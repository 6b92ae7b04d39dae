"""The styles of a run: their pictures, and their statistics at every size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..errors import NstlibError
from ..media import colors, images
from ..media.images import Picture
from ..settings import Settings, check_blend
from .model import StyleContentModel
from .schedule import working_size


class Styles:
    """K style pictures and their statistics {layer: (K, …)}, made once a size and kept.

    Raises NstlibError for no style, a picture that cannot be read, and shares that do not fit.

    >>> settings = nst.Settings(size=64, steps=2, style_blend=(2, 1))
    >>> styles = nst.Styles([nst.samples.frame(0), nst.samples.frame(59)], settings)
    >>> pictures = [nst.Run(nst.samples.frame(i), styles, settings).finish() for i in (20, 30)]
    """

    def __init__(self, styles: Picture | Sequence[Picture], settings: Settings) -> None:
        given = images.take_all(styles, "a style")
        if not given:
            raise NstlibError("no style is given; name at least one picture")
        check_blend(settings, len(given))

        self.sources, self.scale = given, settings.style_scale
        longest = max(16, round(working_size(settings) * self.scale))
        self.pictures = [images.load(style, size=longest) for style in given]
        self._statistics: dict[tuple, dict[str, tf.Tensor]] = {}

    def recolored(self, content: np.ndarray, settings: Settings) -> "Styles":
        """These styles with the content's colours, or its luminance, where `preserve_color` asks for it."""
        if settings.preserve_color == "none":
            return self
        change = colors.match_colors if settings.preserve_color == "histogram" else colors.match_luminance
        recolored = Styles([change(picture, content) for picture in self.pictures], settings)
        recolored.sources = self.sources
        return recolored

    def statistics(self, model: StyleContentModel, longest: int) -> dict[str, Any]:
        """{layer: what the style loss compares with} for a picture whose longest side is `longest` pixels."""
        key = (model.extractor, model.style_loss, model.levels, model.style_layers, longest)
        if key not in self._statistics:
            side = max(16, round(longest * self.scale))
            each = [model(tf.constant(_at(picture, side, model)))["style"] for picture in self.pictures]
            together = {name: tf.concat([e[name] for e in each], axis=0) for name in each[0]}
            self._statistics[key] = {name: model.style_loss.prepared(found) for name, found in together.items()}
        return self._statistics[key]


def _at(picture: np.ndarray, longest: int, model: StyleContentModel) -> np.ndarray:
    """The picture at a size; beside its mirror images where a side would not reach the deepest layer, halved too."""
    small = images.resize(picture, images.fit(picture.shape[:2], longest))
    least = model.extractor.smallest * 2 ** (model.levels - 1)
    rows, columns = (max(0, least - side) for side in small.shape[:2])
    return np.pad(small, ((0, rows), (0, columns), (0, 0)), mode="symmetric")  # its strokes keep their size
