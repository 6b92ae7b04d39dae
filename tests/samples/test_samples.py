"""The samples' laws: flow that is exact, pictures that repeat, files that match what draws them."""

import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from nstlib import samples
from nstlib.errors import NstlibError

SMALL = (180, 320)
LUMA = np.array([0.299, 0.587, 0.114])


def pulled(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """image at x + flow(x)."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC)


def energy(image: np.ndarray) -> float:
    """Mean squared difference of neighbouring pixels."""
    return sum(float(np.mean(np.diff(image, axis=axis) ** 2)) for axis in (0, 1))


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return -10 * float(np.log10(np.mean((one - other) ** 2)))


def loaded(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1] / np.float32(255)


@pytest.mark.parametrize(("index", "other"), [(0, 1), (30, 29), (45, 55), (59, 40)])
def test_flow_carries_one_frame_onto_another(index, other):
    here, there = samples.frame(index, size=(360, 640)), samples.frame(other, size=(360, 640))
    flow, reliability = samples.exact_flow(index, other, size=(360, 640))
    error = np.abs(pulled(there, flow) - here).mean(-1)
    trusted, hidden = error[reliability == 1].mean(), error[reliability == 0].mean()
    assert trusted < 0.01
    assert trusted < 0.25 * np.abs(there - here).mean()
    assert hidden > 8 * trusted


def test_flow_to_the_same_frame_is_zero():
    flow, reliability = samples.exact_flow(20, 20, size=SMALL)
    assert np.abs(flow).max() < 1e-4
    assert reliability.mean() > 0.85


@pytest.mark.parametrize("size", [SMALL, (90, 160), (75, 201)])
def test_forward_then_backward_is_the_identity_where_trusted(size):
    forward, reliability = samples.exact_flow(24, 25, size=size)
    backward, back_reliability = samples.exact_flow(25, 24, size=size)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    nearest = [np.rint(c).astype(int) for c in (y + forward[..., 1], x + forward[..., 0])]
    both = reliability == 1
    rows, columns = nearest[0][both], nearest[1][both]
    sure = back_reliability[rows, columns] == 1
    assert sure.mean() > 0.9
    assert np.abs(forward[both][sure] + backward[rows, columns][sure]).max() < 0.05


def test_flow_scales_with_the_size():
    large, sure = samples.exact_flow(10, 14, size=(360, 640))
    small, also = samples.exact_flow(10, 14, size=SMALL)
    both = (sure[::2, ::2] + sure[1::2, 1::2] == 2) & (also == 1)
    assert both.mean() > 0.7
    np.testing.assert_allclose(large[::2, ::2][both] / 2, small[both], atol=0.05)


def test_layers_move_apart_and_hide_each_other():
    flow, reliability = samples.exact_flow(20, 30)
    assert flow[-1, :, 0].mean() < 10 * flow[0, :, 0].mean() < 0  # the bank runs past the sky
    assert 0.03 < (reliability == 0).mean() < 0.2
    assert set(np.unique(reliability)) == {0.0, 1.0}


def test_contract_of_pixels_and_flow():
    frame = samples.frame(3, size=(90, 160))
    flow, reliability = samples.exact_flow(3, 2, size=(90, 160))
    assert (frame.shape, frame.dtype) == ((90, 160, 3), np.float32)
    assert (flow.shape, flow.dtype) == ((90, 160, 2), np.float32)
    assert (reliability.shape, reliability.dtype) == ((90, 160), np.float32)
    assert frame.min() >= 0
    assert frame.max() <= 1
    assert len(np.unique(np.rint(frame * 255))) > 200


def test_clip_is_the_frames_with_sound():
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(samples.clip()), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    said = done.stderr.decode()
    assert all(word in said for word in ("h264", "yuv420p", "640x360", "24 fps", "Audio: aac", "Duration: 00:00:02.5"))
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, *samples.SIZE, 3)
    assert len(frames) == samples.FRAMES
    for index in range(0, samples.FRAMES, 9):
        assert psnr(frames[index] / 255 @ LUMA, samples.frame(index) @ LUMA) > 38  # the file halves the colour's grid


def test_styles_are_there_and_unlike_each_other():
    paths = samples.styles()
    assert list(paths) == ["whirls", "mosaic", "ink"]
    images = {name: loaded(path) for name, path in paths.items()}
    assert all(600 < side < 800 for image in images.values() for side in image.shape[:2])
    assert 5 * energy(images["ink"]) < energy(images["whirls"]) < energy(images["mosaic"]) / 2


def test_files_are_what_the_code_draws():
    assert psnr(loaded(samples.styles()["ink"]), samples.paint_style("ink")) > 40


def test_bundle_is_small():
    assert sum(path.stat().st_size for path in samples.DATA.rglob("*") if path.is_file()) < 4e6


def test_busyness_is_monotone_and_keeps_the_palette():
    images = [samples.busy_style(b, seed=3, size=(160, 160)) for b in (0, 0.25, 0.5, 0.75)]
    energies = [energy(image) for image in images]
    assert all(b > 1.2 * a for a, b in pairwise(energies))
    means = np.array([image.mean((0, 1)) for image in images])
    assert np.ptp(means, axis=0).max() < 0.12


def test_the_seed_is_the_picture():
    one, same, other = (samples.busy_style(0.4, seed=seed, size=(64, 96)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert one.shape == (64, 96, 3)
    assert np.abs(one - other).mean() > 0.05


def test_photograph_is_a_picture():
    assert loaded(samples.photograph()).shape == (600, 512, 3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: samples.frame(60), "frame 60; the sample clip has frames 0 to 59"),
        (lambda: samples.frame(1.5), "frame 1.5;"),
        (lambda: samples.exact_flow(0, -1), "frame -1;"),
        (lambda: samples.frame(0, size=(0, 640)), r"size=\(0, 640\); give"),
        (lambda: samples.frame(0, size=360), "size=360; give"),
        (lambda: samples.busy_style(1.5), "busyness=1.5; give"),
        (lambda: samples.night(size=(4, 640)), r"size=\(4, 640\); give"),
        (lambda: samples.busy_style(float("nan")), "busyness=nan; give"),
        (lambda: samples.busy_style("high"), "busyness='high'; give"),
    ],
)
def test_mistakes_are_said_in_one_line(call, said):
    with pytest.raises(NstlibError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_missing_sample_says_how_to_draw_it(monkeypatch):
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(samples, "DATA", Path(folder))
        with pytest.raises(NstlibError, match=r"clip\.mp4: .* python -m nstlib\.samples"):
            samples.clip()


def test_importing_stays_light():
    code = "import sys, nstlib.samples; print(*{'tensorflow', 'cv2', 'matplotlib'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


@pytest.mark.slow
def test_drawing_anew_gives_the_same_files(tmp_path):
    samples.render(tmp_path)
    for path in sorted(tmp_path.rglob("*.*")):
        assert path.read_bytes() == (samples.DATA / path.relative_to(tmp_path)).read_bytes(), path.name


def test_the_night_is_dark_blue_above_and_warm_along_the_shore():
    night = samples.night(size=(180, 320))
    assert night.shape == (180, 320, 3) and night.dtype == np.float32 and 0 <= night.min() <= night.max() <= 1
    sky, shore = night[:80].mean((0, 1)), night[96:103, 150:260].max((0, 1))
    assert sky[2] > 1.5 * sky[0] and sky.max() < 0.4 and shore[0] > shore[2] > sky[2]
    assert np.array_equal(night, samples.night(size=(180, 320)))
