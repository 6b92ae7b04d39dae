"""Every style loss in a run: it paints, steers, restores, follows masks and shares, and says what it cannot do."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from conftest import smooth_noise

from nstlib.core.run import Run
from nstlib.core.speed.tiles import TiledModel
from nstlib.core.style_losses import load_style_loss
from nstlib.errors import NstlibError
from nstlib.settings import CONVENTIONS, STYLE_LOSSES, Settings

AVERAGED = [name for name in STYLE_LOSSES if load_style_loss(name).AVERAGED]
OTHERS = [name for name in STYLE_LOSSES if name != "gram"]
each = pytest.mark.parametrize("name", OTHERS)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@each
def test_a_run_lowers_it_and_comes_to_the_same_picture_again(content, style, small, name, optimizer):
    settings = replace(small, style_loss=name, optimizer=optimizer, steps=25)
    first, second = (Run(content, style, settings) for _ in range(2))
    np.testing.assert_array_equal(first.finish(), second.finish())
    assert first.curves["style"][-1] < 0.8 * first.curves["style"][0]
    assert first.curves["content"][0] == pytest.approx(0, abs=1e-5)


@each
def test_a_restored_run_goes_on_as_if_it_had_never_stopped(content, style, small, name):
    settings = replace(small, style_loss=name, scales=2, steps=8)
    whole, other = Run(content, style, settings), Run(content, style, settings)
    for _ in range(3):
        next(whole)
    other.restore(whole.state())
    np.testing.assert_array_equal(whole.finish(), other.finish())


@each
def test_styles_count_by_their_shares_and_steering_traces_nothing_anew(content, style, small, name):
    run = Run(content, [style, smooth_noise(7, (40, 50))], replace(small, style_loss=name))
    both = next(run).losses["style"]
    traces = run.model.traces
    alone = []
    for blend in ((1.0, 0.0), (0.0, 1.0)):
        run.settings = replace(run.settings, style_blend=blend)
        alone.append(next(run).losses["style"])  # the same picture, looked at again
    assert both == pytest.approx(np.mean(alone), rel=1e-3)
    assert run.model.traces == traces


@each
def test_a_mask_of_everything_is_none(content, style, small, name):
    settings = replace(small, style_loss=name)
    whole = next(Run(content, style, settings)).losses["style"]
    masked = next(Run(content, style, settings, masks=[np.ones((48, 64), np.float32)])).losses["style"]
    assert masked == pytest.approx(whole, rel=2e-3)


@each
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_gradient_is_that_of_finite_differences(content, style, small, name, convention):
    run = Run(content, style, replace(small, style_loss=name, convention=convention, tv_weight=0.0))
    image = tf.constant(smooth_noise(5, run.shape))
    _, gradient, _ = run.model.loss(image, run._targets, run._weights)
    direction = gradient / tf.reduce_max(tf.abs(gradient))
    along = float(tf.reduce_sum(gradient * direction))
    up, down = (float(run.model.loss(image + h * direction, run._targets, run._weights)[0]) for h in (2e-3, -2e-3))
    assert (up - down) / 4e-3 == pytest.approx(along, rel=0.05)


@pytest.mark.parametrize("name", AVERAGED)
def test_in_tiles_it_is_that_of_the_whole_picture(name):
    content, style = smooth_noise(1, (96, 112)), smooth_noise(2, (80, 96))
    layers = ("block1_conv1", "block2_conv1")
    settings = Settings(
        style_loss=name, style_layers=layers, content_layers=("block2_conv1",), size=112, scales=1, border=0
    )
    run = Run(content, style, replace(settings, precision="float32"))
    image = tf.constant(smooth_noise(3, run.shape))
    whole, tiled = (m.loss(image, run._targets, run._weights) for m in (run.model, TiledModel(run.model, 48)))
    np.testing.assert_allclose(whole[0], tiled[0], rtol=1e-3)
    np.testing.assert_allclose(whole[1], tiled[1], atol=2e-3 * np.abs(whole[1]).max())


def test_what_a_loss_cannot_do_and_what_it_is_not_is_one_line(content, style, small):
    with pytest.raises(
        NstlibError, match="style_loss=remd does not work in tiles; choose from gram, wasserstein, moments"
    ):
        Run(content, style, replace(small, style_loss="remd", tile=16))
    with pytest.raises(NstlibError, match="style_loss.*'swd'.*choose from gram, wasserstein, moments, remd"):
        replace(small, style_loss="swd")
