"""A cut is seen; a pan, a flash, grain and a fade's single step are not."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from nstlib.media import clips
from nstlib.video import shots

SHARED = Path(__file__).parents[2] / ".." / "shared"


def scene(seed, height=180, width=480):
    """Blobs of colour, as unlike the next seed's as two photographs are."""
    rng = np.random.default_rng(seed)
    noise = sum(cv2.GaussianBlur(rng.normal(size=(height, width, 3)), (0, 0), s) * s for s in (2, 5, 12))
    return np.float32((noise - noise.min()) / np.ptp(noise))


def test_another_scene_is_a_cut():
    assert all(shots.is_cut(scene(i)[:, :320], scene(i + 1)[:, :320]) for i in range(10))


@pytest.mark.parametrize("shift", [0, 5, 30, 55])
@pytest.mark.parametrize("gain", [1.0, 0.5, 1.4])
def test_a_pan_or_a_flash_is_no_cut(shift, gain):
    wide = scene(0)
    brighter = np.clip(wide * gain + (gain - 1) * 0.1, 0, 1)
    assert not shots.is_cut(wide[:, :320], brighter[:, shift : shift + 320])


def test_grain_is_no_cut():
    picture, rng = scene(1)[:, :320], np.random.default_rng(1)
    assert not shots.is_cut(picture, np.float32(np.clip(picture + rng.normal(0, 0.05, picture.shape), 0, 1)))


def test_frames_without_texture_are_told_by_colour():
    black, grey, dark = (np.full((20, 30, 3), v, np.float32) for v in (0, 0.5, 0.05))
    assert shots.is_cut(black, grey)
    assert not shots.is_cut(black, dark)
    assert shots.is_cut(black, scene(0)[:20, :30])


def test_another_size_is_a_cut():
    assert shots.is_cut(scene(0), scene(0)[:100])


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (7, 5), (200, 10)])
def test_any_size_is_compared(size):
    image = np.random.default_rng(0).random((*size, 3), np.float32)
    assert not shots.is_cut(image, image)


@pytest.mark.skipif(not (SHARED / "clips").is_dir(), reason="../shared/clips is missing")
def test_real_film_has_no_cut_within_and_one_between():
    films = [list(clips.read_frames(SHARED / "clips" / f"{name}.mp4", size=320)) for name in ("cockatoo", "walk_1080p")]
    assert not any(shots.is_cut(a, b) for frames in films for a, b in pairwise(frames))
    assert shots.is_cut(films[0][-1], films[1][0])
