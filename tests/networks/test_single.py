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


def test_a_picture_lacks_its_contents_margins(weights):
    assert single.stylise(weights, tf.constant(PHOTOS)).shape == (2, 48, 32, 3)


def test_what_surrounds_the_largest_levels_is_cut_off(weights):
    def apart(margin: int) -> float:
        """The largest difference between zeros around those levels and mirrored surroundings."""
        pictures = []
        for pad in (single.zero_padded, single.reflected):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(single, "MARGIN", margin)
                patch.setattr(single, "zero_padded", pad)
                pictures.append(single.stylise(weights, tf.constant(PHOTOS)).numpy())
        return np.abs(pictures[0] - pictures[1]).max()

    assert apart(single.MARGIN) < 1 / 255 < apart(1)
