import numpy as np
import pytest
import tensorflow as tf

from nstlib.core import losses
from nstlib.core.speed.gradients import absolute_variation, products
from nstlib.errors import NstlibError
from nstlib.settings import CONVENTIONS


def features(seed, shape=(1, 3, 4, 5)):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def tutorial_gram_matrix(tensor):
    """The formula that the TensorFlow tutorial states: G_cd = Σ_ij F_ijc F_ijd / (I J)."""
    f = tensor.numpy()[0].astype(np.float64)
    return sum(np.outer(f[i, j], f[i, j]) for i in range(f.shape[0]) for j in range(f.shape[1])) / (
        f.shape[0] * f.shape[1]
    )


def test_gram_matrix_by_hand():
    two = tf.constant([[[[1.0, 2.0], [3.0, 4.0]]]])  # positions (1, 2) and (3, 4)
    np.testing.assert_allclose(losses.gram_matrix(two), [[5, 7], [7, 10]])


def test_gram_matrix_is_the_tutorials():
    np.testing.assert_allclose(losses.gram_matrix(features(0)), tutorial_gram_matrix(features(0)), rtol=1e-5)


def test_gram_matrix_of_bfloat16_is_that_of_its_numbers_in_float32():
    f, slope = tf.cast(features(0), tf.bfloat16), tf.constant(np.random.default_rng(1).normal(size=(5, 5)), tf.float32)
    exact = tf.cast(f, tf.float32)
    np.testing.assert_array_equal(losses.gram_matrix(f), losses.gram_matrix(exact))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([f, exact])
        ours, theirs = (tf.reduce_sum(slope * losses.gram_matrix(x)) for x in (f, exact))
    np.testing.assert_array_equal(tape.gradient(ours, f), tf.cast(tape.gradient(theirs, exact), tf.bfloat16))


def test_gram_matrix_forgets_positions():
    f = features(0)
    shuffled = tf.random.shuffle(tf.reshape(f, [12, 5]), seed=1)
    np.testing.assert_allclose(losses.gram_matrix(f), losses.gram_matrix(tf.reshape(shuffled, f.shape)), rtol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_the_gram_matrixs_gradient_is_that_of_its_formula(masked):
    f, slope = features(0), tf.constant(np.random.default_rng(1).normal(size=(5, 5)), tf.float32)
    mask = (
        tf.constant(np.random.default_rng(2).uniform(size=f.shape[1:3]), tf.float32)
        if masked
        else tf.ones(f.shape[1:3])
    )
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(f)
        ours = tf.reduce_sum(slope * losses.gram_matrix(f, mask if masked else None))
        formula = tf.einsum("hw,hwc,hwd->cd", mask, f[0], f[0]) / tf.reduce_sum(mask)
        theirs = tf.reduce_sum(slope * formula)
    np.testing.assert_allclose(tape.gradient(ours, f), tape.gradient(theirs, f), rtol=1e-4, atol=1e-6)


def test_masked_gram_matrix_is_the_regions():
    f, mask = features(0), np.zeros((3, 4), np.float32)
    mask[:, 1:3] = 1
    np.testing.assert_allclose(losses.gram_matrix(f, mask), losses.gram_matrix(f[:, :, 1:3]), rtol=1e-5)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_no_loss_where_nothing_differs(convention):
    f, gram = features(0), losses.gram_matrix(features(0))
    assert losses.content_loss(f, f, convention=convention) == 0
    assert losses.style_loss(gram, gram, convention=convention) == 0


def test_content_loss_by_hand():
    f, p = tf.constant([[[[1.0, 2.0]]]]), tf.constant([[[[3.0, 1.0]]]])  # Σ (F − P)² = 5, Σ P² = 10
    assert losses.content_loss(f, p, convention="gatys") == 2.5
    assert losses.content_loss(f, p, convention="tutorial") == 2.5  # 5 over 2 values
    assert losses.content_loss(f, p, convention="relative") == 0.5


def test_style_loss_is_gatys_equation_4():
    f, a = features(0), features(1)
    n, m = 5, 12
    big = [m * losses.gram_matrix(x).numpy() for x in (f, a)]  # the paper's G and A, not divided by M
    expected = ((big[0] - big[1]) ** 2).sum() / (4 * n**2 * m**2)
    given = losses.style_loss(losses.gram_matrix(f), losses.gram_matrix(a), convention="gatys")
    np.testing.assert_allclose(given, expected, rtol=1e-5)


def test_the_tutorials_losses():
    f, p = features(0), features(1)
    grams = [tutorial_gram_matrix(x) for x in (f, p)]
    given = losses.style_loss(losses.gram_matrix(f), losses.gram_matrix(p), convention="tutorial")
    np.testing.assert_allclose(given, np.mean((grams[0] - grams[1]) ** 2), rtol=1e-5)
    given = losses.content_loss(f, p, convention="tutorial")
    np.testing.assert_allclose(given, np.mean((f.numpy() - p.numpy()) ** 2), rtol=1e-5)


def test_relative_losses_do_not_know_the_features_scale():
    f, p = features(0), features(1)
    np.testing.assert_allclose(losses.content_loss(f, p), losses.content_loss(100 * f, 100 * p), rtol=1e-5)
    g, a = losses.gram_matrix(f), losses.gram_matrix(p)
    np.testing.assert_allclose(losses.style_loss(g, a), losses.style_loss(9 * g, 9 * a), rtol=1e-5)


def test_a_folded_head_names_its_own_channels():
    f, p = features(0), features(1)
    eight = losses.content_loss(f, p, convention="tutorial", channels=8)
    np.testing.assert_allclose(eight, losses.content_loss(f, p, convention="tutorial") * 5 / 8, rtol=1e-6)


def test_total_variation_is_the_tutorials():
    image = tf.random.stateless_uniform((6, 7, 3), seed=(1, 2))
    expected = tf.image.total_variation(image)
    np.testing.assert_allclose(losses.total_variation_loss(image, convention="tutorial"), expected, rtol=1e-5)
    np.testing.assert_allclose(losses.total_variation_loss(image), expected / (6 * 7 * 3), rtol=1e-5)
    assert losses.total_variation_loss(tf.ones((5, 5, 3))) == 0


def test_temporal_loss_has_a_gradient_where_motion_is_trusted_and_none_elsewhere():
    image, warped = (tf.random.stateless_uniform((4, 5, 3), seed=(i, 0)) for i in (1, 2))
    trusted = np.zeros((4, 5), np.float32)
    trusted[:, :2] = 1
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = losses.temporal_loss(image, warped, tf.constant(trusted))
    gradient = tape.gradient(loss, image).numpy()
    assert (gradient[:, 2:] == 0).all() and (gradient[:, :2] != 0).all()
    expected = ((image - warped).numpy()[:, :2] ** 2).sum() / (4 * 5 * 3)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_an_unknown_convention_quotes_the_table():
    with pytest.raises(NstlibError, match="choose from relative, tutorial, gatys"):
        losses.content_loss(features(0), features(1), convention="johnson")


@pytest.mark.parametrize("shape", [(6, 7), (1, 5), (4, 1), (2, 2), (3, 4, 5)])
def test_the_gradient_of_total_variation_is_that_of_its_slices(shape):
    image = tf.random.stateless_normal((*shape, 3), (1, 2))
    gradients = []
    for variation in (absolute_variation, tf.image.total_variation):
        with tf.GradientTape() as tape:
            tape.watch(image)
            total = 3.0 * tf.reduce_sum(variation(image))
        gradients.append(tape.gradient(total, image))
    np.testing.assert_allclose(*gradients, atol=1e-6)


@pytest.mark.parametrize("shape", [(6, 4), (3, 6, 4)])
def test_the_gradient_of_products_is_that_of_a_plain_product(shape):
    flat, gradients = tf.random.stateless_normal(shape, (1, 2)), []
    upstream = tf.random.stateless_normal((*shape[:-2], 4, 4), (3, 4))
    for product in (products, lambda x: tf.matmul(x, x, transpose_a=True)):
        with tf.GradientTape() as tape:
            tape.watch(flat)
            total = tf.reduce_sum(upstream * product(flat))
        gradients.append(tape.gradient(total, flat))
    np.testing.assert_allclose(*gradients, atol=1e-5)
