"""The relaxed earth mover's distance against a plain loop, and its laws."""

import numpy as np
import pytest
import tensorflow as tf

from nstlib.core.style_losses import remd

CHANNELS = {"block1_conv1": 64, "block2_conv1": 128}


def features(seed, shape):
    return tf.constant(np.random.default_rng(seed).uniform(0.1, 1, shape) ** 2, tf.float32)


def pictures(seed):
    """Features of two layers."""
    return {"block1_conv1": features(seed, (1, 20, 24, 4)), "block2_conv1": 9 * features(seed + 50, (1, 10, 12, 5))}


def distances(own, style, mask=None):
    target = {layer: remd.prepared(remd.statistics(f)[None]) for layer, f in style.items()}
    masks = {
        layer: mask if mask is None else tf.image.resize(mask[..., None], f.shape[1:3])[..., 0]
        for layer, f in own.items()
    }
    own = {layer: remd.statistics(f, masks[layer])[None] for layer, f in own.items()}
    return remd.distances(own, target, convention="relative", channels=CHANNELS)


def cosine(a, b):
    return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def looped(columns, style, counts):
    """max of the means of row and column minima, position by position."""
    rows = [min(cosine(a, b) for b in style) for a, c in zip(columns, counts, strict=True) if c]
    there = [min(cosine(a, b) for a, c in zip(columns, counts, strict=True) if c) for b in style]
    return max(np.mean(rows), np.mean(there))


@pytest.mark.parametrize("masked", [False, True])
def test_it_is_the_plain_loops(masked):
    columns, style = (features(i, (1, n, 6)) for i, n in ((0, 17), (1, 11)))
    counts = np.ones((1, 17), np.float32)
    if masked:
        counts[:, ::3] = 0
    found = remd.relaxed_distance(columns, style, tf.constant(counts))
    expected = looped(columns[0].numpy().astype(np.float64), style[0].numpy().astype(np.float64), counts[0])
    np.testing.assert_allclose(found, [expected], rtol=1e-4)


def test_the_searched_pairs_are_as_near_as_the_nearest_whatever_the_arithmetic(monkeypatch):
    rng = np.random.default_rng(0)
    columns, style = (tf.constant(rng.normal(1, 0.3, (1, n, 90)), tf.float32) for n in (120, 150))
    exact = remd.cosine_distance(columns, style)
    for has in (True, False):
        monkeypatch.setattr(remd, "has_bfloat16", lambda has=has: has)
        found = remd.relaxed_distance(columns, style, tf.ones((1, 120)))
        best = max(float(tf.reduce_mean(tf.reduce_min(exact, axis=axis))) for axis in (1, 2))
        assert best * (1 - 1e-4) < float(found[0]) < best * (1.01 if has else 1.0001)


def test_a_halved_picture_is_seen_at_fewer_positions():
    grid = np.arange(remd.GRID**2, dtype=np.float32).reshape(1, -1, 1)
    rows = remd.thinned(tf.constant(grid), 2).numpy().reshape(-1)
    np.testing.assert_array_equal(rows[:2], [0, 2])
    assert rows[remd.GRID // 2] == 2 * remd.GRID and len(rows) == (remd.GRID // 2) ** 2


def test_it_is_nothing_for_the_style_itself_and_something_for_another():
    same, other = (distances(pictures(i), pictures(0)) for i in (0, 3))
    for layer in CHANNELS:
        assert float(same[layer][0]) == pytest.approx(0, abs=1e-4)
        assert float(other[layer][0]) > 0.02 * remd.STRENGTH


def test_every_layer_tells_the_hypercolumns_distance():
    first, second = distances(pictures(3), pictures(0)).values()
    np.testing.assert_allclose(first, second, rtol=1e-5)


def test_what_a_mask_leaves_out_does_not_count():
    own, mask = pictures(3), np.ones((20, 24), np.float32)
    mask[:, 12:] = 0
    others = pictures(5)
    changed = {
        n: tf.concat([f[:, :, : f.shape[2] // 2], others[n][:, :, f.shape[2] // 2 :]], 2) for n, f in own.items()
    }
    before, after = (distances(x, pictures(0), tf.constant(mask))["block1_conv1"] for x in (own, changed))
    np.testing.assert_allclose(before, after, rtol=0.05)  # but for positions that a layer's grid mixes at the edge


def test_content_is_the_pattern_of_distances_within_the_picture():
    """Every position turned and stretched alike looks the same from within; shuffled positions do not."""
    f = features(0, (1, 24, 24, 6))
    turn = tf.constant(np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0], tf.float32)
    assert float(remd.content_loss(3 * f @ turn, f)) == pytest.approx(0, abs=1e-4)
    assert float(remd.content_loss(f[:, ::-1], f)) > 0.05


def test_its_gradients_are_those_of_finite_differences():
    own, style = features(0, (1, 17, 6)), features(1, (1, 11, 6))
    counts = tf.ones((1, 17))

    def loss(x):
        own, goal = (remd.moments(f[:, :, None])[None] for f in (x, style))
        return tf.reduce_sum(remd.relaxed_distance(x, style, counts) + remd.moments_distance(own, goal))

    with tf.GradientTape() as tape:
        tape.watch(own)
        value = loss(own)
    gradient = tape.gradient(value, own)
    direction = gradient / tf.norm(gradient)
    up, down = (float(loss(own + h * direction)) for h in (1e-2, -1e-2))
    assert (up - down) / 2e-2 == pytest.approx(float(tf.norm(gradient)), rel=0.02)
