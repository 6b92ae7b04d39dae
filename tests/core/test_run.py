from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from conftest import smooth_noise

from nstlib.core import losses, schedule
from nstlib.core.run import Run
from nstlib.core.schedule import doubling
from nstlib.core.speed import arithmetic
from nstlib.core.steps import Diverged
from nstlib.errors import NstlibError
from nstlib.research.conversions import convert_weights
from nstlib.settings import CONVENTIONS


def make(content, style, settings, **more):
    return Run(content, style, settings, **more)


def test_a_run_lowers_its_loss_and_tells_every_term(content, style, small):
    steps = list(make(content, style, replace(small, steps=20)))
    assert [s.number for s in steps] == list(range(1, 21)) and steps[-1].shape == (48, 64)
    first, last = steps[0].losses, steps[-1].losses
    assert last["total"] < 0.5 * first["total"]
    assert first["content"] == 0  # it starts from the content
    c, s, v = small.term_weights
    weighted = c * last["content"] + s * last["style"] + v * last["total_variation"]
    assert last["total"] == pytest.approx(weighted, rel=1e-4)
    assert last["style"] == pytest.approx((last["style/block1_conv1"] + last["style/block2_conv1"]) / 2, rel=1e-4)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_gradient_is_that_of_finite_differences(content, style, small, convention):
    run = make(content, style, replace(small, convention=convention, precision="float32"))
    image = tf.constant(smooth_noise(5, run.shape))
    _, gradient, _ = run.model.loss(image, run._targets, run._weights)
    for seed in range(3):  # along the gradient in one part of the picture, where float32 still resolves the change
        part = smooth_noise(seed, run.shape)[..., :1] > 0.5
        direction = gradient * part / tf.reduce_max(tf.abs(gradient))
        along = float(tf.reduce_sum(gradient * direction))
        up, down = (float(run.model.loss(image + h * direction, run._targets, run._weights)[0]) for h in (4e-3, -4e-3))
        assert (up - down) / 8e-3 == pytest.approx(along, rel=0.02)


@pytest.mark.parametrize("extractor", ["random", "compact"])
def test_loss_and_gradient_are_those_of_the_plain_functions(content, style, small, extractor):
    run = make(content, style, replace(small, extractor=extractor, content_weight=0.5, style_weight=2.0, tv_weight=0.1))
    image = tf.constant(smooth_noise(5, run.shape))
    total, gradient, _ = run.model.loss(image, run._targets, run._weights)
    target, grams = run.model.extractor(tf.constant(content)[None]), run.styles.statistics(run.model, 64)
    with tf.GradientTape() as tape:
        tape.watch(image)
        features = run.model.extractor(image[None])
        style_loss = sum(
            losses.style_loss(losses.gram_matrix(features[name]), grams[name][0]) for name in small.style_layers
        )
        content_loss = losses.content_loss(features["block2_conv1"], target["block2_conv1"])
        expected = 0.5 * content_loss + 2.0 * style_loss / 2 + 0.1 * losses.total_variation_loss(image)
    np.testing.assert_allclose(total, expected, rtol=1e-4)
    plain = tape.gradient(expected, image)
    np.testing.assert_allclose(gradient, plain, atol=1e-4 * np.abs(plain).max())


def test_steering_changes_the_weights_without_tracing_anew(content, style, small):
    run = make(content, style, small)
    next(run)
    traces, before = run.model.traces, next(run).losses
    run.settings = replace(run.settings, style_weight=10 * run.settings.term_weights[1])
    after = next(run).losses
    assert run.model.traces == traces
    assert after["style"] == pytest.approx(before["style"], rel=1e-3)  # the same picture, looked at again
    assert after["total"] > 5 * before["total"]
    with pytest.raises(NstlibError, match="size cannot be changed while a run is going"):
        run.settings = replace(run.settings, size=32)


def test_other_pictures_sizes_and_styles_use_the_same_trace(content, style, small):
    run = make(content, style, small)
    next(run)
    traces = run.model.traces
    other = make(smooth_noise(9, (40, 40)), [style, content], replace(small, size=48, style_weight=2.0))
    next(other)
    assert other.model is run.model and run.model.traces == traces


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("stop", [2, 5])
@pytest.mark.parametrize(("init", "precision"), [("content", "float32"), ("compact", "float32"), ("content", "mixed")])
def test_a_restored_run_goes_on_as_if_it_had_never_stopped(content, style, small, optimizer, stop, init, precision):
    settings = replace(small, optimizer=optimizer, scales=2, steps=8, init=init, precision=precision)
    whole, other = make(content, style, settings), make(content, style, settings)
    for _ in range(stop):
        next(whole)
    other.restore(whole.state())
    np.testing.assert_array_equal(whole.finish(), other.finish())
    assert whole.curves == other.curves


@pytest.mark.parametrize(("steps", "exact"), [(1, 1), (40, 1), (41, 2), (90, 3)])
def test_the_last_fortieth_of_a_mixed_run_is_in_float32(content, style, small, steps, exact):
    run = make(content, style, replace(small, precision="mixed", steps=steps))
    models = [run._model for _ in run]
    assert [model is run.model for model in models] == [k >= steps - exact for k in range(steps)]
    loss = float(run.model.loss(run.optimizer.x, run._targets, run._weights)[0])
    assert run.curves["total"][-1] == pytest.approx(loss, rel=1e-4)


def test_bfloat16_ends_before_its_rounding_matters(content, style, small, monkeypatch):
    monkeypatch.setattr(schedule, "FAST", 5)
    run = make(content, style, replace(small, precision="mixed", scales=2, steps=24))
    assert [(run.optimizer.x.shape[0], run._model is run.model) for _ in run] == [
        *[(24, False)] * 5,
        *[(48, False)] * 5,
        *[(48, True)] * 14,
    ]


def test_a_mixed_run_comes_as_far_as_one_in_float32(content, style, small):
    mixed, exact = (make(content, style, replace(small, precision=p, steps=64)) for p in ("mixed", "float32"))
    mixed.finish(), exact.finish()
    assert mixed.curves["total"][-1] < 1.02 * exact.curves["total"][-1]
    assert mixed.networks == exact.networks


@pytest.mark.parametrize(
    ("flags", "chosen"), [("fma avx512_bf16 amx", "mixed"), ("amx_bf16", "mixed"), ("avx512_bf16x", "float32")]
)
def test_auto_is_mixed_where_the_processor_has_bfloat16(content, style, small, monkeypatch, tmp_path, flags, chosen):
    (tmp_path / "cpuinfo").write_text(f"flags : {flags} sse\n")
    monkeypatch.setattr(arithmetic, "CPU", tmp_path / "cpuinfo")
    monkeypatch.setattr(arithmetic, "has_bfloat16", arithmetic.has_bfloat16.__wrapped__)
    assert make(content, style, replace(small, precision="auto")).settings.precision == chosen
    assert make(content, style, replace(small, precision="float32")).settings.precision == "float32"


def test_a_run_that_has_ended_can_be_extended_and_followed(content, style, small):
    settings = replace(small, scales=2)
    run, other = make(content, style, settings), make(content, style, settings)
    run.finish()
    run.settings = replace(settings, style_weight=3.0)
    run.extend(4)
    picture = run.finish()
    assert run.number == settings.steps + 4 and [number for number, _ in run.steering] == [0, settings.steps]
    other.follow(run.steering[1:], run.number)
    np.testing.assert_array_equal(other.finish(), picture)


def test_a_branch_leaves_its_trunk_alone(content, style, small):
    trunk, branch = make(content, style, small), make(content, style, small)
    next(trunk)
    branch.restore(trunk.state())
    branch.settings = replace(branch.settings, style_weight=0.0)
    straight = make(content, style, small)
    branch.finish()
    np.testing.assert_array_equal(trunk.finish(), straight.finish())
    assert np.abs(branch.image - trunk.image).max() > 0.01


def test_weights_converted_to_another_convention_give_the_same_loss_up_to_a_factor(content, style, small):
    run = make(content, style, replace(small, content_weight=0.7, style_weight=1.3, tv_weight=0.1))
    images = [tf.constant(smooth_noise(seed, run.shape)) for seed in (5, 6)]
    here = [float(run.model.loss(i, run._targets, run._weights)[0]) for i in images]
    for convention in ("tutorial", "gatys"):
        channels = run.model.extractor.channels
        settings = convert_weights(run.settings, convention, run._targets, channels, run.shape)
        other = make(content, style, settings)
        there = [float(other.model.loss(i, other._targets, other._weights)[0]) for i in images]
        np.testing.assert_allclose(there, here, rtol=1e-3)


def test_a_style_weight_of_zero_gives_the_content_back(content, style, small):
    settings = replace(small, init="noise", style_weight=0, tv_weight=0, content_layers=("block1_conv1",), steps=60)
    assert np.abs(make(content, style, settings).finish() - content).mean() < 0.03


def test_the_blend_of_styles_leans_to_the_heavier(content, style, small):
    other = smooth_noise(8, (40, 40)) * 0.3
    results = [
        make(content, [style, other], replace(small, style_blend=blend, content_weight=0, steps=12)).finish()
        for blend in ((1, 0), (0, 1))
    ]
    assert results[0].mean() - results[1].mean() > 0.1  # the second style is dark


def test_masks_keep_each_style_in_its_region(content, style, small):
    left = np.zeros((48, 64), np.float32)
    left[:, :32] = 1
    dark, bright = smooth_noise(8, (40, 40)) * 0.3, 0.7 + 0.3 * style
    settings = replace(small, content_weight=0, steps=15)
    image = make(content, [dark, bright], settings, masks=[left, 1 - left]).finish()
    assert image[:, 40:].mean() - image[:, :24].mean() > 0.2


def test_luminance_keeps_the_contents_chroma(content, style, small):
    from nstlib.media.colors import YIQ

    soft = 0.4 + 0.2 * content
    image = make(soft, style, replace(small, preserve_color="luminance")).finish()
    inside = (image.min(-1) > 0.01) & (image.max(-1) < 0.99)
    np.testing.assert_allclose((image @ YIQ.T)[inside][:, 1:], (soft @ YIQ.T)[inside][:, 1:], atol=0.02)


def test_histogram_gives_the_style_the_contents_colours(content, style, small):
    run = make(content, style * 0.3, replace(small, preserve_color="histogram"))
    np.testing.assert_allclose(run.styles.pictures[0].mean((0, 1)), content.mean((0, 1)), atol=0.02)


@pytest.mark.parametrize("init", ["content", "noise", "style"])
def test_each_init(content, style, small, init):
    run = make(content, style, replace(small, init=init))
    again = make(content, style, replace(small, init=init))
    np.testing.assert_array_equal(run.image, again.image)
    assert run.image.shape == (48, 64, 3)
    if init == "noise":
        other = make(content, style, replace(small, init=init, seed=1))
        assert np.abs(run.image - other.image).mean() > 0.1


def test_a_run_from_compact_goes_on_from_its_result(content, style, small):
    settings = replace(small, init="compact", scales=2, steps=12)
    run = make(content, style, settings)
    steps = list(run)
    assert [s.shape for s in steps] == [(24, 32)] * 2 + [(48, 64)] * 10
    compact = make(content, style, replace(settings, extractor="compact", init="content"))
    assert [next(compact).losses["total"] for _ in range(7)] == run.curves["total"][:7]
    own = make(content, style, replace(settings, init="content", scales=1), start=compact.image)
    assert run.curves["total"][7] == pytest.approx(next(own).losses["total"], rel=1e-5)
    assert {kind: n["name"] for kind, n in run.networks.items()} == {
        "extractor": "random",
        "first extractor": "compact",
    }


def test_the_temporal_loss_holds_the_picture_to_the_warped_one(content, style, small):
    warped, trusted = smooth_noise(9, (48, 64)), np.zeros((48, 64), np.float32)
    trusted[:, :32] = 1
    settings = replace(small, temporal_weight=1e4, steps=30)
    image = make(content, style, settings, earlier=[(warped, trusted)]).finish()
    error = np.abs(image - warped).mean(-1)
    assert error[:, :32].mean() < 0.1 * error[:, 32:].mean()


def test_scales_double_and_end_at_the_picture():
    assert doubling((384, 512), 3, 16) == [(96, 128), (192, 256), (384, 512)]
    assert doubling((20, 200), 3, 16) == [(20, 200)]


def test_a_style_smaller_than_the_networks_field_is_grown(content, small):
    tiny = np.random.default_rng(0).random((1, 3, 3), np.float32)
    assert np.isfinite(make(content, tiny, replace(small, style_scale=0.1)).finish()).all()


def test_a_picture_too_small_for_its_deepest_layer_says_so(style, small):
    with pytest.raises(NstlibError, match="64 x 1 pixels and its deepest layer needs 2 a side"):
        make(np.zeros((1, 64, 3), np.float32), style, small)


def test_a_run_in_tiles_is_the_run_without(style, small):
    content = smooth_noise(1, (96, 128))
    whole, tiled = (make(content, style, replace(small, size=128, tile=tile)) for tile in (0, 64))
    np.testing.assert_allclose(tiled.finish(), whole.finish(), atol=5e-3)  # rounding grows over the steps
    assert tiled.curves["total"] == pytest.approx(whole.curves["total"], rel=0.1)


def test_a_loss_that_is_not_finite_keeps_the_last_good_picture(content, style, small):
    run = make(content, style, replace(small, optimizer="adam"))
    next(run)
    good = run.image
    run._weights = {name: w * np.inf for name, w in run._weights.items()}
    with pytest.raises(Diverged, match="step 2: the loss is") as error:
        next(run)
    np.testing.assert_array_equal(error.value.image, good)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"style_layers": ("block9_conv1",)}, "unknown layer 'block9_conv1'"),
        ({"style_blend": (1.0, 2.0)}, "style_blend has 2 values for 1 styles"),
        ({"init": "nois"}, "init='nois'; choose from content, noise, style, compact"),
        ({"init": "compact", "extractor": "compact"}, "init=compact is a start for vgg19 and random"),
    ],
)
def test_what_cannot_be_run_is_refused_before_the_first_step(content, style, small, change, message):
    with pytest.raises(NstlibError, match=message):
        make(content, style, replace(small, **change))
