"""Distillation's laws: it learns, it resumes as if never stopped, its pool paints."""

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import eagerly, toy_teacher, trains
from keras import ops

from nstlib.errors import NstlibError
from nstlib.networks import compact
from nstlib.workshop.training import distill, distill_losses, distill_student, distill_teacher
from nstlib.workshop.training.distill_data import KINDS, Pictures, read_folder


def arguments(folder, **more) -> list[str]:
    paths = {"photos": "photos", "paintings": "paintings", "teacher": "teacher.npz", "out": "w.npz", "state": "s.npz"}
    given = {name: folder / path for name, path in paths.items()} | {"size": 32, "crops": 2, "painted": 1} | more
    forced = ["--forced"] if given.pop("forced", False) else []
    return forced + [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def make_run(folder, **more) -> distill.Run:
    args = distill.parse(arguments(folder, **more))
    pictures = Pictures(read_folder(args.photos, short=64), read_folder(args.paintings, short=64), args.size)
    return distill.Run(args, pictures, distill_teacher.load_teacher(args.teacher))


@trains
def test_ten_steps_lower_the_loss(folder):
    run = make_run(folder, steps=10000)
    batch = np.concatenate([run.sample, run.sample[-1:]])
    with eagerly():
        before = float(run.distiller.test_on_batch(batch))
    for _ in range(10):
        next(run)
    with eagerly():
        assert float(run.distiller.test_on_batch(batch)) < before


@trains
def test_a_resumed_run_goes_on_as_if_never_stopped(folder, untraced):
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
def test_forced_every_convolution_learns_from_the_teachers_input(folder):
    """A first convolution that says nothing is nothing to the others' lessons."""
    run = make_run(folder, painted=0, forced=True)
    before = compared(run)
    run.student.w["conv11/kernel"].assign(0 * run.student.w["conv11/kernel"])
    after = compared(run)
    assert after.pop("conv11") != before.pop("conv11")
    assert after == before


def compared(run) -> dict[str, float]:
    """Each site's distance from its hint."""
    ours, theirs = run.distiller(run.sample)
    return {site: float(distill_losses.feature_error(ours[site], theirs[site])) for site in compact.LAYOUT}


def test_hints_are_the_most_active_channels_at_unit_mean_square():
    rng = np.random.default_rng(0)
    loud, faint = rng.normal(size=(2, 8, 8, 9)), 0.1 * rng.normal(size=(2, 8, 8, 11))
    seen = {"conv11": np.concatenate([faint, loud], -1)}
    hint = ops.convert_to_numpy(distill_student.Hints(seen)(seen)["conv11"])
    assert hint.shape[-1] == compact.LAYOUT["conv11"].cout == 16
    np.testing.assert_allclose(np.mean(hint**2, axis=(0, 1, 2)), 1, rtol=1e-5)
    expected = loud / np.sqrt(np.mean(loud**2, axis=(0, 1, 2)))
    np.testing.assert_allclose(np.sort(hint[..., :9]), np.sort(expected), rtol=1e-5)


def test_silent_and_missing_channels_are_to_stay_silent():
    seen = {"conv11": np.concatenate([np.ones((1, 4, 4, 3)), np.zeros((1, 4, 4, 4))], -1)}
    hint = ops.convert_to_numpy(distill_student.Hints(seen)(seen)["conv11"])
    assert hint.shape[-1] == 16 and (hint[..., :3] == 1).all() and (hint[..., 3:] == 0).all()


@trains
def test_a_later_stage_keeps_the_channels_that_the_student_was_taught(folder):
    """They are chosen by a sample, which another size of pictures changes."""
    run = make_run(folder, painted=0, forced=True)
    run.save_state(folder / "s.npz")
    after = make_run(folder, painted=0, size=48)
    assert any((after.distiller.hints.chosen[s] != run.distiller.hints.chosen[s]).any() for s in compact.LAYOUT)
    after.load_state(folder / "s.npz")
    for name, array in after.distiller.hints.arrays().items():
        np.testing.assert_array_equal(array, run.distiller.hints.arrays()[name])
    assert after.distiller.scales == run.distiller.scales


@trains
def test_dead_channels_are_drawn_anew(folder):
    run = make_run(folder, painted=0, forced=True)
    run.student.w["conv12/bias"].assign(run.student.w["conv12/bias"] - 1e3 * (np.arange(16) < 2))
    assert set(distill_student.silent(run.distiller, run.sample)["conv12"]) == {0, 1}
    run.revive()
    assert not {0, 1} & set(distill_student.silent(run.distiller, run.sample)["conv12"])


@trains
def test_a_teacher_without_channels_of_its_own_cannot_force(folder):
    def teacher(image):
        return {name: f for name, f in distill_teacher.slim(toy_teacher())(image).items() if name not in compact.LAYOUT}

    args = distill.parse([*arguments(folder, painted=0), "--forced"])
    pictures = Pictures(*(read_folder(folder, short=64) for folder in (args.photos, args.paintings)), args.size)
    assert distill.Run(distill.parse(arguments(folder, painted=0)), pictures, teacher).distiller.hints.chosen == {}
    with pytest.raises(NstlibError, match="leave it out"):
        distill.Run(args, pictures, teacher)


@trains
def test_another_stage_begins_anew_from_the_averaged_weights(folder, untraced):
    run = make_run(folder, painted=0, forced=True)
    next(run)
    run.save_state(folder / "s.npz")
    after = make_run(folder, painted=0)
    after.load_state(folder / "s.npz")
    assert after.step == 0
    for name, array in after.student.arrays().items():
        np.testing.assert_array_equal(array, run.average[name])


@trains
def test_the_command_leaves_weights_that_the_extractor_loads(folder, untraced):
    distill.main(arguments(folder, steps=1))
    weights = compact.load(folder / "w.npz")
    assert weights["conv11/kernel"].shape == (3, 3, 3, 16)
    assert weights["block5_conv1/kernel"].shape[-1] <= compact.LAYOUT["conv51"].cout


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
    call = [sys.executable, "-m", "nstlib.workshop.training.distill", *words]
    ended = subprocess.run(call, capture_output=True, text=True, env=os.environ | {"KERAS_HOME": str(tmp_path)})
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1] == f"nstlib: no pictures (.jpg, .png) in {tmp_path}"
