"""What several tests share: a small photograph and painting, and settings that keep a run under a second."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the reference folder ../shared is not here")


def smooth_noise(seed: int, shape: tuple[int, int]) -> np.ndarray:
    """A coloured picture (H, W, 3) with detail at several scales."""
    import cv2

    rng = np.random.default_rng(seed)
    image = sum(cv2.resize(rng.random((n, n, 3)), shape[::-1], interpolation=cv2.INTER_CUBIC) for n in (3, 9, 27))
    return np.clip(image / 3, 0, 1).astype(np.float32)


@pytest.fixture
def content() -> np.ndarray:
    return smooth_noise(1, (48, 64))


@pytest.fixture
def style() -> np.ndarray:
    return smooth_noise(2, (56, 40))


@pytest.fixture
def small():
    """Settings of a run that takes well under a second."""
    from nstlib.settings import Settings

    layers = ("block1_conv1", "block2_conv1")
    return Settings(extractor="random", size=64, steps=6, style_layers=layers, content_layers=("block2_conv1",))


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """A Dask cluster of two workers, for tests that end none of it but workers: see `cluster`."""
    from nstlib.bench._cluster import cluster

    with cluster(tmp_path_factory.mktemp("dask"), paths=[Path(__file__).parent]) as found:
        yield found
