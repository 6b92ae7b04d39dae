import numpy as np
import pytest

from nstlib.core import features
from nstlib.errors import NstlibError
from nstlib.networks.vgg19 import SCALES

LAYERS = ("block1_conv1", "block2_conv2", "block3_conv1")


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).random((1, 40, 56, 3), np.float32)


def test_the_hub_can_be_imported():
    import importlib
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pkg_resources announces its own end
        assert importlib.import_module("tensorflow_hub").load


def test_the_network_is_kerass_vgg19(image, tmp_path):
    import keras

    vgg = keras.applications.VGG19(include_top=False, weights=None)
    path = tmp_path / "vgg19_notop.h5"
    vgg.save(path)  # the format of Keras's published file
    ours = features.load_extractor("vgg19", LAYERS, weights=str(path))(image)
    inputs = keras.applications.vgg19.preprocess_input(image * 255)
    theirs = keras.Model(vgg.input, [vgg.get_layer(n).output for n in LAYERS])(inputs)
    for ours_layer, theirs_layer in zip(ours.values(), theirs, strict=True):
        np.testing.assert_allclose(ours_layer, theirs_layer, rtol=1e-3, atol=1e-3)


def test_the_network_is_only_as_deep_as_its_deepest_layer():
    model = features.vgg_layers(LAYERS, weights="random")
    assert [layer.name for layer in model.layers][-1] == "block3_conv1"


def test_random_weights_follow_the_seed(image):
    same, again, other = (features.load_extractor("random", LAYERS, seed=s) for s in (1, 1, 2))
    assert same.checksum == again.checksum != other.checksum
    assert same.channels == {"block1_conv1": 64, "block2_conv2": 128, "block3_conv1": 256}


def test_random_weights_keep_the_scale_that_vgg19s_layers_have(image):
    deep = features.load_extractor("random", ("block1_conv1", "block4_conv4"))(image)
    shallow, deep = (float(np.std(f)) for f in deep.values())
    assert 0.2 < deep / shallow / (SCALES["block4_conv1"] / SCALES["block1_conv1"]) < 5


def test_average_pooling_differs_from_max_after_the_first_pool_only(image):
    average, largest = (features.load_extractor("random", LAYERS, pooling=p)(image) for p in ("average", "max"))
    np.testing.assert_array_equal(average["block1_conv1"], largest["block1_conv1"])
    assert np.abs(average["block2_conv2"] - largest["block2_conv2"]).max() > 0.1


def test_bfloat16_is_near_float32(image):
    exact, rough = (features.load_extractor("random", LAYERS, precision=p)(image) for p in ("float32", "bfloat16"))
    for name in LAYERS:
        a, b = exact[name].numpy(), rough[name].numpy()
        assert 0 < np.linalg.norm(a - b) < 0.03 * np.linalg.norm(a)


def test_weights_that_cannot_be_had_name_three_ways_out(monkeypatch):
    import keras

    def offline(**_):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "VGG19", offline)
    with pytest.raises(NstlibError, match=r"--weights FILE.*cache.*compact"):
        features.load_extractor("vgg19", ("block1_conv1",))


def test_a_file_that_is_no_weights_file_is_one_line(tmp_path):
    path = tmp_path / "vgg19.h5"
    path.write_bytes(b"not weights")
    for name in (path, tmp_path / "missing.h5"):
        with pytest.raises(NstlibError, match=name.name) as error:
            features.load_extractor("vgg19", ("block1_conv1",), weights=str(name))
        assert "\n" not in str(error.value)


def test_an_unknown_layer_or_extractor_quotes_the_table():
    with pytest.raises(NstlibError, match="unknown layer 'conv1'.*block1_conv1"):
        features.load_extractor("random", ("conv1",))
    with pytest.raises(NstlibError, match="extractor='vgg16'; choose from compact, vgg19, random"):
        features.load_extractor("vgg16", ("block1_conv1",))
