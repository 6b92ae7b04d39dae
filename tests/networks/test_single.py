"""The network of one painting: its levels grow smoothly, and each picture has the size of its content."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import smooth_noise
from test_instant import network

from nstlib.networks import single

PHOTOS = np.stack([smooth_noise(i, (64, 48)) for i in range(2)])


@pytest.fixture(scope="module")
def weights():
    return single.fold(network(), smooth_noise(7, (64, 64))[None], PHOTOS)


def test_what_is_interpolated_is_what_bilinear_resizing_gives():
    x = np.random.default_rng(0).normal(size=(2, 6, 9, 5)).astype(np.float32)
    larger = single.interpolated(tf.constant(x)).numpy()
    expected = tf.image.resize(x, (12, 18)).numpy()
    np.testing.assert_allclose(larger[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], atol=1e-6)


def test_the_largest_levels_have_no_grid_of_their_own(weights):
    # Repeated positions have no differences inside a pair, and all of them from one pair to the next.
    weights = weights | {"skip0/kernel": np.zeros_like(weights["skip0/kernel"])}
    features = single.see(weights, tf.constant(PHOTOS))
    seen = {}

    def watching(weights, x, name, pad):
        seen[name] = x.numpy()
        return single.layer(weights, x, name, pad)

    single.decode(weights, features, watching)
    apart = np.abs(np.diff(seen["block00"], axis=2))[:, 8:-8, 7:-7]
    assert 0.5 < apart[:, :, ::2].mean() / apart[:, :, 1::2].mean() < 2


def test_a_block_that_instant_lacks_begins_as_no_change(weights):
    assert not np.any(weights["block11/kernel"]) and np.any(weights["block10/kernel"])


def test_a_picture_has_the_size_of_its_content(weights):
    assert single.stylise(weights, tf.constant(PHOTOS)).shape == PHOTOS.shape


def test_zeros_around_the_largest_levels_are_felt_within_the_margin_alone(weights):
    mirrored = single.stylise(weights, tf.constant(PHOTOS)).numpy()
    apart = np.abs(single.stylise(weights, tf.constant(PHOTOS), largest=single.zero_padded).numpy() - mirrored)
    inner = slice(single.MARGIN, -single.MARGIN)
    assert apart[:, inner, inner].max() < 1 / 255 < apart.max()
