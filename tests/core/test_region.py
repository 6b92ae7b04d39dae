"""A region painted anew: the rest stays to the bit, the gradient is the pasted picture's, records carry it."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from conftest import smooth_noise

from nstlib.cli.main import main
from nstlib.core.border import bordered
from nstlib.core.model import load_model
from nstlib.core.region import Region
from nstlib.core.run import Run
from nstlib.core.speed.windows import WindowedModel, share
from nstlib.engines import records
from nstlib.errors import NstlibError
from nstlib.media import images
from nstlib.media.colors import luminance
from nstlib.settings import Settings

BASE = smooth_noise(5, (48, 64))


@pytest.fixture
def region():
    mask = np.zeros((48, 64), np.float32)
    mask[10:30, 20:50] = 1
    mask[9, 20:50] = 0.5
    return mask


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "adam"},
        {"preserve_color": "luminance"},
        {"init": "noise"},
        {"scales": 2, "style_layers": ("block1_conv1",), "content_layers": ("block1_conv1",)},
        {"rendering": "photo", "size": 0},
    ],
)
def test_outside_the_region_nothing_changes_and_inside_all_does(content, style, small, region, changes):
    run = Run(content, style, replace(small, **changes), start=BASE, region=region)
    for _ in run:
        inside = run.image if run.image.shape == BASE.shape else images.resize(run.image, (48, 64))
    assert (run.image[region == 0] == BASE[region == 0]).all()
    assert (np.abs(inside - BASE)[region == 1].mean()) > 0.02


def test_a_region_is_drawn_over_the_photograph_or_over_its_smaller_result(content, style, small, region):
    """Over the result it is taken as it is, to the pixel."""
    photograph = images.resize(content, (96, 128))
    over_result = Run(photograph, style, replace(small, size=64), start=BASE, region=region)
    assert np.array_equal(over_result.region.mask, region)
    over_photograph = images.resize(region, (96, 128))
    assert Run(photograph, style, replace(small, size=64), start=BASE, region=over_photograph).region.mask.any()


def test_a_region_of_the_whole_picture_is_a_run_without_one(content, style, small):
    plain = Run(content, style, small)
    whole = Run(content, style, small, start=BASE, region=np.ones((48, 64), np.float32))
    assert np.allclose(plain.finish(), whole.finish(), atol=1e-4)


def squares(picture):
    """Any objective of pictures."""
    with tf.GradientTape() as tape:
        tape.watch(picture)
        loss = tf.reduce_sum(picture**3)
    return loss, tape.gradient(loss, picture), None


def test_a_photographs_gradient_is_that_of_the_pasted_picture(region):
    region, photo = Region(region, BASE, (48, 64)), Settings(rendering="photo")
    x = tf.constant(smooth_noise(6, (48, 64)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        expected = tf.reduce_sum((BASE + region.mask[..., None] * (x - BASE)) ** 3)
    loss, gradient, _ = region.objective(squares, photo)(x)
    assert float(loss) == pytest.approx(float(expected))
    assert np.allclose(gradient, tape.gradient(expected, x), atol=1e-6)


@pytest.mark.parametrize("kept", ["none", "luminance"])
def test_a_paintings_gradient_is_that_of_the_whole_pasted_picture(kept):
    shape = (140, 200)
    mask, base = np.zeros(shape, np.float32), smooth_noise(5, shape)
    mask[60:100, 90:150] = 1
    mask[59, 90:150] = 0.5  # a brush's edge is soft
    settings = Settings(size=200, scales=1, steps=2, precision="float32", preserve_color=kept)
    run = Run(smooth_noise(1, shape), smooth_noise(2, (90, 90)), settings, start=base, region=mask)
    window, model = run._part.window, load_model(settings, levels=run._model.levels)
    assert type(run._model) is WindowedModel and share(window, (164, 224)) < 0.4

    r, around = (bordered(x, 12) for x in (mask[..., None], base if kept == "none" else luminance(base)))
    x = smooth_noise(6, r.shape[:2])
    loss, gradient, _ = run._objective(tf.constant(x[window]))
    expected = model.loss(tf.constant(around + r * (x - around)), run._targets, run._weights)
    np.testing.assert_allclose(loss, expected[0], rtol=1e-4)
    expected = (r * expected[1])[window]
    np.testing.assert_allclose(gradient, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("changes", [{"forms": 0.8}, {"tile": 64}])
def test_a_region_goes_on_in_other_forms_and_in_smaller_tiles(changes):
    """The window stays, whatever evaluates it: a run in a studio is steered, and memory may run out."""
    shape = (140, 200)
    mask, base = np.zeros(shape, np.float32), smooth_noise(5, shape)
    mask[60:100, 90:150] = 1
    settings = Settings(size=200, steps=8, precision="float32")
    run = Run(smooth_noise(1, shape), smooth_noise(2, (90, 90)), settings, start=base, region=mask)
    for step in run:
        if step.number == 6:
            before, there = step.losses["total"], run.image
            run.settings = replace(run.settings, **changes)
    assert (run.image[mask == 0] == base[mask == 0]).all() and (run.image != there).any()
    assert "tile" not in changes or run.curves["total"][-1] <= before * 1.001


def test_masks_and_the_region_hold_together(content, style, small, region):
    left = np.zeros((48, 64), np.float32)
    left[:, :32] = 1
    dark, bright = smooth_noise(8, (40, 40)) * 0.3, 0.7 + 0.3 * style
    settings = replace(small, content_weight=0, steps=15)
    run = Run(content, [dark, bright], settings, masks=[left, 1 - left], start=BASE, region=region)
    image = run.finish()
    assert image[12:28, 38:48].mean() - image[12:28, 22:30].mean() > 0.15
    assert (image[region == 0] == BASE[region == 0]).all()


def test_a_record_of_a_region_replays_to_the_bit(content, style, small, region, tmp_path):
    pictures = {"content": content, "style": style, "base": BASE, "region": np.repeat(region[..., None], 3, -1)}
    paths = {name: images.save(tmp_path / f"{name}.png", picture) for name, picture in pictures.items()}
    run = Run(paths["content"], paths["style"], small, start=paths["base"], region=paths["region"])
    made = run.finish()
    record = records.record(run)
    assert (records.replay(record).finish() == made).all()
    del record["inputs"]["region"]  # as before there were regions
    assert not (records.replay(record).finish() == made).all()


def test_a_region_needs_a_picture_of_the_results_size(content, style, small, region):
    with pytest.raises(NstlibError, match="give that picture as the start"):
        Run(content, style, small, region=region)
    with pytest.raises(NstlibError, match="is 24 x 32, the result 64 x 48 pixels; choose size 32"):
        Run(content, style, small, start=smooth_noise(1, (32, 24)), region=region)
    with pytest.raises(NstlibError, match="black everywhere"):
        Run(content, style, small, start=BASE, region=np.zeros((48, 64), np.float32))


def test_the_command_line_repaints_a_result_and_replays_it(content, style, region, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures = {"content": content, "style": style, "base": BASE, "where": np.repeat(region[..., None], 3, -1)}
    for name, picture in pictures.items():
        images.save(tmp_path / f"{name}.png", picture)
    words = [
        "--size",
        "64",
        "--steps",
        "2",
        "--style-layers",
        "block1_conv1",
        "--content-layers",
        "block1_conv1",
        "--extractor",
        "random",
        "--precision",
        "float32",
        "--repaint",
        "base.png",
        "where.png",
    ]
    assert main(["image", "content.png", "style.png", "-o", "out.png", *words]) == 0
    assert main(["replay", "out.png", "-o", "again.png"]) == 0
    made, again, base = (images.to_uint8(images.load(f"{name}.png")) for name in ("out", "again", "base"))
    assert (made == again).all() and (made[region == 0] == base[region == 0]).all() and (made != base).any()
