"""The bilateral grid: what a photograph's run optimises."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from nstlib import samples
from nstlib.core import bilateral, guided_filter
from nstlib.core.bilateral import BilateralGrid
from nstlib.core.run import Run
from nstlib.core.schedule import working_shape
from nstlib.engines.frames import stylize
from nstlib.errors import NstlibError
from nstlib.media import images
from nstlib.settings import Settings

PHOTO = Settings(rendering="photo", size=96, steps=6, spatial_bins=4, luma_bins=3)
SHAPE = (4, 4, 3)


def a_picture(shape=(19, 26), seed=0):
    return np.random.default_rng(seed).random((*shape, 3), dtype=np.float32)


def a_grid(shape=SHAPE, size=0.1):
    rows, columns, bins = shape
    return tf.random.stateless_normal((rows, columns, bins * 12), seed=(1, 2), stddev=size)


def test_the_identity_is_the_source_to_the_bit():
    content = a_picture()
    grid = BilateralGrid(content, PHOTO)
    x = grid.begin(content)
    np.testing.assert_array_equal(grid.result(x, content), content)
    np.testing.assert_array_equal(grid.objective(x, lambda picture: (picture, picture, {}))[0], content)


def test_strength_0_is_the_source_to_the_bit_and_strength_scales_the_change():
    content = 0.3 + 0.4 * a_picture()
    x = a_grid(size=0.02)
    none, half, full = (
        BilateralGrid(content, replace(PHOTO, strength=s)).result(x, content) - content for s in (0, 0.5, 1)
    )
    assert not none.any() and full.std() > 0.01
    np.testing.assert_allclose(2 * half, full, atol=1e-6)


@pytest.mark.parametrize("shape", [SHAPE, (1, 1, 2), (30, 30, 8)])  # the last has more rows than the picture
def test_slicing_equals_a_loop_over_pixels_and_nodes(shape):
    content = a_picture((7, 9))
    grid = BilateralGrid(content, replace(PHOTO, spatial_bins=shape[0], luma_bins=shape[2]))
    x = a_grid(shape)
    expected, maps = np.empty_like(content), bilateral.maps(x, shape[2])[0]
    for i, j in np.ndindex(7, 9):
        luma = content[i, j] @ [0.299, 0.587, 0.114]
        place = [(i + 0.5) * shape[0] / 7 - 0.5, (j + 0.5) * shape[1] / 9 - 0.5, luma * (shape[2] - 1)]
        place = np.clip(place, 0, np.array(shape) - 1)
        total = np.zeros((3, 4))
        for node in np.ndindex(shape):
            total += np.prod(np.maximum(0, 1 - np.abs(place - node))) * maps[node]
        expected[i, j] = content[i, j] + total @ [*(content[i, j] - 0.5), 1]
    np.testing.assert_allclose(grid.picture(x), expected, atol=2e-6)
    np.testing.assert_allclose(grid.result(x, content), np.clip(expected, 0, 1), atol=2e-6)


def test_photographs_of_many_sizes_bring_no_word_of_tensorflow(caplog):
    with caplog.at_level("WARNING", "tensorflow"):
        for width in range(8, 15):
            content = a_picture((7, width))
            BilateralGrid(content, PHOTO).result(a_grid(), content)
    assert not caplog.text


def test_the_gradient_equals_finite_differences():
    grid, x, along = BilateralGrid(a_picture(), PHOTO), a_grid(), a_grid(size=1.0)[::-1]

    def loss(x):
        return grid.objective(x, lambda picture: (tf.reduce_sum(picture**2), 2 * picture, {}))

    expected = (float(loss(x + 0.01 * along)[0]) - float(loss(x - 0.01 * along)[0])) / 0.02
    assert float(tf.reduce_sum(loss(x)[1] * along)) == pytest.approx(expected, rel=1e-3)


def test_the_preconditioner_is_the_inverse_of_the_slopes_hessian():
    """Of what changes no hue, where the Hessian is diagonal in cosines: the maps' constants."""
    x = np.zeros((4, 4, 3, 4, 3), np.float32)
    x[..., 3, :] = np.random.default_rng(0).normal(size=(4, 4, 3, 3))
    x = tf.constant(x.reshape(4, 4, 36))
    smooth = bilateral.smoothing(SHAPE)(x[None])[0]
    with tf.GradientTape() as tape:
        tape.watch(smooth)
        rough = bilateral.roughness(smooth, tf.constant(3))
    hessian_times = tape.gradient(rough, smooth) * 48 / 2  # of the sum over nodes
    np.testing.assert_allclose(hessian_times + bilateral.STIFF * smooth, x, atol=1e-4)


def test_the_same_grid_at_two_sizes_gives_the_same_picture():
    small = cv_smooth(a_picture((24, 32)))
    large = images.resize(small, (96, 128))
    x = a_grid()
    grid = BilateralGrid(small, PHOTO)
    again = images.resize(grid.result(x, large), (24, 32))
    inner = (slice(2, -2), slice(2, -2))  # resizing itself is less exact at the border
    np.testing.assert_allclose(again[inner], grid.result(x, small)[inner], atol=0.01)


def cv_smooth(image):
    import cv2

    return cv2.GaussianBlur(image, (0, 0), 3)


def test_a_global_affine_change_of_colours_is_found():
    """The style is the content itself, darker and bluer: the result comes most of the way to it."""
    content = images.resize(samples.frame(30), (72, 128))
    style = np.clip(content * [0.5, 0.55, 0.75] + [0, 0, 0.05], 0, 1).astype(np.float32)
    settings = replace(PHOTO, size=128, steps=40, content_weight=0.0, scales=1)
    result = stylize(content, style, settings)
    assert np.abs(result - style).mean() < 0.25 * np.abs(content - style).mean()


def test_a_photograph_is_fitted_small_and_applied_at_its_own_size():
    content = images.resize(samples.frame(30), (270, 480))
    run = Run(content, samples.frame(0), Settings(rendering="photo", steps=4))
    shapes = [step.shape for step in run]
    assert shapes == [(72, 128), (72, 128), (144, 256), (144, 256)]
    assert run.image.shape == content.shape and {"roughness", "leaving"} <= set(run.curves)
    run.settings = replace(run.settings, strength=0.0)  # steered, without a further step
    np.testing.assert_array_equal(run.image, content)


def test_a_run_goes_on_from_its_state():
    content, style = samples.frame(30), samples.frame(0)
    whole = Run(content, style, PHOTO).finish()
    run = Run(content, style, PHOTO)
    for _ in range(3):
        next(run)
    other = Run(content, style, PHOTO)
    other.restore(run.state())
    np.testing.assert_array_equal(other.finish(), whole)


def test_masks_give_each_region_its_own_photograph():
    content = images.resize(samples.frame(30), (64, 96))
    left = np.zeros((64, 96), np.float32)
    left[:, :48] = 1
    dark, light = np.float32(0.7) * content, np.float32(0.3) + np.float32(0.7) * content
    settings = replace(PHOTO, steps=30)
    result = stylize(content, [dark, light], settings, masks=[left, 1 - left])
    shared = stylize(content, [dark, light], replace(settings, regions="shared"), masks=[left, 1 - left])
    apart, together = (change[:, 60:].mean() - change[:, :36].mean() for change in (result - content, shared - content))
    assert apart > 0.05 > 0.02 > abs(together)


def test_what_no_mask_claims_stays_the_source():
    content = a_picture((24, 32))
    mask = np.zeros((24, 32), np.float32)
    mask[:, :8] = 1
    settings = replace(PHOTO, content_weight=0.0)
    grid = BilateralGrid(content, settings, masks=[mask])
    result = grid.result(a_grid(), content)
    assert np.abs(result - content)[:, :4].mean() > 0.01
    np.testing.assert_array_equal(result[:, 16:], content[:, 16:])
    np.testing.assert_array_equal(grid.result(grid.begin(content), content), content)


def test_regions_slice_as_their_grids_do_alone():
    """Two masks that cover everything by halves: the mean of the two grids' pictures."""
    content, half = 0.3 + 0.4 * a_picture((12, 16)), np.full((6, 8), 0.5, np.float32)
    one, other = a_grid(size=0.02), a_grid(size=0.02)[::-1]
    alone = [BilateralGrid(content, PHOTO).result(x, content) for x in (one, other)]
    both = BilateralGrid(content, PHOTO, masks=[half, half])
    x = tf.concat([one, other], -1)
    np.testing.assert_allclose(both.result(x, content), (alone[0] + alone[1]) / 2, atol=1e-5)
    np.testing.assert_allclose(both.picture(x), (alone[0] + alone[1]) / 2, atol=1e-5)


def test_a_coarse_mask_ends_at_the_edge_that_it_means():
    content = np.full((24, 240, 3), 0.8, np.float32)
    content[:, 123:] = 0.2
    mask = np.zeros((6, 60), np.float32)
    mask[:, :30] = 1  # to pixel 120: three too few
    followed = guided_filter.followed(mask, content)
    assert followed[:, :123].min() > 0.6 > 0.3 > followed[:, 123:].max()
    shares = guided_filter.regions([mask, np.ones_like(mask)], content)
    assert shares.shape == (24, 240, 2) and shares.sum(-1).max() <= 1 + 1e-6


@pytest.mark.parametrize(
    "wrong",
    [{"engine": "hub"}, {"convention": "gatys"}, {"init": "noise"}, {"size": 8}, {"luma_bins": 1}, {"strength": 3}],
)
def test_what_a_photograph_cannot_be_made_with_is_one_line(wrong):
    with pytest.raises(NstlibError, match=next(iter(wrong))) as raised:
        Settings(rendering="photo", **wrong)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("wrong", [{"size": 0}, {"strength": 1.5}])
def test_what_only_a_photograph_can_have_is_refused_for_a_painting(wrong):
    with pytest.raises(NstlibError, match="photo"):
        Settings(**wrong)


def test_a_panorama_is_fitted_as_large_as_its_deepest_layer_needs():
    content = images.resize(samples.frame(30), (40, 480))
    run = Run(content, samples.frame(0), Settings(rendering="photo", steps=2))
    assert min(run.stages[-1].shape) == 32 and run.finish().shape == content.shape
    assert (
        working_shape((3000, 4000), PHOTO) == (72, 96)
        and working_shape((270, 480), Settings(rendering="photo"))[1] == 256
    )
    with pytest.raises(NstlibError, match="the picture is 400 x 18"):
        Run(content[:18, :400], samples.frame(0), Settings(rendering="photo", steps=2))
