"""What reproducing the papers takes: every layer, white noise, converted weights, reconstructions, labelled figures.

"The paper" is Chaudhary, Goyal, Iyer, Tripathi, *Neural Style Transfer on Videos*; its method is Gatys et al. 2016.

>>> painting, settings = nst.samples.styles()["ink"], nst.Settings(size=64, steps=2)
>>> run = nst.paper.from_noise(nst.samples.frame(30), painting, settings)
>>> figure = nst.paper.figures(nst.samples.frame(30), {"ink": run.finish()}, {"ink": nst.load(painting)})
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.model import Targets, load_model
from ..core.run import Run
from ..core.styles import Picture, Styles
from ..errors import NstlibError, choose
from ..media import images
from ..networks.compact import SITES
from ..networks.vgg19 import CHANNELS
from ..settings import EXTRACTORS, Settings
from . import plots
from .conversions import convert_weights
from .plots import COLORS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONTENT_LAYERS = tuple(f"block{i}_conv2" for i in range(1, 6))  # of the reconstructions in Gatys et al. 2016, figure 1


def all_layers(extractor: str) -> tuple[str, ...]:
    """Every convolution that the extractor has features of: VGG19's 16, `compact`'s 13 (it ends at block5_conv1)."""
    if extractor not in EXTRACTORS:
        raise choose("extractor", extractor, EXTRACTORS)
    return tuple(name for name in CHANNELS if extractor != "compact" or name in SITES)


def white_noise(shape: tuple[int, int], *, sigma: float = 0.02, seed: int = 0) -> np.ndarray:
    """½ + σ n, n normal and independent in every value: (H, W, 3) in [0, 1], a start for `Run(start=…)`.

    sigma: in pixel values of 0 to 1. Gatys' published code draws σ = 1/255; `Settings(init="noise")` is uniform in
    [0, 1], whose finest grain takes L-BFGS many more steps to smooth.
    """
    noise = np.random.default_rng(seed).standard_normal((*shape, 3))
    return np.clip(0.5 + sigma * noise, 0, 1).astype(np.float32)


def convert(content: Picture, style: Picture | Sequence[Picture], settings: Settings, convention: str) -> Settings:
    """Settings of the same loss in another convention, for this pair of pictures at `settings.size`.

    `conversions.convert_weights` with the targets of a run. Raises NstlibError for pictures that cannot be read.
    """
    model, content = load_model(settings), images.load(content, size=settings.size)
    styles = Styles(style, settings).statistics(model, max(content.shape[:2]))
    targets = Targets(model.outputs(content)["content"], styles, shares=np.ones(1, np.float32))
    return convert_weights(settings, convention, targets, model.extractor.channels, content.shape[:2])


def from_noise(
    content: Picture, style: Picture | Sequence[Picture], settings: Settings, *, sigma: float = 0.02, seed: int = 0
) -> Run:
    """The paper's run: from `white_noise(sigma=…, seed=…)` of the result's size, by the loss of the picture alone."""
    shape = images.fit(images.shape_of(content), settings.size)
    alone = replace(settings, init="noise", forms=0, border=0)
    return Run(content, style, alone, start=white_noise(shape, sigma=sigma, seed=seed))


def content_from(picture: Picture, layer: str, settings: Settings) -> np.ndarray:
    """argmin_x Σ (F(x) − F(picture))² in one layer, from white noise (Gatys et al. 2016, figure 1, below).

    Returns (H, W, 3): what of the picture the layer still knows.
    """
    alone = {"content_layers": (layer,), "style_layers": (layer,), "style_layer_weights": ()}
    settings = replace(settings, **alone, content_weight=1.0, style_weight=0.0, tv_weight=0.0)
    return from_noise(picture, picture, settings).finish()


def style_from(picture: Picture, layers: Sequence[str], settings: Settings) -> np.ndarray:
    """argmin_x Σ_l w_l Σ (G(x) − G(picture))² over the layers, from white noise (Gatys et al. 2016, figure 1, above).

    Returns (H, W, 3): a texture, without the picture's arrangement.
    """
    alone = {"content_layers": tuple(layers[:1]), "style_layers": tuple(layers), "style_layer_weights": ()}
    settings = replace(settings, **alone, content_weight=0.0, style_weight=1.0, tv_weight=0.0)
    return from_noise(picture, picture, settings).finish()


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Spearman's ρ: the correlation of the ranks; 1 where y rises with every rise of x, −1 where it falls.

    x, y: of one length, at least 2, without ties. Raises NstlibError for other lengths.
    """
    if len(x) != len(y) or len(x) < 2:
        raise NstlibError(f"{len(x)} values against {len(y)}; give two lists of one length, at least 2")
    return float(np.corrcoef(np.argsort(np.argsort(x)), np.argsort(np.argsort(y)))[0, 1])


def figures(
    original: np.ndarray, styled: Mapping[str, np.ndarray], styles: Mapping[str, np.ndarray], *, title: str = ""
) -> "Figure":
    """The paper's figures 1 to 7 in its order: the original image, the styled ones, the style images below them.

    styled, styles: images (H, W, 3) by the style's name, as many of one as of the other, else NstlibError.
    """
    if list(styled) != list(styles):
        raise NstlibError(
            f"styled images {', '.join(styled)} and style images {', '.join(styles)}; give the same names"
        )
    import matplotlib.pyplot as plt

    columns, height = len(styled), original.shape[0] / original.shape[1]
    tall = max(style.shape[0] / style.shape[1] for style in styles.values())
    figure = plt.figure(figsize=(4 * columns, 4 * (2 * height + min(tall, 1.2)) + 1.6), layout="constrained")
    rows = figure.subfigures(3, 1, height_ratios=[height + 0.1, height + 0.1, min(tall, 1.2) + 0.1])
    captions = [f"Styled Image {i + 1} ({name})" for i, name in enumerate(styled)]
    captions += [f"Style Image {i + 1} ({name})" for i, name in enumerate(styles)]
    _row(rows[0], [original], ["Original Image"], 1, columns)
    _row(rows[1], list(styled.values()), captions[:columns], 2, columns)
    _row(rows[2], list(styles.values()), captions[columns:], 2 + columns, columns)
    figure.suptitle(title, fontsize=13)
    return figure


def _row(figure: "Figure", pictures: Sequence[np.ndarray], captions: Sequence[str], first: int, columns: int) -> None:
    """A row of captioned pictures, each a column wide; one alone stands in the middle."""
    side = (columns - len(pictures)) / 2
    ratios = [side, *[1.0] * len(pictures), side] if side else [1.0] * len(pictures)
    axes = figure.subplots(1, len(ratios), width_ratios=ratios, squeeze=False)[0]
    for axis in axes:
        axis.axis("off")
    for number, (axis, picture) in enumerate(zip(axes[bool(side) :], pictures, strict=False)):
        axis.imshow(picture, vmin=0, vmax=1)
        axis.text(
            0.5, -0.03, f"Figure {first + number}. {captions[number]}", ha="center", va="top", transform=axis.transAxes
        )


def trends(x: Sequence[float], measured: Mapping[str, Sequence[float]], *, label: str, title: str = "") -> "Figure":
    """One panel a name, from 0 up: what was measured over x, as points, with Spearman's ρ above."""
    import matplotlib.pyplot as plt

    columns = min(2, len(measured))
    rows = -(-len(measured) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(5.6 * columns, 3.4 * rows), squeeze=False, layout="constrained")
    for axis, (name, values), color in zip(axes.flat, measured.items(), COLORS * 3, strict=False):
        axis.plot(x, values, "o-", color=color, linewidth=1, markersize=6)
        axis.set(title=f"ρ = {rank_correlation(x, values):+.2f}", xlabel=label, ylabel=name, ylim=(0, None))
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(measured) :]:
        axis.axis("off")
    figure.suptitle(title, fontsize=13)
    return figure


def write(figure: "Figure", stem: Path) -> list[Path]:
    """The figure as STEM.png (150 dots an inch) and STEM.pdf; it stays open. NstlibError where they cannot be."""
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "pdf")]
    for path in paths:
        if not path.parent.is_dir():
            raise NstlibError(f"{path}: there is no folder {path.parent}; make it first")
        plots.write(figure, path)
    return paths
