"""`StyleContentModel`: a picture's content features and style statistics, and the loss with its gradient.

Weights, targets and pictures are tensor inputs of one trace, so nothing is traced again when any of them changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
import tensorflow as tf

from ..settings import Settings
from . import losses
from .features import Extractor, load_extractor
from .levels import at_scale, halvings, layer_of, pyramid
from .speed.heads import Headed, computed
from .speed.tracing import specs, traced
from .style_losses import load_style_loss

Tensors = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Targets:
    """What one picture is compared with.

    content {layer: (1, h, w, C)}; style {name: what the style loss has `prepared` of K styles' statistics}, and shares
    (K,), how much each counts; masks (K, H, W), a region for each style, or None; warped (T, H, W, 3) and reliability
    (T, H, W), T earlier results in this frame's grid, or None.
    """

    content: Tensors
    style: dict[str, Any]
    shares: tf.Tensor
    masks: tf.Tensor | None = None
    warped: tf.Tensor | None = None
    reliability: tf.Tensor | None = None

    def tensors(self) -> dict[str, Any]:
        """The parts that are there, as the trace's input."""
        return {name: value for name, value in vars(self).items() if value is not None}


class StyleContentModel:
    """image (H, W, 3) -> {"content": {layer: features}, "style": {layer: statistics}} (the tutorial's class).

    With `levels` above 1 style is also that of the picture halved once, twice, …: `LAYER@2`, `LAYER@4`. What a layer
    sees is some dozen pixels wide; halved, it sees larger forms.

    >>> import tensorflow as tf
    >>> layers = ("block1_conv1", "block2_conv1")
    >>> model = nst.StyleContentModel(nst.load_extractor("random", layers), layers, layers[1:])
    >>> outputs = model(tf.constant(nst.samples.frame(30, size=(36, 64))))
    >>> tuple(outputs["content"]["block2_conv1"].shape), tuple(outputs["style"]["block1_conv1"].shape)
    ((1, 18, 32, 128), (1, 64, 64))
    """

    def __init__(
        self,
        extractor: Extractor,
        style_layers: tuple[str, ...],
        content_layers: tuple[str, ...],
        *,
        style_loss: str = "gram",
        convention: str = "relative",
        levels: int = 1,
    ) -> None:
        self.extractor, self.style_layers, self.content_layers = extractor, style_layers, content_layers
        self.style_loss, self.convention = load_style_loss(style_loss), convention
        self.levels = levels
        self._traces: dict[tuple[str, ...], Any] = {}

    def __call__(self, image: tf.Tensor, masks: tf.Tensor | None = None) -> dict[str, Tensors]:
        """Content features (1, h, w, C), and style statistics (1, …), or (K, …) of masks (K, H, W)."""
        return self._outputs_trace(image) if masks is None else self.outputs(image, masks)

    def loss(self, image: tf.Tensor, targets: Targets, weights: Tensors) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        """Σ weight · term, its gradient (H, W, 3), and the terms.

        Terms: `content/LAYER`, `style/LAYER`, `total_variation`, `temporal`; `term_weights` makes their weights.
        """
        tensors = targets.tensors()
        kind = tuple(tensors)
        if kind not in self._traces:
            signature = [tf.TensorSpec((None, None, 3), tf.float32), specs(tensors), specs(weights)]
            self._traces[kind] = traced(self._loss, signature)
        return self._traces[kind](image, tensors, weights)

    def outputs(self, image: tf.Tensor, masks: tf.Tensor | None = None) -> dict[str, Tensors]:
        """As the call, untraced."""
        content: Tensors = {}
        style: Tensors = {}
        for scale, picture in pyramid(image, self.levels).items():
            wanted = self.content_layers if scale == 1 else ()

            def read(layer: str, features: tf.Tensor | Headed, wanted: tuple[str, ...] = wanted) -> list[tf.Tensor]:
                of_style = [self.statistics(features, masks)] if layer in self.style_layers else []
                return [computed(features), *of_style] if layer in wanted else of_style

            seen = self.extractor(tf.expand_dims(picture, 0), read)
            content |= {layer: seen[layer][0] for layer in wanted}
            style |= {at_scale(layer, scale): seen[layer][-1] for layer in self.style_layers}
        return {"content": content, "style": style}

    def terms(self, image: tf.Tensor, targets: Targets) -> Tensors:
        """Every term of the loss, a scalar each, by the public functions of `losses` and of the style loss."""
        outputs = self.outputs(image, targets.masks)
        terms = {}
        for layer, features in outputs["content"].items():
            terms[f"content/{layer}"] = self.style_loss.content_loss(
                features,
                targets.content[layer],
                convention=self.convention,
                channels=self.extractor.channels[layer],
            )
        terms |= self.style_terms(outputs["style"], targets)
        return terms | self.picture_terms(image, targets)

    def style_terms(self, statistics: Tensors, targets: Targets) -> Tensors:
        """{style/LAYER: scalar}: the distances to the styles, by their shares."""
        channels = {name: self.extractor.channels[layer_of(name)] for name in targets.style}
        distances = self.style_loss.distances(statistics, targets.style, convention=self.convention, channels=channels)
        return {f"style/{name}": tf.reduce_sum(targets.shares * each) for name, each in distances.items()}

    def picture_terms(self, image: tf.Tensor, targets: Targets) -> Tensors:
        """The terms of the pixels themselves: total variation, and nearness to earlier results."""
        terms = {"total_variation": losses.total_variation_loss(image, convention=self.convention)}
        if targets.warped is not None:
            earlier = losses.temporal_loss(image, targets.warped, targets.reliability)  # (T,)
            terms["temporal"] = tf.reduce_sum(earlier)
        return terms

    @property
    def traces(self) -> int:
        """How often `loss` was traced: once for each kind of targets."""
        return len(self._traces)

    @cached_property  # when it is first asked for: a run's later models would hold up its start
    def _outputs_trace(self) -> Any:
        return traced(self.outputs, [tf.TensorSpec((None, None, 3))])

    def _loss(self, image: tf.Tensor, targets: dict[str, Any], weights: Tensors) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(image)
            terms = self.terms(image, Targets(**targets))
            total = tf.add_n([weights[name] * term for name, term in terms.items()])
        return total, tape.gradient(total, image), terms

    def statistics(self, features: tf.Tensor | Headed, masks: tf.Tensor | None) -> tf.Tensor:
        """(1, …) of the whole, or (K, …) of K regions."""
        if masks is None:
            return self.style_loss.statistics(features)[None]
        features = computed(features)
        small = tf.image.resize(masks[..., None], tf.shape(features)[1:3], "area")[..., 0]  # (K, H, W) -> (K, h, w)
        each = partial(self.style_loss.statistics, features)
        return tf.map_fn(tf.autograph.experimental.do_not_convert(each), small)  # else rewritten at every call


def term_weights(settings: Settings, names: Mapping[str, Any]) -> dict[str, float]:
    """{term: weight}: the settings' weights, divided among the layers; names: the targets' style statistics."""
    content_weight, style_weight, tv_weight = settings.term_weights
    weights = {f"content/{layer}": content_weight / len(settings.content_layers) for layer in settings.content_layers}
    weights |= {f"style/{name}": style_weight * share for name, share in style_shares(settings, names).items()}
    return weights | {"total_variation": tv_weight, "temporal": settings.temporal_weight}


def style_shares(settings: Settings, names: Mapping[str, Any]) -> dict[str, float]:
    """How much each of the style's statistics counts.

    The shares of the layers sum to 1; those of a picture that is halved k times to formsᵏ.
    """
    given = settings.style_layer_weights or (1.0,) * len(settings.style_layers)
    of_layer = {layer: w / sum(given) for layer, w in zip(settings.style_layers, given, strict=True)}
    return {name: of_layer[layer_of(name)] * settings.forms ** halvings(name) for name in names}


def summarise(terms: Mapping[str, Any], settings: Settings) -> dict[str, float]:
    """The terms as numbers, with `content`, the mean over its layers, and `style`, the sum by `style_shares`."""
    values = {name: float(value) for name, value in terms.items()}
    content = np.mean([values[f"content/{layer}"] for layer in settings.content_layers])
    names = [name.removeprefix("style/") for name in values if name.startswith("style/")]
    style = sum(share * values[f"style/{name}"] for name, share in style_shares(settings, names).items())
    for name in [name for name in names if halvings(name)]:  # a layer's own loss is that of all its sizes
        values[f"style/{layer_of(name)}"] += settings.forms ** halvings(name) * values.pop(f"style/{name}")
    return {"content": float(content), "style": float(style), **values}


def load_model(settings: Settings, precision: str = "float32", levels: int = 1) -> StyleContentModel:
    """The model that the settings describe, in float32 or bfloat16; made, and traced, once.

    levels: at how many sizes style is compared, the picture's and those of it halved.
    """
    layers = tuple(dict.fromkeys((*settings.style_layers, *settings.content_layers)))
    extractor = load_extractor(
        settings.extractor,
        layers,
        weights=settings.weights,
        pooling=settings.pooling,
        precision=precision,
        seed=settings.seed,
    )
    compared = {"style_loss": settings.style_loss, "convention": settings.convention}
    return _model(extractor, settings.style_layers, settings.content_layers, levels=levels, **compared)


_model = lru_cache(maxsize=16)(StyleContentModel)  # four runs, each with a few sizes
