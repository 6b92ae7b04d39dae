"""What the numbers say: nothing lost scores nothing, and each measure answers to its own fault and to hand values."""

import json

import cv2
import numpy as np
import pytest
from footage import pan, texture

from nstlib import samples
from nstlib.errors import NstlibError
from nstlib.media import clips
from nstlib.research import metrics


def shifted(dx):
    return np.tile(np.float32([dx, 0]), (64, 96, 1))


ALL = np.ones((64, 96), bool)


def test_a_moved_picture_has_no_warping_error():
    a, b = pan(2)
    inside = ALL.copy()
    inside[:, :3] = False
    assert metrics.warping_error(a, b, shifted(-2), inside) < 1e-12
    assert metrics.warping_error(a, b, shifted(0), inside) > 1e-3


def test_warping_error_is_the_mean_square_over_masked_pixels_and_channels():
    a = np.zeros((64, 96, 3), np.float32)
    b = a + np.float32([0.1, 0.2, 0.3])
    expected = (0.01 + 0.04 + 0.09) / 3
    assert metrics.warping_error(a, b, shifted(0), ALL) == pytest.approx(expected, rel=1e-5)
    b[:32] = 1
    lower = ALL.copy()
    lower[:32] = False
    assert metrics.warping_error(a, b, shifted(0), lower) == pytest.approx(expected, rel=1e-5)
    assert np.isnan(metrics.warping_error(a, b, shifted(0), ~ALL))


def test_ssim_of_a_picture_with_itself_is_one():
    assert metrics.ssim(texture(), texture()) == pytest.approx(1, abs=1e-9)


def test_ssim_of_flat_pictures_is_the_luminance_term():
    a, b = np.full((32, 32, 3), 0.2), np.full((32, 32, 3), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.04 + 0.36 + 1e-4)
    assert metrics.ssim(a, b) == pytest.approx(expected, rel=1e-6)


def test_ssim_by_hand():
    a, b = (np.float64(texture(11, 11, seed)[..., :1]) for seed in (0, 1))
    g = np.exp(-((np.arange(-5, 6)) ** 2) / (2 * 1.5**2))
    window = np.outer(g, g) / np.outer(g, g).sum()
    index = np.abs(np.arange(-5, 16))  # the window's reach around each pixel, mirrored at the border
    index = np.where(index > 10, 20 - index, index)
    scores = []
    for y in range(11):
        for x in range(11):
            near = np.ix_(index[y : y + 11], index[x : x + 11])
            p, q = a[..., 0][near], b[..., 0][near]
            m, n = (window * p).sum(), (window * q).sum()
            pp, qq, pq = ((window * u).sum() for u in (p * p, q * q, p * q))
            covariance, variances = pq - m * n, pp - m * m + qq - n * n
            top = (2 * m * n + 1e-4) * (2 * covariance + 9e-4)
            scores.append(top / ((m * m + n * n + 1e-4) * (variances + 9e-4)))
    assert metrics.ssim(a, b) == pytest.approx(np.mean(scores), rel=1e-6)


def test_noise_and_blur_lower_ssim():
    picture = texture(sigma=1)
    noisy = picture + np.random.default_rng(1).normal(0, 0.1, picture.shape).astype(np.float32)
    assert metrics.ssim(picture, cv2.GaussianBlur(picture, (0, 0), 2)) < 0.7
    assert metrics.ssim(picture, noisy) < 0.9


def test_drift_sees_darkening_and_blurring_of_what_stands_still():
    scene, painted = texture(), texture(seed=3, sigma=1) * 0.5 + 0.3
    drift = metrics.Drift(scene, painted)
    same = drift(scene, painted)
    assert (same["brightness"], same["sharpness"], same["still"]) == (0, 0, pytest.approx(1, abs=0.1))
    assert drift(scene, painted * 0.9)["brightness"] == pytest.approx(-0.1, abs=1e-5)
    blurred = drift(scene, cv2.GaussianBlur(painted, (0, 0), 1))
    assert blurred["sharpness"] < -0.5
    assert abs(blurred["brightness"]) < 0.01


def test_drift_looks_only_where_nothing_has_moved():
    scene = texture()
    moved = scene.copy()
    moved[:, :48] = texture(seed=5)[:, :48]
    drift = metrics.Drift(scene, scene)
    drift(moved, scene)
    painted = scene.copy()
    painted[:, :40] = 0  # changed where the source has moved: no drift
    found = drift(scene, painted)
    assert found["brightness"] == pytest.approx(0, abs=1e-6)
    assert 0.3 < found["still"] < 0.5
    assert metrics.Drift(scene, scene)(texture(seed=5), scene) == {}


def test_where_nothing_stands_still_there_is_no_drift():
    """A shot's first frame, which is like itself, says nothing of it."""
    noise = [texture(seed=i) for i in range(4)]
    assert metrics.measure(pan(4, step=10), noise)["drift"] is None
    assert metrics.measure([texture()] * 3, noise[:3])["drift"]["still"] > 0.9


def test_measure_of_the_source_itself_is_its_own_floor():
    found = metrics.measure(pan(4), pan(4))
    assert json.loads(json.dumps(found)) == found
    assert (found["frames"], found["cuts"], len(found["per_frame"])) == (4, [], 4)
    assert found["mean"]["ssim"] == pytest.approx(1)
    assert found["mean"]["warping_error"] == found["mean"]["source_warping_error"] < 1e-4
    assert "warping_error" not in found["per_frame"][-1]


def test_measure_tells_flicker_from_steadiness():
    steady = metrics.measure(pan(4), pan(4, seed=1))["mean"]["warping_error"]
    flicker = metrics.measure(pan(4), [texture(seed=i) for i in range(4)])["mean"]["warping_error"]
    assert flicker > 100 * steady


def test_measure_leaves_cuts_out():
    source = [*pan(3), *pan(3, seed=7)]
    found = metrics.measure(source, source)
    assert found["cuts"] == [3]
    assert "warping_error" not in found["per_frame"][2]
    assert found["mean"]["warping_error"] < 1e-4


def test_measure_scales_the_source_and_refuses_other_lengths():
    small = [cv2.resize(frame, (48, 32), interpolation=cv2.INTER_AREA) for frame in pan(3)]
    assert metrics.measure(pan(3), small)["mean"]["ssim"] > 0.99
    with pytest.raises(NstlibError, match="the result ends after 2 frames"):
        metrics.measure(pan(3), small[:2])
    with pytest.raises(NstlibError, match="the source ends after 3 frames"):
        metrics.measure(small, pan(4))


def test_one_frame_is_measured():
    found = metrics.measure([texture()], [texture()])
    assert found["mean"] == {"ssim": pytest.approx(1)}
    assert found["drift"] is None


def test_the_sample_clip_is_measured_with_its_exact_motion():
    clip = clips.probe(samples.clip(), every=2, size=320)
    first, second, *_ = clips.read_frames(clip)
    w, mask = metrics.motion_of(clip)(0, first, second)
    expected, _ = samples.exact_flow(0, 2, size=first.shape[:2])
    assert np.array_equal(w, expected)
    assert mask.dtype == bool and mask.mean() > 0.5
    assert metrics.motion_of(clips.Clip(samples.styles()["ink"], 1, 1, 1, range(1))) is metrics.estimated_motion


def test_style_and_content_distance():
    def extractor(image):
        return {f"block{i}_conv1": np.float32(image) * i for i in range(1, 6)}

    a, b = texture(), texture(seed=1) * 0.5
    grams = metrics.style_grams(b, extractor)
    assert metrics.style_distance(b, grams, extractor) == 0
    shuffled = np.random.default_rng(0).permutation(b.reshape(-1, 3)).reshape(b.shape)
    assert metrics.style_distance(shuffled, grams, extractor) == pytest.approx(0, abs=1e-9)
    g, s = (x.reshape(-1, 3).T @ x.reshape(-1, 3) / x[..., 0].size for x in (a, b))
    assert metrics.style_distance(a, grams, extractor) == pytest.approx(
        np.square(g - s).sum() / np.square(s).sum(), rel=1e-4
    )
    assert metrics.content_distance(b, b, extractor) == 0
    assert metrics.content_distance(a, b, extractor) == pytest.approx(
        np.square(a - b).sum() / np.square(b).sum(), rel=1e-4
    )
    found = metrics.measure([a], [a], style=b, extractor=extractor)["mean"]
    assert found["style_distance"] > 0.1 and found["content_distance"] == 0
