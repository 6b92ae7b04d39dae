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


def cuts(frames):
    """Where shots begin, after the first."""
    detector = shots.CutDetector()
    return [i for i, frame in enumerate(frames) if detector.advance(frame)][1:]


def pan(seed, count=8, step=4):
    wide = scene(seed)
    return [wide[:, step * i : step * i + 320] for i in range(count)]


def tumbling(seed, count=10):
    """A large textured thing turns and comes nearer as it passes through a pan."""
    frames, thing = [], scene(seed + 50)[:, :320]
    y, x = np.mgrid[:180, :320]
    for i, frame in enumerate(pan(seed, count)):
        turn, middle, radius = np.deg2rad(20 * i), (40 + 25 * i, 90 + 20 * np.sin(i)), 70 + 4 * i
        turned = cv2.warpAffine(thing, cv2.getRotationMatrix2D((160, 90), 20 * i, 1.3), (320, 180))
        u = (x - middle[0]) * np.cos(turn) + (y - middle[1]) * np.sin(turn)
        v = (y - middle[1]) * np.cos(turn) - (x - middle[0]) * np.sin(turn)
        inside = ((u / radius) ** 2 + (v / (0.6 * radius)) ** 2 < 1)[..., None]
        frames.append(np.where(inside, turned, frame).astype(np.float32))
    return frames


def faded(seed):
    shares = (1, 0.7, 0.4, 0.1, 0.02, 0, 0, 0.05, 0.3, 0.6, 1)
    return [frame * np.float32(k) for frame, k in zip(pan(seed, len(shares)), shares, strict=True)]


def flashed(seed):
    frames = pan(seed)
    frames[4] = np.clip(frames[4] * 3 + 0.8, 0, 1)
    return frames


def covered(seed):
    """A smooth dark hand passes before the lens and covers it."""
    y, x = np.mgrid[:180, :320]
    hand = np.float32([0.5, 0.3, 0.2]) * (0.6 + 0.3 * np.sin(x / 60 + y / 90))[..., None]
    frames = []
    for frame, share in zip(pan(seed, 10), (0, 0.3, 0.6, 0.9, 1.3, 1.3, 0.9, 0.6, 0.3, 0), strict=True):
        soft = np.clip((320 * share - x) / 12, 0, 1)[..., None]
        frames.append((frame * (1 - soft) + hand * soft).astype(np.float32))
    return frames


def whipped(seed):
    wide = scene(seed, width=900)
    starts = (0, 5, 30, 80, 140, 200, 250, 280, 290)
    return [cv2.blur(wide[:, s : s + 320], (25, 1)) for s in starts]


@pytest.mark.parametrize("single", [pan, tumbling, faded, flashed, covered, whipped])
@pytest.mark.parametrize("seed", range(3))
def test_what_happens_within_a_shot_is_no_cut(single, seed):
    assert cuts(single(seed)) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("first", [pan, tumbling, faded, flashed, covered])
def test_a_cut_is_found_whatever_was_before_it(first, seed):
    before, other = first(seed), [frame * np.float32([0.3, 0.8, 0.5]) for frame in pan(seed + 20)]
    assert cuts([*before, *other]) == [len(before)]


def test_a_cut_is_found_across_black_frames():
    black = np.zeros((180, 320, 3), np.float32)
    assert cuts([*pan(0), black, black, *pan(20)]) == [10]
    assert cuts([*pan(0), black, *pan(0)]) == []


def test_the_first_frame_begins_a_shot_even_where_it_shows_nothing():
    detector = shots.CutDetector()
    assert [detector.advance(np.zeros((20, 30, 3), np.float32)) for _ in range(2)] == [True, False]


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
