"""The Gaussian style losses against their formulas: `wasserstein` by scipy in float64, `moments` by NumPy."""

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from nstlib.core import losses
from nstlib.core.style_losses import moments, wasserstein

CHANNELS = {"block1_conv1": 64}


def features(seed, shape=(1, 9, 8, 6), scale=3.0):
    """Features with a mean, channels of different sizes, and dependences among them."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=shape) @ rng.normal(size=(shape[-1], shape[-1])) * np.linspace(0.3, 1, shape[-1])
    return tf.constant(scale * (mixed + rng.normal(size=shape[-1])), tf.float32)


def distance(module, own, style, convention="relative"):
    """The module's own distance of two pictures' features in one layer."""
    target = module.prepared(module.statistics(style)[None])
    own = {"block1_conv1": module.statistics(own)[None]}
    return module.distances(own, {"block1_conv1": target}, convention=convention, channels=CHANNELS)["block1_conv1"][0]


def oracle(own, style):
    """|μ − μ_s|² + tr(S + S_s − 2 (S_s^½ S S_s^½)^½) over E |F_s|², in float64, without a ridge."""
    a, b = (x.numpy().reshape(-1, x.shape[-1]).astype(np.float64) for x in (own, style))
    s, t = (np.cov(x.T, bias=True) for x in (a, b))
    root = scipy.linalg.sqrtm(t).real
    between = scipy.linalg.sqrtm(root @ s @ root).real
    apart = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s + t - 2 * between)
    return apart / np.mean(np.sum(b**2, axis=1))


@pytest.mark.parametrize(("own", "style"), [(0, 1), (2, 3), (4, 0)])
def test_it_is_the_distance_of_two_gaussians(own, style):
    a, b = features(own), features(style)
    assert float(distance(wasserstein, a, b)) == pytest.approx(wasserstein.STRENGTH * oracle(a, b), rel=2e-3)


def test_moments_by_numpy():
    a, b = (features(i).numpy().reshape(-1, 6) for i in (0, 1))
    apart = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.sum((a.std(0) - b.std(0)) ** 2)
    expected = moments.STRENGTH * apart / np.mean(np.sum(b**2, axis=1))
    assert float(distance(moments, features(0), features(1))) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("module", [wasserstein, moments])
def test_it_is_zero_for_equal_features_wherever_they_stand(module):
    f = features(0)
    shuffled = tf.reshape(tf.random.experimental.stateless_shuffle(tf.reshape(f, [72, 6]), (1, 2)), f.shape)
    assert float(distance(module, shuffled, f)) == pytest.approx(0, abs=1e-5)
    assert float(distance(module, features(1), f)) > 0.1


def test_the_distance_of_covariances_is_symmetric():
    s, t = (wasserstein.gaussian(wasserstein.statistics(features(i))[None])[1] for i in (0, 1))
    there, back = (wasserstein.bures(a, wasserstein.square_root(b)) for a, b in ((s, t), (t, s)))
    np.testing.assert_allclose(there, back, rtol=1e-4)


@pytest.mark.parametrize("module", [wasserstein, moments])
@pytest.mark.parametrize("convention", ["relative", "tutorial", "gatys"])
def test_its_gradient_is_that_of_finite_differences(module, convention):
    own, style = features(0), features(1)
    with tf.GradientTape() as tape:
        tape.watch(own)
        loss = distance(module, own, style, convention)
    gradient = tape.gradient(loss, own)
    direction = gradient / tf.norm(gradient)
    up, down = (float(distance(module, own + h * direction, style, convention)) for h in (0.2, -0.2))
    assert (up - down) / 0.4 == pytest.approx(float(tf.norm(gradient)), rel=0.01)


@pytest.mark.parametrize("module", [wasserstein, moments])
@pytest.mark.parametrize("shape", [(1, 1, 3, 6), (1, 1, 1, 6)])
def test_it_is_finite_for_fewer_positions_than_channels_and_for_a_flat_picture(module, shape):
    for own, style in ((features(0, shape), features(1)), (features(1), features(0, shape)), (0 * features(0),) * 2):
        with tf.GradientTape() as tape:
            tape.watch(own)
            loss = distance(module, own, style)
        assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, own)).all()


@pytest.mark.parametrize("module", [wasserstein, moments])
def test_it_does_not_know_the_features_scale(module):
    plain, large = (distance(module, k * features(0), k * features(1)) for k in (1.0, 400.0))
    np.testing.assert_allclose(plain, large, rtol=1e-3)


@pytest.mark.parametrize("module", [wasserstein, moments])
@pytest.mark.parametrize("convention", ["tutorial", "gatys"])
def test_a_conventions_unit_is_grams(module, convention):
    """A distance in a convention is to the relative one as Gram's own is."""
    own, style = features(0), features(1)
    grams = [losses.gram_matrix(f) for f in (own, style)]
    of_gram = losses.style_loss(*grams, convention=convention, channels=64) / losses.style_loss(*grams)
    ratio = distance(module, own, style, convention) / distance(module, own, style)
    np.testing.assert_allclose(ratio, of_gram, rtol=1e-4)


@pytest.mark.parametrize("module", [wasserstein, moments])
def test_a_masks_statistics_are_its_regions(module):
    f, mask = features(0), np.zeros((9, 8), np.float32)
    mask[:, 2:5] = 1
    np.testing.assert_allclose(module.statistics(f, mask), module.statistics(f[:, :, 2:5]), rtol=1e-4, atol=1e-4)


def test_a_rotation_of_the_channels_changes_nothing():
    """A folded head's channels are turned against its layer's own."""
    turn = tf.constant(scipy.linalg.qr(np.random.default_rng(7).normal(size=(6, 6)))[0], tf.float32)
    plain, turned = (
        distance(wasserstein, features(0), features(1)),
        distance(wasserstein, features(0) @ turn, features(1) @ turn),
    )
    np.testing.assert_allclose(plain, turned, rtol=1e-3)
