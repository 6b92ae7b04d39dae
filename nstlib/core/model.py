"""`StyleContentModel`: a picture's content features and Gram matrices, and the loss with its gradient.

Weights, targets and pictures are tensor inputs of one trace, so nothing is traced again when any of them changes.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import tensorflow as tf

from ..settings import Settings
from . import losses
from .features import Extractor, load_extractor

Tensors = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Targets:
    """What one picture is compared with.

    content {layer: (1, h, w, C)}; style {layer: (K, C, C)} for K styles; masks (K, H, W), a region for each style, or
    None; warped (T, H, W, 3) and reliability (T, H, W), T earlier results in this frame's grid, or None.
    """

    content: Tensors
    style: Tensors
    masks: tf.Tensor | None = None
    warped: tf.Tensor | None = None
    reliability: tf.Tensor | None = None

    def tensors(self) -> dict[str, Any]:
        """The parts that are there, as the trace's input."""
        return {name: value for name, value in vars(self).items() if value is not None}


class StyleContentModel:
    """image (H, W, 3) -> {"content": {layer: features}, "style": {layer: Gram matrices}} (the tutorial's class)."""

    def __init__(self, extractor: Extractor, style_layers: tuple[str, ...], content_layers: tuple[str, ...]) -> None:
        self.extractor, self.style_layers, self.content_layers = extractor, style_layers, content_layers
        self._traces: dict[tuple[str, ...], Any] = {}

    def __call__(self, image: tf.Tensor, masks: tf.Tensor | None = None) -> dict[str, Tensors]:
        """Content features (1, h, w, C) and Gram matrices (1, C, C), or (K, C, C) of masks (K, H, W)."""
        return self._outputs(image) if masks is None else self._call(image, masks)

    def loss(self, image: tf.Tensor, targets: Targets, weights: dict[str, Any]) -> tuple[tf.Tensor, tf.Tensor, Any]:
        """The weighted loss of the image, its gradient (H, W, 3), and every term unweighted.

        weights: `conventions.coefficients` makes them. Terms: `content/LAYER`, `style/LAYER`, `total_variation`,
        `temporal`.
        """
        tensors = targets.tensors()
        kind = tuple(tensors)
        if kind not in self._traces:
            signature = [tf.TensorSpec((None, None, 3), tf.float32), _specs(tensors), _specs(weights)]
            self._traces[kind] = _traced(self._loss, signature)
        return self._traces[kind](image, tensors, weights)

    @property
    def traces(self) -> int:
        """How often `loss` was traced: once for each kind of targets."""
        return len(self._traces)

    @cached_property  # when it is first asked for: a run's later models would hold up its start
    def _outputs(self) -> Any:
        return _traced(self._call, [tf.TensorSpec((None, None, 3))])

    def _call(self, image: tf.Tensor, masks: tf.Tensor | None = None) -> dict[str, Tensors]:
        def read(name: str, features: tf.Tensor) -> list[tf.Tensor]:
            of_style = [_grams(features, masks)] if name in self.style_layers else []
            return [tf.cast(features, tf.float32), *of_style] if name in self.content_layers else of_style

        seen = self.extractor(image[None], read)
        content = {name: seen[name][0] for name in self.content_layers}
        return {"content": content, "style": {name: seen[name][-1] for name in self.style_layers}}

    def _loss(self, image: tf.Tensor, targets: dict[str, Any], weights: dict[str, Any]) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(image)
            terms, total = self._terms(image, targets, weights)
        return total, tape.gradient(total, image), terms

    def _terms(self, image: tf.Tensor, targets: dict[str, Any], weights: dict[str, Any]) -> tuple[Tensors, tf.Tensor]:
        """Each term at its convention's scale, and their weighted sum; `weights` has pairs (scale, weight)."""
        outputs = self._call(image, targets.get("masks"))
        errors = {}
        for name in self.content_layers:
            errors[f"content/{name}"] = losses.squared_error(outputs["content"][name], targets["content"][name])
        for name in self.style_layers:
            error = (outputs["style"][name] - targets["style"][name]) ** 2
            errors[f"style/{name}"] = tf.reduce_sum(error, axis=(1, 2))  # (K,)
        errors["total_variation"] = losses.absolute_variation(image)
        if "warped" in targets:
            errors["temporal"] = losses.temporal_loss(image, targets["warped"], targets["reliability"])  # (T,)
        terms = {name: tf.reduce_sum(weights[name][0] * error) for name, error in errors.items()}
        total = tf.add_n([tf.reduce_sum(weights[name][1] * error) for name, error in errors.items()])
        return terms, total


def _traced(function: Any, signature: list[Any]) -> Any:
    """The function, traced once: a concrete one saves the 0.7 ms in which a `tf.function` looks for its trace."""
    return tf.function(function, input_signature=signature).get_concrete_function()


def _grams(features: tf.Tensor, masks: tf.Tensor | None) -> tf.Tensor:
    if masks is None:
        return losses.gram_matrix(features)[None]
    small = tf.image.resize(masks[..., None], tf.shape(features)[1:3], "area")[..., 0]  # (K, H, W) -> (K, h, w)
    return tf.map_fn(lambda mask: losses.gram_matrix(features, mask), small)


def _specs(value: Any) -> Any:
    """A signature that leaves heights, widths and counts open and keeps the channels of 3-D and larger tensors."""
    if isinstance(value, dict):
        return {name: _specs(v) for name, v in value.items()}
    shape = [None] * len(value.shape)
    if len(shape) == 4:
        shape[-1] = value.shape[-1]
    return tf.TensorSpec(shape, tf.float32)


@lru_cache(maxsize=8)  # four runs, each in both arithmetics
def _model(extractor: Extractor, style: tuple[str, ...], content: tuple[str, ...]) -> StyleContentModel:
    return StyleContentModel(extractor, style, content)


def load_model(settings: Settings, precision: str = "float32") -> StyleContentModel:
    """The model that the settings describe, in float32 or bfloat16; made, and traced, once."""
    layers = tuple(dict.fromkeys((*settings.style_layers, *settings.content_layers)))
    extractor = load_extractor(
        settings.extractor,
        layers,
        weights=settings.weights,
        pooling=settings.pooling,
        precision=precision,
        seed=settings.seed,
    )
    return _model(extractor, settings.style_layers, settings.content_layers)
