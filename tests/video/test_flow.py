"""Laws of motion: still pictures do not move, known shifts are found, there and back is the identity."""

import subprocess
import sys
from pathlib import Path

import cv2
import footage
import numpy as np
import pytest

from nstlib.errors import NstlibError
from nstlib.video import flow

TRUTH = Path(__file__).parents[2] / ".." / "shared" / "flow"


def texture(height=96, width=128, **more):
    return footage.texture(height, width, **more)


def constant(dx, dy, height=96, width=128):
    return np.tile(np.float32([dx, dy]), (height, width, 1))


@pytest.mark.parametrize("interpolation", flow.INTERPOLATIONS)
def test_zero_flow_warps_to_the_same_picture(interpolation):
    image = texture()
    assert np.allclose(flow.warp(image, constant(0, 0), interpolation=interpolation), image, atol=1e-6)


@pytest.mark.parametrize("interpolation", flow.INTERPOLATIONS)
def test_whole_pixels_are_moved_exactly(interpolation):
    image = texture()
    moved = flow.warp(image, constant(3, -2), interpolation=interpolation)
    assert np.allclose(moved[2:, :-3], image[:-2, 3:], atol=1e-5)


@pytest.mark.parametrize("interpolation", flow.INTERPOLATIONS)
def test_a_warp_makes_no_new_extremes(interpolation):
    image = (texture() > 0.5).astype(np.float32) * 0.6 + 0.2
    moved = flow.warp(image, constant(0.5, 0.3), interpolation=interpolation)
    assert moved.min() >= np.float32(0.2)
    assert moved.max() <= np.float32(0.8)


def test_linear_warp_is_the_mean_of_two_pixels():
    row = np.float32([[[0.0], [1.0], [0.5]]])
    assert np.allclose(flow.warp(row, constant(0.5, 0, 1, 3))[0, :, 0], [0.5, 0.75, 0.5])


def test_lanczos_keeps_detail_that_linear_loses():
    image = texture(sigma=1)
    there, back = constant(0.5, 0.5), constant(-0.5, -0.5)
    error = {}
    for name in ("linear", "cubic", "lanczos"):
        x = image
        for _ in range(5):
            x = flow.warp(flow.warp(x, there, interpolation=name), back, interpolation=name)
        error[name] = np.square(x - image)[16:-16, 16:-16].mean()
    assert error["lanczos"] < error["cubic"] < error["linear"] / 3


@pytest.mark.parametrize("preset", flow.PRESETS)
@pytest.mark.parametrize("shift", [(3, 0), (-2, 5)])
def test_a_known_shift_is_found(preset, shift):
    big = texture(140, 180)
    a = big[20:116, 20:148]
    b = big[20 - shift[1] : 116 - shift[1], 20 - shift[0] : 148 - shift[0]]
    found = flow.optical_flow(a, b, preset=preset)
    assert np.abs(np.median(found.reshape(-1, 2), 0) - shift).max() < 0.25
    assert np.abs(flow.warp(b, found) - a)[16:-16, 16:-16].mean() < 0.01


def test_a_still_picture_does_not_move():
    image = texture()
    assert np.abs(flow.optical_flow(image, image)).max() < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (5, 3), (17, 33)])
def test_any_size_has_a_flow(size):
    image = texture(*size) if min(size) > 1 else np.full((*size, 3), 0.5, np.float32)
    assert flow.optical_flow(image, image).shape == (*size, 2)
    assert np.isfinite(flow.optical_flow(image, image)).all()


def test_forward_then_backward_is_the_identity_where_trusted():
    big = texture(140, 180)
    a, b = big[20:116, 20:148], big[22:118, 16:144]
    forward, backward = flow.optical_flow(a, b), flow.optical_flow(b, a)
    sure = flow.reliability(backward, forward) > 0.99
    there_and_back = flow.warp(flow.warp(b, forward), backward)
    assert sure.mean() > 0.8
    assert np.abs(there_and_back - b)[sure].mean() < 0.01
    assert np.linalg.norm(backward + flow.warp(forward, backward), axis=-1)[sure].max() < 0.75


def test_composed_flow_leads_where_two_warps_lead():
    rng = np.random.default_rng(5)
    first, then = (cv2.GaussianBlur(rng.normal(0, 60, (48, 64, 2)).astype(np.float32), (0, 0), 8) for _ in range(2))
    y, x = np.mgrid[:48, :64].astype(np.float32)
    ramp = np.dstack([x, y, x + y])
    twice, once = flow.warp(flow.warp(ramp, then), first), flow.warp(ramp, flow.compose(first, then))
    assert np.abs(flow.compose(first, then)).max() > 2
    assert np.abs(twice - once)[12:-12, 12:-12].max() < 0.1  # OpenCV's warps go by 1/32 px
    assert np.array_equal(flow.compose(first, np.zeros_like(first)), first)


def test_what_leads_beyond_the_frame_is_told():
    there = flow.within(constant(3, -2))
    assert there[2:, :-3].all() and not there[:2].any() and not there[:, -3:].any()
    assert (
        flow.within(constant(3, -2), margin=2)[:, :-1].all() and not flow.within(constant(3, -2), margin=2)[:, -1].any()
    )


def test_reliability_is_zero_outside_the_frame():
    c = flow.reliability(constant(4, 0), constant(-4, 0))
    assert (c[:, -4:] == 0).all()
    assert (c[:, :-7] == 1).all()


def test_reliability_is_zero_where_there_and_back_disagree():
    forward, backward = constant(5, 0), constant(-5, 0)
    backward[40:60, 40:60] = (5, 0)
    c = flow.reliability(forward, backward)
    assert (c[40:60, 35:55] == 0).all()
    assert c[20, 20] == 1


def test_occlusion_threshold_is_ruders():
    # |w + ŵ|² against 0.01 (|w|² + |ŵ|²) + 0.5: 0.490 < 0.505 and 0.518 > 0.505
    assert flow.reliability(constant(0, 0), constant(0.70, 0)).all()
    assert not flow.reliability(constant(0, 0), constant(0.72, 0)).any()


def test_motion_boundary_threshold_is_ruders():
    ramp = np.arange(128, dtype=np.float32)
    for slope, smooth in ((0.04, True), (0.05, False)):  # slope² against 0.002 where w = 0
        w = np.zeros((96, 128, 2), np.float32)
        w[..., 1] = slope * (ramp - 64)
        assert flow.trusted(w, -w)[1][48, 64] == smooth


def test_zeros_grow_outward():
    forward, backward = constant(0, 0), constant(0, 0)
    backward[40:56, 50:70] = (9, 9)
    c = flow.reliability(forward, backward)
    assert (c[40:56, 50:70] == 0).all()
    # a straight edge of 0 and 1 would be smoothed to 0.75 beside it; one of -1 and 1 leaves 2 x 0.75 - 1
    assert c[48, 70] == pytest.approx(0.5, abs=0.02)
    assert c[48, 75] == 1


def test_resized_flow_scales_its_vectors():
    half = flow.resize_flow(constant(8, -4), (48, 64))
    assert half.shape == (48, 64, 2)
    assert np.allclose(half, (4, -2))


def test_flo_files_keep_every_bit(tmp_path):
    w = np.random.default_rng(0).normal(size=(5, 7, 2)).astype(np.float32)
    flow.write_flo(tmp_path / "a.flo", w)
    assert np.array_equal(flow.read_flo(tmp_path / "a.flo"), w)
    (tmp_path / "short.flo").write_bytes((tmp_path / "a.flo").read_bytes()[:-1])
    (tmp_path / "none.flo").write_bytes(b"P6")
    for bad, why in (("short.flo", "7x5"), ("none.flo", "no .flo file"), ("missing.flo", "cannot read")):
        with pytest.raises(NstlibError, match=why):
            flow.read_flo(tmp_path / bad)
    with pytest.raises(NstlibError, match="cannot be written"):
        flow.write_flo(tmp_path / "nowhere" / "a.flo", w)
    with pytest.raises(NstlibError, match="expected"):
        flow.write_flo(tmp_path / "a.flo", w[..., 0])


def test_end_point_error_skips_unknown_pixels():
    truth = constant(3, 4)
    truth[0] = 1.7e9
    assert flow.end_point_error(constant(0, 0), truth) == pytest.approx(5)
    with pytest.raises(NstlibError, match="unknown"):
        flow.end_point_error(constant(0, 0), constant(2e9, 2e9))


def test_errors_show_what_arrived():
    image = texture()
    with pytest.raises(NstlibError, match=r"flow is \(48, 64, 2\), image is \(96, 128, 3\)"):
        flow.warp(image, constant(0, 0, 48, 64))
    with pytest.raises(NstlibError, match="differ in size"):
        flow.optical_flow(image, image[1:])
    with pytest.raises(NstlibError, match="preset='slow'; choose from fast, medium, fine, best"):
        flow.optical_flow(image, image, preset="slow")
    with pytest.raises(NstlibError, match="choose from nearest"):
        flow.warp(image, constant(0, 0), interpolation="sinc")
    with pytest.raises(NstlibError, match="opposite"):
        flow.reliability(constant(0, 0), constant(0, 0, 48, 64))
    with pytest.raises(NstlibError, match="truth"):
        flow.end_point_error(constant(0, 0), constant(0, 0, 48, 64))


@pytest.mark.parametrize(
    ("first", "second", "truth", "limit"),
    [
        ("rubberwhale_10.png", "rubberwhale_11.png", "rubberwhale_10.flo", 0.12),
        ("alley_1_0001.png", "alley_1_0002.png", "alley_1_0001.flo", 0.21),
    ],
)
def test_real_motion_is_found(first, second, truth, limit):
    if not TRUTH.is_dir():
        pytest.skip("../shared/flow is missing")
    a, b = (cv2.imread(str(TRUTH / name))[..., ::-1].astype(np.float32) / 255 for name in (first, second))
    assert flow.end_point_error(flow.optical_flow(a, b), flow.read_flo(TRUTH / truth)) <= limit


def test_importing_flow_loads_no_tensorflow():
    code = "import sys, nstlib.video.flow; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
