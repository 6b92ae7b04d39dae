"""What several tests share: a small photograph and painting, and settings that keep a run under a second."""

import os
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # each has a core
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the reference folder ../shared is not here")
OLD_KERAS = tuple(map(int, version("keras").split(".")[:2])) < (3, 13)
trains = pytest.mark.skipif(OLD_KERAS, reason="training needs Keras 3.13, and with it Python 3.11")


DEAREST = ["house/test_notebooks.py", "studio/test_studio_browser.py", "core/test_windows.py", "studio/test_studio.py"]
DEAREST += ["house/test_face.py", "house/test_kills.py", "workshop/test_distill.py", "networks/test_instant.py"]


def pytest_collection_modifyitems(items):
    """The dearest files first, so that the workers, to which files are dealt in this order, end together."""
    rank = {name: place for place, name in enumerate(DEAREST)}
    tests = Path(__file__).parent
    items.sort(key=lambda item: rank.get(item.path.relative_to(tests).as_posix(), len(rank)))


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
    """Settings of a run that takes well under a second, the same on any processor."""
    from nstlib.settings import Settings

    layers = ("block1_conv1", "block2_conv1")
    return Settings(
        extractor="random",
        precision="float32",
        size=64,
        steps=6,
        border=0,
        style_layers=layers,
        content_layers=("block2_conv1",),
    )


@contextmanager
def eagerly():
    """TensorFlow without graphs, whose traces take seconds: for few and small steps."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture
def untraced():
    """A test without graphs."""
    with eagerly():
        yield


TOY = {1: 4, 2: 6, 3: 8, 4: 10, 5: 10}


def toy_teacher(seed: int = 0) -> dict[str, np.ndarray]:
    """A random slim VGG19 in the layout of a teacher's file."""
    from nstlib.workshop.training.distill_teacher import CONVOLUTIONS

    rng, cin, weights = np.random.default_rng(seed), 3, {}
    weights["conv0/kernel"], weights["conv0/bias"] = np.eye(3)[None, None], np.full(3, -0.5)
    for block, count in CONVOLUTIONS.items():
        for i in range(1, count + 1):
            cout = TOY[block]
            weights[f"conv{block}{i}/kernel"] = rng.normal(0, np.sqrt(2 / 9 / cin), (3, 3, cin, cout))
            weights[f"conv{block}{i}/bias"] = rng.normal(0, 0.1, cout)
            cin = cout
        weights[f"conv{block}1_aux/kernel"] = rng.normal(0, 0.5, (1, 1, cin, 3 * cin))
        weights[f"conv{block}1_aux/bias"] = rng.normal(0, 0.5, 3 * cin)
    return {name: array.astype(np.float32) for name, array in weights.items()}


@pytest.fixture
def folder(tmp_path):
    """A folder with teacher.npz, photos/ and paintings/ of noise: what a training needs."""
    import cv2

    np.savez(tmp_path / "teacher.npz", **toy_teacher())
    rng = np.random.default_rng(1)
    for kind in ("photos", "paintings"):
        (tmp_path / kind).mkdir()
        for i in range(3):
            image = cv2.resize(rng.integers(0, 256, (9, 12, 3), np.uint8), (80, 64), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(tmp_path / kind / f"{i}.png"), image)
    return tmp_path


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """A Dask cluster of two workers, for tests that end none of it but workers: see `cluster`."""
    from nstlib.workshop.bench._cluster import cluster

    with cluster(tmp_path_factory.mktemp("dask"), paths=[Path(__file__).parent]) as found:
        yield found
