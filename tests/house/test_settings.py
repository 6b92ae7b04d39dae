from dataclasses import replace

import pytest

from nstlib.errors import NstlibError
from nstlib.settings import CONVENTIONS, DEFAULT_WEIGHTS, STEERABLE, Settings, from_dict, steer, to_dict


def test_settings_survive_json():
    import json

    settings = Settings(style_weight=2.5, style_layers=("block1_conv1",), seed=7)
    assert from_dict(json.loads(json.dumps(to_dict(settings)))) == settings


@pytest.mark.parametrize(
    "values",
    [
        {"content_weight": -1},
        {"content_weight": float("nan")},
        {"content_weight": "many"},
        {"style_weight": True},
        {"steps": 1.5},
        {"size": 15},
        {"extractor": "vgg16"},
        {"pooling": 3},
        {"tile": 100},
        {"style_layers": ()},
        {"style_layers": "block1_conv1"},
        {"style_layers": ("block1_conv1", "block1_conv1")},
        {"style_layer_weights": (1.0, 2.0)},
        {"style_layer_weights": (0.0,) * 5},
    ],
)
def test_a_bad_value_is_one_line_that_names_the_setting(values):
    with pytest.raises(NstlibError) as error:
        Settings(**values)
    assert next(iter(values)) in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_name_quotes_the_table():
    with pytest.raises(NstlibError, match="unknown setting 'stile_weight'.*style_weight"):
        from_dict({"stile_weight": 1})


def test_each_convention_has_weights_of_its_own():
    for convention in CONVENTIONS:
        assert Settings(convention=convention).term_weights == DEFAULT_WEIGHTS[convention]
    assert Settings(convention="tutorial", tv_weight=0).term_weights == (1e4, 1e-2, 0)


def test_only_what_a_run_can_take_up_is_steered():
    settings = Settings()
    assert steer(settings, replace(settings, style_weight=3.0)).style_weight == 3.0
    with pytest.raises(NstlibError, match="size cannot be changed"):
        steer(settings, replace(settings, size=128))
    assert {"content_weight", "style_weight", "tv_weight", "style_blend", "style_layer_weights"} <= STEERABLE
