"""What changes inside a window alone: loss and gradient are the whole picture's, and what is held stays."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from conftest import smooth_noise

from nstlib.core.border import bordered
from nstlib.core.model import load_model
from nstlib.core.run import Run
from nstlib.core.speed.windows import PatchedModel, WindowedModel, around
from nstlib.errors import NstlibError
from nstlib.settings import Settings

SHAPE = (101, 143)
SETTINGS = Settings(size=143, steps=3, scales=1, precision="float32", border=12)
MIDDLE = (slice(40, 56), slice(52, 84))


@pytest.mark.parametrize(
    "style_loss, masked", [("gram", False), ("gram", True), ("wasserstein", True), ("moments", False)]
)
@pytest.mark.parametrize("place", [MIDDLE, (slice(0, 20), slice(120, 167)), (slice(96, 125), slice(0, 28))])
def test_the_loss_inside_and_its_gradient_are_those_of_the_whole_picture(place, style_loss, masked):
    settings, earlier = replace(SETTINGS, style_loss=style_loss), [(smooth_noise(4, SHAPE), np.ones(SHAPE, np.float32))]
    masks = [smooth_noise(6, SHAPE)[..., 0], smooth_noise(7, SHAPE)[..., 0]] if masked else []
    styles = [smooth_noise(2, (90, 90)), smooth_noise(3, (80, 90))]
    run = Run(smooth_noise(1, SHAPE), styles, settings, start=smooth_noise(5, SHAPE), earlier=earlier, masks=masks)
    model, base = load_model(settings, levels=2), run.optimizer.x
    targets = replace(run._targets, style=run.styles.statistics(model, max(SHAPE)))
    weights = {**run._weights, **{f"style/{name}": tf.constant(0.5) for name in targets.style}}
    image = base.numpy()
    image[place] = smooth_noise(8, base.shape[:2])[place]

    whole = model.loss(tf.constant(image), targets, weights)
    inside = WindowedModel(model, base, place, targets).loss(tf.constant(image[place]), targets, weights)

    np.testing.assert_allclose(inside[0], whole[0], rtol=1e-4)
    np.testing.assert_allclose(inside[1], whole[1].numpy()[place], atol=1e-4 * np.abs(whole[1]).max())
    for name, value in whole[2].items():
        np.testing.assert_allclose(inside[2][name], value, rtol=1e-3, err_msg=name)


@pytest.mark.parametrize("free", [(slice(60, 90), slice(100, 140)), (slice(0, 150), slice(10, 230))])
def test_what_is_held_stays_to_the_bit_and_the_rest_is_painted(free):
    content, start = smooth_noise(1, (160, 240)), smooth_noise(5, (160, 240))
    held, settings = np.ones((160, 240), bool), replace(SETTINGS, size=240)
    held[free] = False
    run = Run(content, smooth_noise(2, (90, 90)), settings, start=start, held=held)
    image = run.finish()
    np.testing.assert_array_equal(image[held], start[held])
    assert (np.abs(image - start).max(-1) > 0)[free].mean() > 0.9
    assert run.curves["total"][-1] < run.curves["total"][0]

    other = Run(content, run.styles, settings, start=start, held=held)
    other.restore(run.state())
    np.testing.assert_array_equal(other.image, image)


@pytest.mark.parametrize(
    "changes, moving, kind",
    [
        ({}, 20, WindowedModel),
        ({"style_loss": "remd"}, 20, PatchedModel),
        ({"extractor": "random"}, 20, PatchedModel),
        ({"tile": 64}, 20, PatchedModel),
        ({}, 90, PatchedModel),
        ({}, 0, PatchedModel),
    ],
)
def test_a_run_of_a_part_has_the_loss_of_the_whole_picture_and_its_gradient_there(changes, moving, kind):
    held = np.ones(SHAPE, bool)
    held[:moving, :moving] = False
    start, settings = smooth_noise(5, SHAPE), replace(SETTINGS, **changes)
    run = Run(smooth_noise(1, SHAPE), smooth_noise(2, (90, 90)), settings, start=start, held=held)
    assert type(run._model) is kind
    window, free = run._part.window, bordered(~held, 12)[..., None]
    assert moving != 20 or window == (slice(0, 32), slice(0, 32))

    x = smooth_noise(8, free.shape[:2])
    loss, gradient, _ = run._objective(tf.constant(x[window]))
    whole = load_model(settings, levels=run._model.levels)
    image = np.where(free, x, bordered(start, 12))
    expected = whole.loss(tf.constant(image), run._targets, run._weights)
    np.testing.assert_allclose(loss, expected[0], rtol=1e-4)
    expected = (free * expected[1])[window]
    np.testing.assert_allclose(gradient, expected, atol=1e-4 * np.abs(expected).max())


def test_a_window_is_the_smallest_from_a_step_to_a_step():
    changes = np.zeros((30, 41), bool)
    assert around(changes) is None
    changes[5, 39] = changes[13, 40] = True
    assert around(changes) == (slice(5, 14), slice(39, 41))
    assert around(changes, 4) == (slice(4, 16), slice(36, 41))


def test_a_start_of_another_size_than_what_is_held_is_one_line():
    with pytest.raises(NstlibError, match=r"held is \(101, 143\) and the start \(50, 71\)"):
        Run(
            smooth_noise(1, SHAPE),
            smooth_noise(2, (90, 90)),
            SETTINGS,
            start=smooth_noise(5, (50, 71)),
            held=np.ones(SHAPE, bool),
        )
