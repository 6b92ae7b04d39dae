"""Mean products of what leaves through a linear head: those of the features, without the features."""

import numpy as np
import pytest
import tensorflow as tf

from nstlib.core import losses
from nstlib.core.features import load_extractor
from nstlib.core.model import load_model
from nstlib.core.speed.gradients import products, products_with_one
from nstlib.core.speed.heads import Headed, computed, head_matrix, mean_products
from nstlib.core.style_losses import load_style_loss
from nstlib.settings import STYLE_LAYERS, Settings


@pytest.fixture
def headed():
    """(1, 6, 7, 3) behind a head of 5 channels."""
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(3, 5)), rng.normal(size=5)
    seen = tf.constant(rng.uniform(size=(1, 6, 7, 3)), tf.float32)
    return Headed(seen, tf.constant(head_matrix(kernel, bias), tf.float32)), seen.numpy() @ kernel + bias


def test_products_with_one_are_those_of_features_with_ones_and_so_is_their_gradient():
    features, found = tf.random.stateless_normal((1, 4, 5, 3), (1, 2)), []
    upstream = tf.random.stateless_normal((4, 4), (3, 4))

    def plain(x):
        flat = tf.reshape(x, [-1, 3])
        return products(tf.concat([flat, tf.ones_like(flat[:, :1])], axis=1))

    for function in (products_with_one, plain):
        with tf.GradientTape() as tape:
            tape.watch(features)
            made = function(features)
            total = tf.reduce_sum(upstream * made)
        found.append((made, tape.gradient(total, features)))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_mean_products_are_those_of_the_features(headed):
    ours, features = headed
    np.testing.assert_allclose(computed(ours), features, atol=1e-5)
    ones = np.concatenate([features, np.ones_like(features[..., :1])], axis=-1).reshape(-1, 6)
    np.testing.assert_allclose(mean_products(ours), ones.T @ ones / 42, atol=1e-4)
    np.testing.assert_allclose(losses.gram_matrix(ours), (ones.T @ ones / 42)[:-1, :-1], atol=1e-4)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", ["gram", "moments", "wasserstein", "remd"])
def test_every_style_loss_takes_a_head_as_it_takes_features(headed, name, masked):
    ours, features = headed
    loss, mask = load_style_loss(name), tf.constant(np.linspace(0, 1, 42).reshape(6, 7), tf.float32) if masked else None
    np.testing.assert_allclose(
        loss.statistics(ours, mask), loss.statistics(tf.constant(features, tf.float32), mask), atol=1e-4
    )


def test_a_style_loss_computes_no_head(monkeypatch):
    monkeypatch.setattr(Headed, "features", lambda _: pytest.fail("a head was computed"))
    extract, loss = load_extractor("compact", STYLE_LAYERS), load_model(Settings()).style_loss
    found = extract(tf.zeros((1, 32, 32, 3)), lambda _, features: [loss.statistics(features)])
    assert set(found) == set(STYLE_LAYERS)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_compacts_statistics_are_those_of_its_features(precision):
    extract = load_extractor("compact", STYLE_LAYERS, precision=precision)
    image = tf.random.stateless_uniform((1, 64, 48, 3), (1, 2))
    direct = extract(image, lambda _, features: [losses.gram_matrix(features)])
    for layer, features in extract(image).items():
        plain = losses.gram_matrix(features)
        apart = tf.norm(direct[layer][0] - plain) / tf.norm(plain)
        assert apart < (1e-5 if precision == "float32" else 4e-3), layer  # bfloat16 rounds features, and no products
