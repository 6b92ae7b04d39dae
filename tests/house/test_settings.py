from dataclasses import replace

import pytest

from nstlib.errors import NstlibError
from nstlib.settings import (
    CONVENTIONS,
    DEFAULT_WEIGHTS,
    RECIPES,
    STEERABLE,
    Settings,
    from_dict,
    from_record,
    steer,
    to_dict,
    vary,
)


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


def test_a_rendering_has_its_own_defaults_whoever_makes_the_settings():
    from argparse import ArgumentParser

    from nstlib.cli.flags import add_settings, given_settings
    from nstlib.scale.axes import cell_settings

    photo = Settings(rendering="photo")
    assert (photo.size, photo.steps, photo.forms) == (0, 60, 0)
    assert (Settings().size, Settings().steps, Settings().forms) == (512, 250, 0.25)
    parser = ArgumentParser()
    add_settings(parser)
    assert given_settings(parser.parse_args(["--rendering", "photo"])) == photo
    assert from_dict({"rendering": "photo"}) == photo == cell_settings(Settings(), {"rendering": "photo"})
    assert cell_settings(Settings(size=64), {"rendering": "photo", "steps": 3}) == Settings(
        rendering="photo", size=64, steps=3
    )
    assert from_dict(to_dict(photo)) == photo and vary(photo, {"rendering": "painting"}) == Settings()


@pytest.mark.parametrize("convention", RECIPES)
def test_the_recipes_compare_one_size_unless_forms_are_asked_for(convention):
    from argparse import ArgumentParser

    from nstlib.cli.flags import add_settings, given_settings
    from nstlib.scale.axes import cell_settings

    recipe = Settings(convention=convention)
    parser = ArgumentParser()
    add_settings(parser)
    flags = ["--convention", convention]
    assert recipe.forms == 0 and Settings(convention=convention, forms=0.25).forms == 0.25
    assert given_settings(parser.parse_args(flags)) == from_dict({"convention": convention}) == recipe
    assert given_settings(parser.parse_args([*flags, "--forms", "0.25"])).forms == 0.25
    assert cell_settings(Settings(), {"convention": convention}) == recipe
    assert vary(recipe, {"convention": "relative"}).forms == 0.25
    assert cell_settings(Settings(forms=0.5), {"convention": convention}).forms == 0.5
    old = {**to_dict(recipe), "forms": 0.25}  # a record of when all conventions had it
    assert from_record(old).forms == 0.25 and to_dict(recipe)["forms"] == 0


def test_names_of_old_records_are_read():
    old = to_dict(Settings(rendering="photo", size=512, steps=250, forms=0.25))
    old["grid"], old["levels"] = old.pop("spatial_bins"), 5
    del old["luma_bins"]
    settings = from_record(old)
    assert (settings.spatial_bins, settings.luma_bins, settings.forms, settings.steps) == (16, 5, 0.25, 250)
    with pytest.raises(NstlibError, match="unknown setting 'grid'"):
        from_dict(old)
