from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf
from conftest import smooth_noise

from nstlib.core.levels import at_scale, halvings, layer_of, pyramid
from nstlib.core.model import load_model, style_shares
from nstlib.core.run import Run
from nstlib.core.schedule import EXACT, FIRST, LEAST, doubling, growing, level_count, plan
from nstlib.settings import Settings, from_record, to_dict

LAYERS = {"style_layers": ("block1_conv1", "block2_conv1"), "content_layers": ("block2_conv1",)}
SHAPES = [(384, 512), (768, 576), (1152, 1536), (200, 190), (90, 2048), (64, 48)]


@pytest.mark.parametrize("shape", SHAPES)
def test_sizes_grow_evenly_from_the_first_to_the_pictures_own(shape):
    sizes = growing(shape, 1)
    sides = [max(size) for size in sizes]
    assert sizes[-1] == shape and sides[0] == pytest.approx(min(FIRST, max(shape)), rel=0.2)
    ratios = [after / before for before, after in pairwise(sides)]
    assert all(1.1 < ratio < 2.5 for ratio in ratios) and ratios == pytest.approx(ratios[:1] * len(ratios), rel=0.03)
    assert min(min(size) for size in growing((90, 2048), 32)[:-1]) >= 32


@pytest.mark.parametrize("precision", ["mixed", "float32"])
@pytest.mark.parametrize("steps", [1, 2, 7, 250, 1000])
def test_each_size_has_half_the_evaluations_of_the_one_before_and_the_full_one_a_fifth(steps, precision):
    stages = plan((768, 576), Settings(steps=steps, precision=precision), smallest=16)
    counts = evaluations(stages, steps)
    assert sum(counts.values()) == steps and min(counts.values()) >= 1  # a size without one is left out
    counted = [counts.get(shape, 0) for shape in growing((768, 576), 16)]
    assert counted == pytest.approx([steps * share for share in (8 / 15, 4 / 15, 1 / 5)], abs=1)
    assert counts[(768, 576)] >= 1  # the picture that a run ends with has its full size


@pytest.mark.parametrize("steps", [16, 250])
def test_mixed_arithmetic_ends_in_float32(steps):
    *_, last = stages = plan((384, 512), Settings(steps=steps, precision="mixed"), smallest=16)
    assert [stage.precision for stage in stages] == ["bfloat16"] * (len(stages) - 1) + ["float32"]
    assert steps - stages[-2].until == np.ceil(EXACT * steps) and last.until == np.inf


def test_counted_sizes_are_those_of_before_and_so_are_their_shares():
    stages = plan((384, 512), Settings(scales=3, steps=150, precision="float32"), smallest=16)
    assert [stage.shape for stage in stages] == doubling((384, 512), 3, 16)
    assert [stage.until for stage in stages] == [30, 45, np.inf]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("forms", "least"), [(0.1, LEAST[0]), (0.9, LEAST[1])])
def test_style_is_compared_down_to_the_least_side(shape, forms, least):
    count = level_count(shape, forms, 32)
    assert count == 1 or (max(shape) >> (count - 1) >= least and min(shape) >> (count - 1) >= 32)
    assert max(shape) >> count < least or min(shape) >> count < 32
    assert level_count(shape, 0, 32) == 1


def test_a_run_has_the_sizes_of_its_plan(style):
    run = Run(smooth_noise(1, (192, 256)), style, Settings(size=256, steps=10, extractor="random", **LAYERS))
    assert [step.shape for step in run] == [(144, 192)] * 8 + [(192, 256)] * 2


def test_forms_of_0_are_the_loss_of_the_picture_alone(style):
    settings = Settings(size=256, extractor="random", border=0, **LAYERS)
    image = tf.constant(smooth_noise(5, (192, 256)))
    with_forms, without = (
        Run(smooth_noise(1, (192, 256)), style, replace(settings, scales=1, precision="float32", forms=forms, steps=1))
        for forms in (0.25, 0.0)
    )
    assert with_forms._model.levels == 2 and without._model.levels == 1
    one = without._model.loss(image, without._targets, without._weights)

    weightless = {name: w * (halvings(name) == 0) for name, w in with_forms._weights.items()}
    other = with_forms._model.loss(image, with_forms._targets, weightless)
    np.testing.assert_allclose(other[0], one[0], rtol=1e-5)
    np.testing.assert_allclose(other[1], one[1], atol=1e-5 * np.abs(one[1]).max())


def test_the_loss_at_a_level_is_that_of_the_halved_pictures(style):
    settings = Settings(size=256, scales=1, extractor="random", precision="float32", border=0, **LAYERS)
    run = Run(smooth_noise(1, (192, 256)), style, settings)
    image = tf.constant(smooth_noise(5, (192, 256)))
    terms = run._model.loss(image, run._targets, run._weights)[2]
    single, sizes = load_model(settings), pyramid(image, 2)
    for layer in settings.style_layers:
        gram, target = single(sizes[2])["style"][layer][0], run._targets.style[at_scale(layer, 2)][0]
        expected = tf.reduce_sum((gram - target) ** 2) / tf.reduce_sum(target**2)
        np.testing.assert_allclose(terms[f"style/{at_scale(layer, 2)}"], expected, rtol=1e-4)


def test_the_gradient_over_several_levels_is_that_of_finite_differences(style):
    settings = Settings(size=256, scales=1, extractor="random", precision="float32", forms=0.5, border=0, **LAYERS)
    run = Run(smooth_noise(1, (192, 256)), style, settings)
    image, along = smooth_noise(5, (192, 256)), smooth_noise(6, (192, 256)) - 0.5
    gradient = run._model.loss(tf.constant(image), run._targets, run._weights)[1].numpy()
    ahead, behind = (
        float(run._model.loss(tf.constant(image + d * along), run._targets, run._weights)[0]) for d in (1e-2, -1e-2)
    )
    assert np.sum(gradient * along) == pytest.approx((ahead - behind) / 2e-2, rel=2e-2)


def test_names_tell_the_layer_and_the_halvings_and_these_the_share():
    assert (layer_of("block1_conv1@4"), halvings("block1_conv1@4"), halvings("block1_conv1")) == ("block1_conv1", 2, 0)
    names = [at_scale("block1_conv1", scale) for scale in (1, 2, 4)]
    settings = Settings(forms=0.5, **LAYERS, style_layer_weights=(3, 1))
    assert list(style_shares(settings, names).values()) == [0.75, 0.375, 0.1875]


@pytest.mark.parametrize("border", [0, 8])
def test_masks_of_everything_are_no_masks_at_every_level(style, border):
    settings = Settings(size=256, scales=1, extractor="random", precision="float32", border=border, **LAYERS)
    image = tf.constant(smooth_noise(5, (192 + 2 * border, 256 + 2 * border)))
    full = np.ones((192, 256), np.float32)
    masked, bare = (Run(smooth_noise(1, (192, 256)), style, settings, masks=masks) for masks in ([full], []))
    assert masked._model.levels == 2
    one, other = (run._model.loss(image, run._targets, run._weights) for run in (masked, bare))
    np.testing.assert_allclose(one[0], other[0], rtol=1e-4)
    np.testing.assert_allclose(one[1], other[1], atol=1e-4 * np.abs(other[1]).max())


def test_forms_are_steered_from_nothing_and_back(style):
    settings = Settings(size=256, scales=1, steps=6, extractor="random", forms=0, **LAYERS)
    run = Run(smooth_noise(1, (192, 256)), style, settings)
    found = []
    for forms in (0, 0.5, 0):
        run.settings = replace(run.settings, forms=forms)
        found.append((next(run).losses["style"], run._model.levels))
    (alone, one), (several, two), (again, back) = found
    assert (one, two, back) == (1, 2, 1) and several > alone >= again
    assert {len(curve) for curve in run.curves.values()} == {3}


def test_settings_of_an_old_record_are_its_loss_and_its_sizes():
    old = to_dict(Settings(size=768, steps=150))
    del old["border"]
    assert from_record(old) == Settings(size=768, steps=150, tv_weight=0.02, border=0)
    assert from_record({**old, "tv_weight": 0.5}).tv_weight == 0.5
    del old["forms"]
    settings = from_record(old)
    assert (settings.forms, settings.scales) == (0, 2)
    assert from_record({**old, "scales": 3}).scales == 3 and from_record(to_dict(Settings())) == Settings()


def evaluations(stages, steps):
    """{size: how many}"""
    counts, begin = {}, 0
    for stage in stages:
        end = min(stage.until, steps)
        counts[stage.shape] = counts.get(stage.shape, 0) + end - begin
        begin = end
    return counts
