"""The compact extractor's laws: its file is whole, its names are VGG19's, its features see style."""

import numpy as np
import pytest
import tensorflow as tf

from nstlib import samples
from nstlib.core.features import CHANNELS, checksum, load_extractor
from nstlib.core.losses import gram_matrix
from nstlib.core.speed.gradients import reflected
from nstlib.errors import NstlibError
from nstlib.media.images import load
from nstlib.networks import compact
from nstlib.settings import STYLE_LAYERS
from nstlib.workshop.bench.compact import style_at

NAMES = (*compact.SITES, *compact.NEAREST)
SIDE = 96


def picture(seed: int, shape: tuple[int, int] = (64, 64)) -> tf.Tensor:
    rng = np.random.default_rng(seed)
    return tf.constant(rng.uniform(size=(1, *shape, 3)), tf.float32)


def crops(name: str, count: int) -> list[np.ndarray]:
    """Squares from left to right out of a bundled style."""
    image = load(samples.styles()[name], size=4 * SIDE)
    top = (image.shape[0] - SIDE) // 2
    return [image[top : top + SIDE, x : x + SIDE] for x in np.linspace(0, image.shape[1] - SIDE, count).astype(int)]


def style_distance(extractor, one: np.ndarray, other: np.ndarray) -> float:
    """Mean over layers of |G − A|² / (|G| |A|)."""
    grams = [[gram_matrix(f).numpy() for f in extractor(tf.constant(x[None])).values()] for x in (one, other)]
    pairs = zip(*grams, strict=True)
    return float(np.mean([np.sum((a - b) ** 2) / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs]))


def test_the_weights_load_with_their_checksum_from_any_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    weights = compact.load(sha256=compact.SHA256)
    assert all(np.isfinite(array).all() for array in weights.values())
    assert compact.FILE.stat().st_size < 4e6


def test_a_corrupted_file_is_one_clear_line(monkeypatch, tmp_path):
    damaged = bytearray(compact.FILE.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file = tmp_path / "compact.npz"
    file.write_bytes(damaged)
    with pytest.raises(NstlibError, match="corrupted") as caught:
        compact.load(file, compact.SHA256)
    assert "\n" not in str(caught.value)
    file.write_bytes(b"no zip at all")
    with pytest.raises(NstlibError, match=r"no \.npz"):
        load_extractor("compact", STYLE_LAYERS, weights=str(file))


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(NstlibError, match="cannot be read"):
        compact.load(tmp_path / "none.npz")


@pytest.mark.parametrize("shape", [(64, 64), (50, 67), (33, 47)])
def test_it_answers_by_vgg19s_names_at_vgg19s_sizes(shape):
    """Sizes round down at each pooling; a block's last convolution is seen after it."""
    features = load_extractor("compact", NAMES)(picture(0, shape))
    for name in NAMES:
        halvings = int(name[5]) - 1 + (name in compact.POOLED)
        assert features[name].shape[1:3] == (shape[0] >> halvings, shape[1] >> halvings)


def test_its_smallest_picture_reaches_its_deepest_layer():
    extractor = load_extractor("compact", NAMES)
    features = extractor(picture(0, (extractor.smallest,) * 2))
    assert all(min(f.shape[1:3]) >= 1 for f in features.values())


def test_a_layer_it_lacks_is_an_error_that_names_those_it_has():
    with pytest.raises(NstlibError, match=r"block5_conv4.*block1_conv1"):
        load_extractor("compact", ("block5_conv4",))


def test_its_pooling_cannot_be_changed():
    with pytest.raises(NstlibError, match="pooling='average'"):
        load_extractor("compact", STYLE_LAYERS, pooling="average")


def test_layers_do_not_depend_on_which_others_are_asked_for():
    image = picture(1)
    alone = load_extractor("compact", ("block3_conv1",))(image)["block3_conv1"]
    np.testing.assert_allclose(alone, load_extractor("compact", NAMES)(image)["block3_conv1"], rtol=1e-4, atol=1e-5)


def test_a_convolution_sees_what_is_given_in_the_place_of_its_input():
    weights, image = compact.load(), picture(4)
    own = compact.trunk(weights, image, {"conv11", "conv12"})
    same = compact.trunk(weights, image, {"conv12"}, own)["conv12"]
    np.testing.assert_allclose(same, own["conv12"], rtol=1e-5)
    silent = compact.trunk(weights, image, {"conv12"}, {"conv11": 0 * own["conv11"]})["conv12"]
    np.testing.assert_allclose(silent[0, 0, 0], np.maximum(weights["conv12/bias"], 0), rtol=1e-5)


def test_bfloat16_is_near_float32():
    image = picture(2)
    exact = load_extractor("compact", STYLE_LAYERS)(image)
    for name, rough in load_extractor("compact", STYLE_LAYERS, precision="bfloat16")(image).items():
        assert rough.dtype == tf.float32
        error = tf.norm(rough - exact[name]) / tf.norm(exact[name])
        assert error < 0.03


def test_every_layer_has_a_gradient_with_respect_to_the_picture():
    image = picture(3)
    for name in NAMES:
        extractor = load_extractor("compact", (name,))
        with tf.GradientTape() as tape:
            tape.watch(image)
            energy = tf.reduce_mean(extractor(image)[name] ** 2)
        gradient = tape.gradient(energy, image).numpy()
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0


def test_crops_of_one_painting_are_nearer_in_style_than_two_paintings():
    extractor = load_extractor("compact", STYLE_LAYERS)
    views = {name: crops(name, 3) for name in samples.STYLES}
    for name, (left, middle, right) in views.items():
        others = [style_distance(extractor, middle, view[1]) for other, view in views.items() if other != name]
        assert max(style_distance(extractor, middle, side) for side in (left, right)) < min(others)


def test_a_folded_head_keeps_norms():
    """‖R D Rᵀ‖ = ‖A' D A'ᵀ‖ and ‖R d‖ = ‖A' d‖ for symmetric D and any d."""
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(6, 20)), rng.normal(size=20)
    full, slim = (np.concatenate([k, b[None]]).T for k, b in ((kernel, bias), compact.fold(kernel, bias)))
    assert slim.shape == (7, 7)
    vector, matrix = rng.normal(size=7), rng.normal(size=(7, 7))
    matrix += matrix.T
    assert np.linalg.norm(slim @ vector) == pytest.approx(np.linalg.norm(full @ vector), rel=1e-5)
    assert np.linalg.norm(slim @ matrix @ slim.T) == pytest.approx(np.linalg.norm(full @ matrix @ full.T), rel=1e-5)


def test_a_head_folded_to_fewer_channels_keeps_the_most_energy():
    rng = np.random.default_rng(1)
    t = np.concatenate([rng.normal(size=(500, 6)) * [3, 2, 1, 1, 0.1, 0.01], np.ones((500, 1))], 1)
    kernel, bias = rng.normal(size=(6, 20)), rng.normal(size=20)
    kept = compact.fold(kernel, bias, 5, t.T @ t / len(t))
    energy = [np.sum((t[:, :-1] @ k + b) ** 2) for k, b in ((kernel, bias), kept)]
    assert 0.99 < energy[1] / energy[0] <= 1 + 1e-6


def test_the_bench_reads_the_style_distance_on_the_line_through_its_runs():
    measured = [(0.2 * k, 0.01 * k**-1.5) for k in (1, 2, 4)]  # a power law is a line in logarithms
    for k in (0.5, 1, 3, 8):
        assert style_at(0.2 * k, measured) == pytest.approx(0.01 * k**-1.5)


@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (3, 5), (6, 7)])
def test_the_gradient_of_reflection_is_that_of_its_slices(shape):
    x = tf.random.stateless_normal((1, *shape, 2), (1, 2))
    weights = tf.random.stateless_normal((1, shape[0] + 2, shape[1] + 2, 2), (3, 4))
    gradients = []
    for pad in (compact.reflected, reflected):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(weights * pad(x) ** 2)
        gradients.append(tape.gradient(total, x))
    np.testing.assert_allclose(*gradients, rtol=1e-5)


def test_factors_change_the_scale_of_each_layer_and_nothing_else():
    plain, scaled = compact.load(scaled=False), compact.load()
    assert checksum(list(plain.values())) == compact.FORMER
    image = picture(5)
    ratios = {}
    for name, a, b in zip(NAMES, *(compact.features(w, image, NAMES) for w in (plain, scaled)), strict=True):
        ratios[name] = float(tf.norm(b) / tf.norm(a))
        np.testing.assert_allclose(a * ratios[name], b, rtol=1e-3, atol=1e-4 * float(tf.norm(b)))
    assert ratios["block4_conv1"] > 20 * ratios["block1_conv1"] > 200  # VGG19's fourth block answers most
    assert ratios["block4_conv2"] == pytest.approx(ratios["block4_conv1"], rel=1e-4)
    assert ratios["block5_conv2"] < ratios["block5_conv1"]


@pytest.mark.parametrize("factor", [np.zeros(1), np.array(np.inf), np.ones(2)])
def test_a_factor_that_is_none_is_one_clear_line(tmp_path, factor):
    weights = compact.load(scaled=False) | {"block1_conv1/scale": factor}
    compact.save(tmp_path / "bad.npz", weights)
    with pytest.raises(NstlibError, match="no fitting factor for block1_conv1"):
        compact.load(tmp_path / "bad.npz")


def test_random_weights_are_on_the_same_scale():
    """Within a factor of 3 on a picture that is no photograph."""
    image = tf.constant(load(samples.styles()["whirls"], size=128)[None])
    ours, random = (load_extractor(name, STYLE_LAYERS)(image) for name in ("compact", "random"))
    for name in STYLE_LAYERS:
        norms = [float(tf.norm(gram_matrix(f[name]))) / CHANNELS[name] for f in (ours, random)]
        assert 1 / 3 < norms[0] / norms[1] < 3
