"""Puts the compact extractor's features on the scale of Keras's VGG19: one factor a layer, kept in the weights file.

    python -m nstlib.workshop.training.calibrate --photos PHOTOS --teacher TEACHER.npz --weights compact.npz

The TensorFlow tutorial prints the mean of VGG19's Gram matrices, over all N x N entries, for a photograph. A folded
head keeps sums of squares and no means, so that of its own C channels tells nothing. The teacher's maps into VGG19's N
channels do: over the same photographs they have the mean of the Gram matrix and its norm, and what a loss sees of the
real network is the norm that goes with the published mean, published · ‖G‖ / mean G. VGG19's features are never
negative, so those of the maps are clipped at 0 before they are compared; compact's are as they leave its heads.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from keras import ops

from ...networks import compact
from .course import command
from .distill_data import read_folder
from .distill_teacher import CONVOLUTIONS, slim

# Means of Gram matrices (divided by the positions) and of features, on two photographs of about 512 px each.
PUBLISHED_GRAMS = {
    "block1_conv1": (366.3, 263.8),
    "block2_conv1": (9182.0, 9101.0),
    "block3_conv1": (7853.0, 7661.0),
    "block4_conv1": (159650.0, 134289.0),
    "block5_conv1": (1300.0, 1487.0),
}
PUBLISHED_FEATURES = {"block5_conv2": (13.31, 13.76)}
SIDE = 512


def published(layer: str) -> float:
    """The geometric mean of a layer's two published figures."""
    return float(np.exp(np.mean(np.log((PUBLISHED_GRAMS | PUBLISHED_FEATURES)[layer]))))


def photographs(folder: str, count: int) -> Iterator[np.ndarray]:
    """Some photographs of a folder, evenly picked, at SIDE pixels: (1, H, W, 3) in [0, 1]."""
    for photo in read_folder(folder, short=1, count=count):
        k = SIDE / max(photo.shape[:2])
        size = [round(n * k) for n in photo.shape[1::-1]]
        yield cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC if k > 1 else cv2.INTER_AREA)[None] / np.float32(
            255
        )


def gram(features: np.ndarray) -> np.ndarray:
    """Fᵀ F / M of features (1, h, w, C), in float64."""
    flat = np.reshape(features, (-1, features.shape[-1])).astype(np.float64)
    return flat.T @ flat / len(flat)


def full_features(weights: dict[str, np.ndarray], image: np.ndarray) -> dict[str, np.ndarray]:
    """The teacher's features in VGG19's own N channels, clipped at 0: {block1_conv1 … block5_conv1: (1, h, w, N)}."""
    seen = slim(weights)(image)
    full = {}
    for block in CONVOLUTIONS:
        kernel, bias = weights[f"conv{block}1_aux/kernel"][0, 0], weights[f"conv{block}1_aux/bias"]
        full[f"block{block}_conv1"] = np.maximum(ops.convert_to_numpy(seen[f"conv{block}1"]) @ kernel + bias, 0)
    return full


def measures(full: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Of a layer on a photograph: mean G, |G|, |G_own|, mean F, |F|², |F_own|²; own: compact's features."""
    matrix, folded = gram(full), gram(own)
    norms = [np.linalg.norm(m) for m in (matrix, folded)]
    return np.array([matrix.mean(), *norms, full.mean(), np.trace(matrix), np.trace(folded)])


def factors(
    weights: dict[str, np.ndarray], teacher: dict[str, np.ndarray], photos: Iterator[np.ndarray]
) -> dict[str, float]:
    """{layer: factor} of every layer's head; a layer without a published figure has its block's."""
    measured: dict[str, list[np.ndarray]] = {layer: [] for layer in PUBLISHED_GRAMS}
    for photo in photos:
        full = full_features(teacher, photo)
        for layer, own in zip(measured, compact.features(weights, photo, tuple(measured)), strict=True):
            measured[layer].append(measures(full[layer], ops.convert_to_numpy(own)))

    found = {}
    for layer in (*compact.SITES, *compact.NEAREST):
        first = f"{layer[:-1]}1"
        mean, norm, own_norm, feature, energy, own_energy = np.mean(measured[first], axis=0)
        if layer in PUBLISHED_FEATURES:
            found[layer] = published(layer) / feature * np.sqrt(energy / own_energy)
        else:
            found[layer] = np.sqrt(published(first) / mean * norm / own_norm)
    return found


def random_factors(photos: Iterator[np.ndarray], seeds: int = 2) -> dict[str, float]:
    """{layer: factor} that puts VGG19 with He-scaled random weights on the same scale."""
    from ...core.features import load_extractor

    layers = (*PUBLISHED_GRAMS, *PUBLISHED_FEATURES)
    extractors = [load_extractor("random", layers, seed=seed) for seed in range(seeds)]
    means = {layer: [] for layer in layers}
    for photo in photos:
        for layer, features in ((n, f.numpy()) for e in extractors for n, f in e(photo).items()):
            means[layer].append(features.mean() if layer in PUBLISHED_FEATURES else gram(features).mean())
    ratios = {layer: published(layer) / np.mean(found) for layer, found in means.items()}
    return {layer: float(ratio if layer in PUBLISHED_FEATURES else np.sqrt(ratio)) for layer, ratio in ratios.items()}


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    ask = argparse.ArgumentParser(
        prog="python -m nstlib.workshop.training.calibrate", description=__doc__.splitlines()[0]
    )
    ask.add_argument("--photos", required=True, help="folder of photographs")
    ask.add_argument("--teacher", required=True, help="the .npz of a slim VGG19")
    ask.add_argument("--weights", required=True, help="the .npz of compact's weights; the factors go into it")
    ask.add_argument("--count", type=int, default=100, help="how many photographs")
    ask.add_argument("--random", type=int, default=0, help="print the random network's factors too, by so many of them")
    args = ask.parse_args(arguments)
    weights = compact.load(args.weights, scaled=False)
    found = factors(weights, dict(np.load(args.teacher)), photographs(args.photos, args.count))
    for layer, factor in found.items():
        print(f"{layer} {factor:.4g}")
        weights[f"{layer}/scale"] = np.array(factor)
    print(compact.save(Path(args.weights), weights))
    if args.random:
        for layer, factor in random_factors(photographs(args.photos, args.random)).items():
            print(f"random {layer} {factor:.4g}")


if __name__ == "__main__":
    command(main)
