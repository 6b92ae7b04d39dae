"""Tiles are chosen by the memory there is; where it runs out, a run goes on in smaller ones, or ends in one line."""

import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import tensorflow as tf
from conftest import smooth_noise

from nstlib.core.run import Run
from nstlib.core.speed import memory
from nstlib.engines import records
from nstlib.errors import NstlibError, NstlibNote
from nstlib.media import images
from nstlib.media.limits import Limit


@pytest.fixture
def free(monkeypatch):
    """Sets what the tightest limit leaves."""

    def give(amount, name="free memory"):
        monkeypatch.setattr(memory.limits, "least", lambda: Limit(name, amount))

    return give


def test_memory_chooses_tiles_and_refuses_what_does_not_fit_in_them(content, style, small, free):
    shape = (4096, 4096)
    free(100e9)
    assert memory.choose_tile(shape, small) == 0
    free(11e9)
    assert memory.choose_tile(shape, small) == 1024
    free(8e9)
    assert memory.choose_tile(shape, replace(small, extractor="compact")) == 512
    free(0.5e9)
    with pytest.raises(NstlibError, match=r"size=64: 64 x 48 pixels need about 1.0 GB .* 0.5 GB are free; choose"):
        Run(content, style, small)
    free(0.5e9, "the SLURM job's 2.0 GB")
    with pytest.raises(NstlibError, match="0.5 GB are free of the SLURM job's 2.0 GB; choose"):
        Run(content, style, small)


def test_on_a_gpu_its_own_memory_counts(monkeypatch, free):
    free(100e9)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda device: {"current": 1e9, "peak": 3e9})
    monkeypatch.setattr(memory.limits, "first_card", lambda: memory.limits.GraphicsCard("A", "1", 16e9, 6e9))
    assert memory.tightest() == ("the GPU's memory", 8e9, False)
    monkeypatch.setattr(memory.limits, "first_card", lambda: None)
    assert memory.tightest().free == 100e9


ERRORS = [
    tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
    MemoryError(),
    tf.errors.InternalError(None, None, "Failed to allocate 9 bytes: CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
    tf.errors.AbortedError(None, None, "oneDNN: could not create a memory object"),
    tf.errors.NotFoundError(None, None, "No algorithm worked!"),
    cv2.error("(-4:Insufficient memory) Failed to allocate 1 bytes"),
]


def test_what_is_too_little_memory_and_what_is_not():
    assert all(map(memory.ran_out, ERRORS))
    for other in (NstlibError("out of memory"), ValueError("x"), tf.errors.InternalError(None, None, "a bug")):
        assert not memory.ran_out(other)


class Scarce:
    """Fails as memory does wherever more than so many pixels go through the network at once."""

    def __init__(self, monkeypatch, error, pixels, *, after=0):
        from nstlib.core.model import StyleContentModel
        from nstlib.core.speed.tiles import TiledModel

        self.calls, self.failures, self.pixels = 0, 0, pixels
        for kind in (StyleContentModel, TiledModel):
            for name in ("__call__", "loss"):
                monkeypatch.setattr(kind, name, self.wrapped(getattr(kind, name), error, after))

    def wrapped(self, method, error, after):
        def call(model, image, *more, **options):
            self.calls += 1
            side = getattr(model, "_side", max(image.shape[:2]))
            if self.calls > after and min(side, max(image.shape[:2])) > self.pixels:
                self.failures += 1
                raise error
            return method(model, image, *more, **options)

        return call


@pytest.fixture
def sides(monkeypatch):
    monkeypatch.setattr(memory, "SIDES", (96, 64, 32))


@pytest.mark.parametrize("error", ERRORS[:3])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_run_goes_on_in_smaller_tiles_with_a_note(style, small, monkeypatch, sides, error, optimizer):
    content, settings = smooth_noise(1, (96, 128)), replace(small, size=128, optimizer=optimizer)
    whole = Run(content, style, settings)
    whole.finish()
    run = Run(content, style, settings)
    next(run), next(run)
    scarce = Scarce(monkeypatch, error, 70)
    with pytest.warns(NstlibNote) as notes:
        run.finish()
    assert [str(note.message) for note in notes] == [
        "memory ran out; going on in tiles of 96 pixels",
        "memory ran out; going on in tiles of 64 pixels",
    ]
    assert run.settings.tile == 64 and run.number == settings.steps and scarce.failures == 2
    assert [(number, s.tile) for number, s in run.steering] == [(0, 0), (2, 96), (2, 64)]
    np.testing.assert_allclose(run.image, whole.image, atol=5e-3)


def test_what_ran_out_at_the_start_is_made_in_tiles_too(style, small, monkeypatch, sides):
    Scarce(monkeypatch, ERRORS[0], 100)
    with pytest.warns(NstlibNote, match="tiles of 96"):
        run = Run(smooth_noise(1, (96, 128)), smooth_noise(2, (80, 90)), replace(small, size=128))
    assert np.isfinite(run.finish()).all()


def test_where_nothing_smaller_fits_the_last_good_picture_stays(style, small, monkeypatch, sides):
    run = Run(smooth_noise(1, (96, 128)), style, replace(small, size=128))
    next(run)
    good = run.image
    Scarce(monkeypatch, ERRORS[0], 1)
    with pytest.warns(NstlibNote), pytest.raises(memory.OutOfMemory, match="memory ran out, and there are no") as error:
        run.finish()
    np.testing.assert_array_equal(error.value.image, good)
    assert "\n" not in str(error.value)


def test_a_run_that_took_smaller_tiles_is_replayed_and_restored(style, small, monkeypatch, sides, tmp_path):
    paths = [images.save(tmp_path / f"{n}.png", smooth_noise(n, (96, 128))) for n in (1, 2)]
    run = Run(*paths, replace(small, size=128))
    early = run.state()
    next(run)
    with monkeypatch.context() as scarcely, pytest.warns(NstlibNote):
        Scarce(scarcely, ERRORS[0], 100)
        next(run)
    run.finish()
    again = records.replay(records.record(run))
    np.testing.assert_array_equal(again.finish(), run.image)
    assert again.settings.tile == 96 and again.steering == run.steering
    run.restore(early)
    assert np.isfinite(run.finish()).all()


ULIMIT = """
import sys
import nstlib.core, psutil, resource
used = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (used + int(float(sys.argv[1]) * 1e9),) * 2)
from nstlib.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(("room", "made"), [(0.5, False), (3, True)])
def test_a_real_limit_is_one_line_or_a_picture(tmp_path, room, made):
    """`ulimit -v`, set as the shell sets it: in a process of its own."""
    paths = [images.save(tmp_path / f"{n}.png", smooth_noise(n, (300, 400))) for n in (1, 2)]
    words = ["image", *paths, "-o", tmp_path / "out.png", "--size", "400", "--steps", "2", "--scales", "1"]
    command = [sys.executable, "-c", ULIMIT, room, *words]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr and done.returncode == (not made), done.stderr
    assert (tmp_path / "out.png").exists() == made
    if not made:
        assert "400 x 300 pixels need about" in done.stderr and "GB are free of ulimit -v of" in done.stderr


def test_too_little_for_tensorflow_itself_is_one_line(tmp_path):
    paths = [images.save(tmp_path / f"{n}.png", smooth_noise(n, (30, 40))) for n in (1, 2)]
    words = " ".join(map(str, ["-m", "nstlib", "image", *paths, "-o", tmp_path / "out.png"]))
    command = f"ulimit -v 1000000; exec {sys.executable} {words}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "TensorFlow needs 1.2 GB" in done.stderr and "ulimit -v of 1.0 GB; raise the limit" in done.stderr
