from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from conftest import smooth_noise

from nstlib.core.model import load_model
from nstlib.core.run import Run
from nstlib.core.speed.tiles import TiledModel, cut
from nstlib.settings import Settings


@pytest.mark.parametrize("shape", [(100, 70), (64, 64), (33, 129)])
def test_tiles_cover_every_pixel_once_and_reach_over_their_margin(shape):
    covered = np.zeros(shape)
    for tile in cut(shape, 32, 16):
        covered[tile.own] += 1
        assert all(s.stop - s.start >= 16 for s in tile.own)  # in less the deepest layer may have no position
        for own, wide, n in zip(tile.own, tile.wide, shape, strict=True):
            assert wide.start == max(0, own.start - 16) and wide.stop == min(n, own.stop + 16)
    assert (covered == 1).all()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shape", [(96, 128), (101, 75)])
def test_the_tiled_loss_and_gradient_are_those_of_the_whole_picture(shape, masked):
    layers = ("block1_conv1", "block2_conv1", "block3_conv1")
    settings = Settings(
        extractor="random", size=max(shape), style_layers=layers, content_layers=("block3_conv1",), border=0
    )
    earlier = [(smooth_noise(4, shape), np.ones(shape, np.float32))]
    styles = [smooth_noise(2, (90, 90)), smooth_noise(3, (80, 90))]
    left = np.zeros(shape, np.float32)
    left[:, :40] = 1  # nothing of it in the tiles at the right
    masks = [left, smooth_noise(6, shape)] if masked else []
    run = Run(smooth_noise(1, shape), styles, settings, earlier=earlier, masks=masks)
    tiled, image = TiledModel(run.model, side=32), tf.constant(smooth_noise(5, shape))
    whole = run.model.loss(image, run._targets, run._weights)
    parts = tiled.loss(image, run._targets, run._weights)
    np.testing.assert_allclose(parts[0], whole[0], rtol=1e-4)
    scale = np.abs(whole[1]).max()
    np.testing.assert_allclose(parts[1], whole[1], atol=1e-4 * scale)
    for name, value in whole[2].items():
        np.testing.assert_allclose(parts[2][name], value, rtol=1e-3)
    for kind, values in run.model(image, run._targets.masks).items():
        for name, value in values.items():
            found = tiled(image, run._targets.masks)[kind][name]
            np.testing.assert_allclose(found, value, atol=1e-4 * np.abs(value).max())


@pytest.mark.parametrize("extractor", ["random", "compact"])
def test_a_margin_is_as_wide_as_the_deepest_layer_sees(extractor):
    settings = Settings(extractor=extractor, size=256, scales=1, border=0)
    run = Run(smooth_noise(1, (256, 256)), smooth_noise(2, (64, 64)), settings)
    image = tf.constant(smooth_noise(5, (256, 256)))
    model = load_model(settings, levels=2)  # of the picture halved too
    tiled = TiledModel(model, side=128)
    whole = model.loss(image, run._targets, run._weights)[1]
    parts = tiled.loss(image, run._targets, run._weights)[1]
    np.testing.assert_allclose(parts, whole, atol=1e-4 * np.abs(whole).max())


def test_a_run_with_masks_in_tiles_paints_what_it_paints_without(small, content, style):
    mask = np.zeros(content.shape[:2], np.float32)
    mask[:, 20:] = 1
    whole, tiled = (Run(content, style, replace(small, tile=tile), masks=[mask]).finish() for tile in (0, 32))
    np.testing.assert_allclose(tiled, whole, atol=1 / 255)  # L-BFGS amplifies rounding
