"""The instant network's laws: statistics, their transfer and blending; its training learns and resumes."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import eagerly, toy_teacher, trains
from keras import ops

from nstlib.errors import NstlibError
from nstlib.networks import compact, instant
from nstlib.workshop.training import decoder
from nstlib.workshop.training.decoder_data import KINDS, StylePictures
from nstlib.workshop.training.distill_data import Pictures, read_folder
from nstlib.workshop.training.distill_teacher import slim
from nstlib.workshop.training.export_instant import InstantModule, export


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def covariances(seed, count, channels):
    f = noise(seed, count, 3 * channels, channels)
    return np.swapaxes(f, 1, 2) @ f / f.shape[1]


def network(seed=0):
    """Compact's trunk with a decoder of random weights."""
    weights = {n: w for n, w in compact.load(compact.FILE).items() if n.split("/")[0] in compact.LAYOUT}
    weights |= {f"{site}/scale": np.float32(1) for site in instant.LEVELS}
    return weights | instant.initial(np.random.default_rng(seed))


@pytest.fixture(scope="module")
def module():
    return InstantModule(network())


def pictures(*seeds, shape=(64, 48)):
    return np.stack([np.random.default_rng(s).uniform(size=(*shape, 3)) for s in seeds]).astype(np.float32)


def test_square_root_agrees_with_the_eigenvalues():
    matrices = covariances(0, 2, 24)
    root, inverse = instant.square_root(ops.convert_to_tensor(matrices), 1e-4)
    ridge = 1e-4 * np.linalg.norm(matrices, axis=(1, 2))
    values, axes = np.linalg.eigh(matrices + ridge[:, None, None] * np.eye(24))
    for result, power in ((root, 0.5), (inverse, -0.5)):
        expected = axes * values[:, None] ** power @ np.swapaxes(axes, 1, 2)
        np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_transfer_gives_features_the_styles_mean_and_covariance():
    content, style = noise(1, 1, 20, 30, 8) @ noise(2, 8, 8), 3 + noise(3, 1, 25, 25, 8) @ noise(4, 8, 8)
    own = [(m, *instant.square_root(c, 1e-6)) for m, c in [instant.moment(ops.convert_to_tensor(content))]]
    mean, covariance = instant.moment(ops.convert_to_tensor(style))
    ((change, offset),) = instant.transfer(own, [(mean, instant.square_root(covariance, 1e-6)[0])])
    got_mean, got_covariance = instant.moment(instant.apply(ops.convert_to_tensor(content), change, offset))
    np.testing.assert_allclose(got_mean, mean, atol=1e-3)
    np.testing.assert_allclose(got_covariance, covariance, atol=0.01 * np.abs(covariance).max())


def test_at_strength_0_no_feature_is_changed():
    features = instant.encode(network(), ops.convert_to_tensor(pictures(1)))
    own = instant.look(features)
    style = [(mean, root) for mean, root, _ in own]
    for f, (change, offset) in zip(features, instant.transfer(own, style), strict=True):
        np.testing.assert_allclose(instant.apply(f, change, offset), f, atol=0.02 * float(ops.max(ops.abs(f))))


def test_blended_statistics_lie_between_those_of_their_styles():
    one, other = ([(noise(s, 1, 4), noise(s + 1, 1, 4, 4))] for s in (0, 5))
    mean, root = instant.mixed((0.25, 0.75), [one, other])[0]
    np.testing.assert_allclose(mean, 0.25 * one[0][0] + 0.75 * other[0][0], rtol=1e-6)
    np.testing.assert_allclose(root, 0.25 * one[0][1] + 0.75 * other[0][1], rtol=1e-6)


def test_each_picture_of_a_batch_is_painted_by_itself(module):
    contents, vector = pictures(1, 2), module.statistics(pictures(3))
    together = module.paint(contents, vector, 1.0)
    apart = np.concatenate([module.paint(contents[i : i + 1], vector, 1.0) for i in range(2)])
    np.testing.assert_allclose(together, apart, atol=1e-3)


@pytest.mark.parametrize("shape", [(16, 16), (33, 50), (64, 47)])
def test_pictures_of_any_size_keep_it(module, shape):
    content = pictures(1, shape=shape)
    assert module(content, pictures(2))[0].shape == content.shape
    assert module.paint(content, module.statistics(pictures(2)), 0.5).shape == content.shape


def test_the_style_s_arrangement_does_not_matter_but_its_colours_do(module):
    """Statistics are of positions in any order; at the pixels they are exactly so."""
    style = pictures(4)
    shuffled = np.random.default_rng(0).permuted(style.reshape(1, -1, 3), axis=1).reshape(style.shape)
    turned = style[:, ::-1]
    pixels = slice(0, 3 + 9)
    np.testing.assert_allclose(module.statistics(turned)[:, pixels], module.statistics(style)[:, pixels], atol=1e-4)
    assert shuffled.shape == style.shape
    assert np.abs(module.statistics(style * 0.5) - module.statistics(style))[:, pixels].max() > 0.1


def test_an_exported_module_gives_the_same_picture(module, tmp_path):
    export(network(), tmp_path / "instant")
    loaded = tf.saved_model.load(str(tmp_path / "instant"))
    content, style = pictures(1), pictures(2)
    np.testing.assert_allclose(loaded(content, style)[0], module(content, style)[0], atol=1e-4)


def make_run(folder, **more):
    """A training on the fixture's pictures with a toy teacher."""
    given = {"photos": folder, "paintings": folder, "teacher": folder, "size": 32, "batch": 3, "styles": 8, **more}
    args = decoder.parse([word for name, value in given.items() for word in (f"--{name}", str(value))])
    photos, paintings = (read_folder(folder / name, short=64) for name in ("photos", "paintings"))
    styles = StylePictures({"photo": photos, "painting": paintings, "drawn": paintings}, args.size)
    return decoder.Run(args, Pictures(photos, paintings, args.size), styles, slim(toy_teacher()))


@trains
def test_ten_steps_of_training_lower_the_loss(folder):
    run = make_run(folder)
    batch = run.batch(np.random.default_rng(9))
    with eagerly():
        before = float(run.lesson.test_on_batch(batch))
    for _ in range(10):
        next(run)
    with eagerly():
        assert float(run.lesson.test_on_batch(batch)) < before


@trains
def test_a_resumed_training_goes_on_as_if_never_stopped(folder, untraced):
    run = make_run(folder)
    next(run)
    run.save_state(folder / "s.npz")
    resumed = make_run(folder)
    resumed.load_state(folder / "s.npz")
    next(run)
    next(resumed)
    assert resumed.step == run.step == 2
    for name, array in run.network.arrays().items():
        np.testing.assert_allclose(resumed.network.arrays()[name], array, atol=1e-4)


@trains
def test_a_training_begins_with_given_weights(folder):
    run = make_run(folder, seed=3)
    np.savez(folder / "start.npz", **run.weights())
    begun = make_run(folder, start=folder / "start.npz")
    for name, array in run.network.arrays().items():
        np.testing.assert_array_equal(begun.network.arrays()[name], array)


@trains
@pytest.mark.parametrize("damage", ["missing", "text", "another", "shape", "cut"])
def test_a_start_that_is_none_is_one_line(folder, damage):
    start = folder / "start.npz"
    if damage == "text":
        start.write_text("no weights")
    elif damage == "another":
        np.savez(start, a=np.zeros(3))
    elif damage == "shape":
        np.savez(start, **{n: np.zeros(2, np.float32) for n in instant.initial(np.random.default_rng(0))})
    elif damage == "cut":
        np.savez(start, a=np.zeros(99))
        start.write_bytes(start.read_bytes()[:400])
    with pytest.raises(NstlibError, match=r"start\.npz"):
        make_run(folder, start=start)


def test_twins_are_compared_where_they_show_the_same():
    picture, shift = pictures(1, 2, shape=(40, 40)), np.array([[2, 1], [0, 0]], np.float32)
    picture[1] = np.roll(picture[0], (2, 1), (0, 1))
    assert float(decoder.twins_apart(ops.convert_to_tensor(picture), ops.convert_to_tensor(shift))) == 0
    shift[0] = 0
    assert float(decoder.twins_apart(ops.convert_to_tensor(picture), ops.convert_to_tensor(shift))) > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_styles_to_learn_from_keep_the_pixel_contract(folder, kind):
    some = read_folder(folder / "photos", short=64)
    styles = StylePictures({"photo": some, "painting": some, "drawn": some}, 32)
    picture = styles.draw(np.random.default_rng(0), kind)
    assert picture.shape == (32, 32, 3)
    assert picture.dtype == np.float32
    assert 0 <= picture.min() <= picture.max() <= 1
