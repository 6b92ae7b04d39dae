"""Figures: pictures side by side, loss curves, features and Gram matrices as pictures."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import NstlibError
from ..media import files, images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = str | os.PathLike | np.ndarray

# Okabe and Ito's colours, told apart by colour-blind readers too
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def show(
    pictures: "Mapping[str, Picture] | Sequence[Picture] | Picture", *, columns: int | None = None, title: str = ""
) -> "Figure":
    """The pictures under their captions, in a grid; one picture or several without captions do too.

    pictures: paths, images (H, W, 3), or maps (H, W), which are shown in grey; columns: so many beside one another.

    >>> figure = nst.show({"frame 0": nst.samples.frame(0), "frame 30": nst.samples.frame(30)})
    >>> figure.savefig("frames.png")
    """
    if not isinstance(pictures, Mapping):
        several = isinstance(pictures, Sequence) and not isinstance(pictures, str)
        pictures = dict(enumerate(pictures if several else [pictures]))
    shown = {caption: _shown(picture) for caption, picture in pictures.items()}
    if not shown:
        raise NstlibError("there is no picture to show")

    columns = columns or len(shown)
    rows = -(-len(shown) // columns)
    height, width = next(iter(shown.values())).shape[:2]
    captions = 0.35 * rows + 0.4 * bool(title)  # inches
    across = 3.6 if len(shown) > 1 else 7.2 * min(1, width / height)  # inches, of a picture; one alone is large
    figure, axes = _figure(rows, columns, (across * columns, across * rows * height / width + captions))

    for axis in axes.flat:
        axis.axis("off")
    for axis, (caption, image) in zip(axes.flat, shown.items(), strict=False):
        axis.imshow(image, cmap="gray" if image.ndim == 2 else None, vmin=0, vmax=1)
        axis.set_title(caption if isinstance(caption, str) else "", fontsize=11)
    if title:
        figure.suptitle(title, fontsize=13)
    return figure


def _shown(picture: Picture) -> np.ndarray:
    is_map = isinstance(picture, np.ndarray) and picture.ndim == 2
    return picture if is_map else images.load(picture)


def loss_curves(
    curves: Mapping[str, Sequence[float]], *, title: str = "Losses", enlargements: Sequence[int] = ()
) -> "Figure":
    """Two panels: the terms over the evaluations, and the style loss of each layer; both logarithmic.

    Terms are unweighted, but for `total`, their weighted sum.

    curves: a run's, by the names of `Step.losses`. enlargements: a run's, drawn as dotted lines, where losses jump,
    since they are those of a larger picture. Raises NstlibError where there is none of the curves.

    >>> run = nst.Run(nst.samples.frame(30), nst.samples.frame(0), nst.Settings(size=64, steps=3))
    >>> picture = run.finish()
    >>> figure = nst.loss_curves(run.curves, enlargements=run.enlargements)
    """
    terms = [n for n in ("total", "content", "style", "temporal", "total_variation") if n in curves]
    layers = [n for n in curves if n.startswith("style/")]
    if not terms and not layers:
        raise NstlibError(f"none of {', '.join(curves) or 'no curves'} is a run's loss; give run.curves")
    figure, axes = _figure(1, 2, (13, 4))
    titles = "Terms, unweighted; total weighted", "Style by layer"
    for axis, names, what in zip(axes[0], (terms, layers), titles, strict=True):
        for name, color in zip(names, COLORS * 3, strict=False):
            label = name.removeprefix("style/").replace("_", " ")
            axis.plot(range(1, len(curves[name]) + 1), curves[name], label=label, color=color, linewidth=1.5)
        for number, evaluation in enumerate(enlargements):
            label = "" if number else "a larger picture"
            axis.axvline(evaluation + 0.5, label=label, color="0.6", linestyle=":", linewidth=1)
        axis.set(title=what, xlabel="evaluations", ylabel="loss", yscale="log")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))  # beside, since curves fill the panel
    figure.suptitle(title, fontsize=13)
    return figure


def show_features(layer: str, activations: np.ndarray, *, count: int = 8) -> "Figure":
    """The `count` channels of a layer that vary most, each scaled to its own range; activations (1, h, w, C).

    >>> extract = nst.load_extractor("random", ("block1_conv1",))
    >>> features = extract(nst.samples.frame(30, size=(36, 64))[None])
    >>> figure = nst.show_features("block1_conv1", features["block1_conv1"])
    """
    maps = np.asarray(activations)[0]
    strongest = np.argsort(maps.std(axis=(0, 1)))[::-1][:count]
    scaled = {f"channel {c}": (maps[..., c] - maps[..., c].min()) / (np.ptp(maps[..., c]) + 1e-9) for c in strongest}
    return show(scaled, columns=min(4, count), title=f"Features of {layer}")


def show_gram_matrices(grams: Mapping[str, np.ndarray], *, title: str = "Gram matrices") -> "Figure":
    """Each Gram matrix (C, C) as a picture of log10 of its entries' size, with a colour bar.

    >>> extract = nst.load_extractor("random", ("block1_conv1",))
    >>> features = extract(nst.samples.frame(30, size=(36, 64))[None])
    >>> figure = nst.show_gram_matrices({name: nst.gram_matrix(f) for name, f in features.items()})
    """
    figure, axes = _figure(1, len(grams), (3.4 * len(grams), 3.4))
    for axis, (name, gram) in zip(axes.flat, grams.items(), strict=True):
        values = np.log10(np.abs(np.asarray(gram).squeeze()) + 1e-6)
        shown = axis.imshow(values, cmap="magma", vmin=np.percentile(values, 5), vmax=values.max())
        axis.set(title=name, xlabel="channel", ylabel="channel")
        for side in (axis.xaxis, axis.yaxis):
            side.get_major_locator().set_params(integer=True)
        figure.colorbar(shown, ax=axis, shrink=0.8, label="log10 |G|")
    figure.suptitle(title, fontsize=13)
    return figure


def frame_curves(
    curves: Mapping[str, Sequence[float]], *, title: str = "", label: str = "", unit: str = "frame"
) -> "Figure":
    """One line a name over the frames (or another `unit`), logarithmic; None and NaN leave a gap.

    >>> errors = {"steady": [0.001, 0.002, None], "independent": [0.1, 0.2, None]}
    >>> figure = nst.frame_curves(errors, title="Warping error", label="E_warp")
    """
    figure, axes = _figure(1, 1, (9, 3.6))
    for (name, values), color in zip(curves.items(), COLORS * 3, strict=False):
        known = np.array([np.nan if value is None else value for value in values], float)
        axes[0, 0].plot(known, label=name, color=color, linewidth=1.5)
    axes[0, 0].set(title=title, xlabel=unit, ylabel=label, yscale="log")
    axes[0, 0].xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].grid(alpha=0.3)
    figure.legend(fontsize=9, loc="outside lower center", ncols=2)
    return figure


def warping_curves(measured: "Mapping[str, Mapping]", *, title: str = "Warping error to the next frame") -> "Figure":
    """E_warp of each film over its frames, and the source's own, which is the floor; their means beside the names.

    measured: what `measure` returned for each film of one source, by the film's name.

    >>> source = [nst.samples.frame(t, size=(36, 64)) for t in (20, 21, 22)]
    >>> still = [source[0]] * 3
    >>> figure = nst.warping_curves({"still": nst.measure(source, still)})
    """
    own = next(iter(measured.values()), None)
    if own is None:
        raise NstlibError("there is no film to show; give {name: nst.measure(source, its frames)}")

    films = {name: ("warping_error", found) for name, found in measured.items()}
    films["source"] = ("source_warping_error", own)

    def named(name: str, key: str, found: Mapping) -> str:
        mean = found["mean"].get(key)
        return name if mean is None else f"{name}, {mean:.2g} on average"

    curves = {
        named(name, key, found): [row.get(key) for row in found["per_frame"]] for name, (key, found) in films.items()
    }
    return frame_curves(curves, title=title, label="E_warp")


def show_flow(flows: Mapping[str, np.ndarray], *, title: str = "") -> "Figure":
    """Each flow in two panels, how far to the right and how far down, with their scale and axes in pixels.

    flows: (H, W, 2) by their names. One scale for all, so that they can be compared.

    >>> exact, _ = nst.samples.exact_flow(20, 22)
    >>> figure = nst.show_flow({"exact": exact})
    """
    if not flows:
        raise NstlibError("there is no flow to show")
    height, width = next(iter(flows.values())).shape[:2]
    largest = max(float(np.abs(flow).max()) for flow in flows.values()) or 1.0
    figure, axes = _figure(len(flows), 2, (11, len(flows) * (5.2 * height / width + 0.6) + 0.4 * bool(title)))
    for row, (name, flow) in zip(axes, flows.items(), strict=True):
        for axis, component, way in zip(row, np.moveaxis(flow, -1, 0), ("to the right", "down"), strict=True):
            shown = axis.imshow(component, cmap="RdBu_r", vmin=-largest, vmax=largest)
            axis.set(title=f"{name}: {way}", xlabel="x, pixels", ylabel="y, pixels")
    figure.colorbar(shown, ax=axes, label="pixels", shrink=0.8)
    if title:
        figure.suptitle(title, fontsize=13)
    return figure


def flow_colors(flow: np.ndarray, *, largest: float | None = None) -> np.ndarray:
    """Motion as a picture: the hue is its direction, the saturation its length; still is white.

    flow (H, W, 2) in pixels; largest: the length that is fully coloured (the longest). Returns (H, W, 3) in [0, 1].

    >>> exact, _ = nst.samples.exact_flow(20, 22)
    >>> figure = nst.show({"motion": nst.flow_colors(exact)})
    """
    from matplotlib.colors import hsv_to_rgb

    length = np.linalg.norm(flow, axis=-1)
    hue = np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi) % 1
    strong = np.clip(length / max(largest or length.max(), 1e-9), 0, 1)
    return hsv_to_rgb(np.stack([hue, strong, np.ones_like(hue)], axis=-1)).astype(np.float32)


def write(figure: "Figure", path: str | Path) -> None:
    """The figure in a file, by its extension, 150 dots an inch; it stays open. NstlibError where it cannot be."""
    with files.whole(Path(path)) as beside:
        figure.savefig(beside, dpi=150, bbox_inches="tight", pad_inches=0.05)


def save(figure: "Figure", path: str | Path) -> None:
    """As `write`, and closed, also where it cannot be written."""
    import matplotlib.pyplot as plt

    try:
        write(figure, path)
    finally:
        plt.close(figure)


def _figure(rows: int, columns: int, size: tuple[float, float]) -> "tuple[Figure, np.ndarray]":
    import matplotlib.pyplot as plt  # here, because importing it takes longer than the rest of the package

    return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
