"""The light loss: a photograph no darker than its style."""

import numpy as np
import pytest
import tensorflow as tf

from nstlib.core.light import light_loss, luma_quantiles


def loss(picture, styles, *, shares=(1.0,), regions=None):
    regions = np.ones((*picture.shape[:2], len(styles)), np.float32) if regions is None else regions
    return light_loss(
        tf.constant(picture), luma_quantiles(styles), tf.constant(shares, tf.float32), tf.constant(regions)
    )


def grey(values, shape=(8, 32)):
    return np.broadcast_to(np.reshape(values, shape)[..., None], (*shape, 3)).astype(np.float32)


def noise(seed, shape=(8, 32)):
    return grey(np.random.default_rng(seed).random(shape), shape)


def test_it_is_the_mean_square_of_what_is_missing_between_sorted_lumas():
    picture, style = np.float32(0.6) * noise(0), noise(1)
    missing = np.maximum(0, np.sort(style[..., 0], None) - np.sort(picture[..., 0], None))
    assert float(loss(picture, [style])) == pytest.approx(np.mean(missing**2), rel=0.02)


def test_what_is_as_bright_or_brighter_costs_nothing_wherever_its_pixels_are():
    style = noise(0)
    assert float(loss(style[::-1, ::-1].copy(), [style])) < 1e-5
    assert float(loss(np.sqrt(style), [style])) == 0
    assert float(loss(style - np.float32(0.1), [style])) == pytest.approx(0.01, rel=0.02)


def test_each_style_counts_in_its_region_and_by_its_share():
    picture = grey([0.2] * 128 + [0.5] * 128)
    regions = np.zeros((8, 32, 2), np.float32)
    regions[:4, :, 0] = regions[4:, :, 1] = 1
    bright, dim = grey([0.6] * 256), grey([0.5] * 256)
    found = loss(picture, [bright, dim], shares=(0.25, 0.75), regions=regions)
    assert float(found) == pytest.approx(0.25 * 0.4**2, rel=1e-3)
    assert float(loss(picture, [dim, bright], shares=(0.25, 0.75), regions=regions)) == pytest.approx(
        0.25 * 0.3**2 + 0.75 * 0.1**2, rel=1e-3
    )


def test_its_gradient_equals_finite_differences():
    picture, style, along = np.float32(0.6) * noise(0), noise(1), np.float32(1) + noise(2)
    x = tf.constant(picture, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(x, [style])
    slope = float(tf.reduce_sum(tape.gradient(value, x) * along))
    step = 1e-5
    plain = lambda p: np.mean(np.maximum(0, quantiles - np.sort((p @ LUMA).ravel())) ** 2)  # noqa: E731
    quantiles = np.sort(style[..., 0].astype(np.float64), None)
    picture = picture.astype(np.float64)
    expected = (plain(picture + step * along) - plain(picture - step * along)) / (2 * step)
    assert slope == pytest.approx(expected, rel=0.02)


LUMA = np.array([0.299, 0.587, 0.114])
