"""Distillation's laws: it learns, it resumes as if never stopped, its pool paints."""

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import toy_teacher, trains
from keras import ops

from nstlib import compact
from nstlib.errors import NstlibError
from nstlib.training import distill, distill_losses, distill_teacher
from nstlib.training.distill_data import KINDS, Pictures, read_folder


def arguments(folder, **more) -> list[str]:
    paths = {"photos": "photos", "paintings": "paintings", "teacher": "teacher.npz", "out": "w.npz", "state": "s.npz"}
    given = {name: folder / path for name, path in paths.items()} | {"size": 32, "crops": 2, "painted": 1} | more
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def make_run(folder, **more) -> distill.Run:
    args = distill.parse(arguments(folder, **more))
    pictures = Pictures(read_folder(args.photos, short=64), read_folder(args.paintings, short=64), args.size)
    return distill.Run(args, pictures, distill_teacher.load_teacher(args.teacher))


@trains
def test_ten_steps_lower_the_loss(folder):
    run = make_run(folder, steps=10000)
    batch = np.concatenate([run.sample, run.sample[-1:]])
    before = float(run.distiller.test_on_batch(batch))
    for _ in range(10):
        next(run)
    assert float(run.distiller.test_on_batch(batch)) < before


@trains
def test_a_resumed_run_goes_on_as_if_never_stopped(folder):
    run = make_run(folder, steps=20)
    for _ in range(3):
        next(run)
    run.save_state(folder / "s.npz")
    resumed = make_run(folder, steps=20)
    resumed.load_state(folder / "s.npz")
    for _ in range(2):
        next(run)
        next(resumed)
    assert resumed.step == run.step == 5
    for name, array in run.student.arrays().items():
        np.testing.assert_allclose(resumed.student.arrays()[name], array, atol=1e-4)


@trains
def test_a_stage_trains_its_own_sites_alone(folder):
    run = make_run(folder, frozen="conv21", until="conv31", painted=0)
    before = run.student.arrays()
    next(run)
    changed = {name.split("/")[0] for name, array in run.student.arrays().items() if (array != before[name]).any()}
    assert changed == {"conv22", "conv31", "block2_conv2", "block3_conv1"}


@trains
def test_another_stage_begins_anew_from_the_averaged_weights(folder):
    run = make_run(folder, until="conv31", painted=0)
    next(run)
    run.save_state(folder / "s.npz")
    deeper = make_run(folder, frozen="conv31", painted=0)
    deeper.load_state(folder / "s.npz")
    assert deeper.step == 0
    for name, array in deeper.student.arrays().items():
        np.testing.assert_array_equal(array, run.average[name])


@trains
def test_the_command_leaves_weights_that_the_extractor_loads(folder):
    distill.main(arguments(folder, steps=1))
    weights = compact.load(folder / "w.npz")
    assert weights["conv11/kernel"].shape == (3, 3, 3, 16)
    assert weights["block5_conv1/kernel"].shape[-1] <= distill.WIDTH["conv52"]


@trains
def test_a_painted_picture_nears_its_style(folder):
    run = make_run(folder, steps=10)
    run.pool.step(run.rng, lifetime=10**9)
    losses = [float(run.pool.painter.train_on_batch(run.pool.dummy)) for _ in range(8)]
    assert losses[-1] < losses[0]


@trains
def test_a_painted_picture_leaves_the_student_alone(folder):
    run = make_run(folder, steps=10)
    before = run.student.arrays()
    run.pool.step(run.rng)
    for name, array in run.student.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_teachers_folded_heads_keep_norms():
    """Distances in the folded space are those in the heads' own channels."""
    weights = toy_teacher()
    image = np.random.default_rng(3).uniform(size=(2, 32, 32, 3)).astype(np.float32)
    folded = ops.convert_to_numpy(distill_teacher.slim(weights)(ops.convert_to_tensor(image))["block1_conv1"])
    s = ops.relu(distill_teacher._convolve(weights, distill_teacher._convolve(weights, image, "conv0"), "conv11"))
    full = ops.convert_to_numpy(s) @ weights["conv11_aux/kernel"][0, 0] + weights["conv11_aux/bias"]
    assert folded.shape[-1] == 5
    assert np.sum((folded[0] - folded[1]) ** 2) == pytest.approx(np.sum((full[0] - full[1]) ** 2), rel=1e-4)


def test_a_perfect_student_has_no_error():
    rng = np.random.default_rng(0)
    f = ops.convert_to_tensor(rng.normal(size=(4, 6, 5, 3)).astype(np.float32))
    assert float(distill_losses.feature_error(f, f)) == 0
    assert float(distill_losses.gram_error(f, f)) == 0
    assert float(distill_losses.difference_error(f, f, 2)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_keep_the_pixel_contract(folder, kind):
    images = read_folder(folder / "photos", short=64)
    picture = Pictures(images, images, 32).draw(np.random.default_rng(0), kind)
    assert picture.shape == (32, 32, 3)
    assert picture.dtype == np.float32
    assert 0 <= picture.min() <= picture.max() <= 1


def test_pictures_left_out_are_not_read(folder):
    assert len(read_folder(folder / "photos", ("1",))) == 2


def test_what_is_missing_is_one_clear_line(tmp_path):
    with pytest.raises(NstlibError, match="no such teacher"):
        distill_teacher.load_teacher(str(tmp_path / "none.npz"))
    with pytest.raises(NstlibError, match="no pictures"):
        read_folder(str(tmp_path))


def test_what_the_user_can_mend_is_one_line(tmp_path):
    words = [
        "--photos",
        str(tmp_path),
        "--paintings",
        str(tmp_path),
        "--teacher",
        "vgg19",
        "--out",
        "o",
        "--state",
        "s",
    ]
    call = [sys.executable, "-m", "nstlib.training.distill", *words]
    ended = subprocess.run(call, capture_output=True, text=True, env=os.environ | {"KERAS_HOME": str(tmp_path)})
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1] == f"nstlib: no pictures (.jpg, .png) in {tmp_path}"
