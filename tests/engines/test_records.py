import json
from dataclasses import replace

import numpy as np
import pytest

from nstlib.core.run import Run
from nstlib.engines import records
from nstlib.errors import NstlibError
from nstlib.media import files, images
from nstlib.networks import compact
from nstlib.settings import Settings


@pytest.fixture
def paths(tmp_path, content, style):
    return [images.save(tmp_path / f"{name}.png", image) for name, image in (("content", content), ("style", style))]


def kept(run, path):
    return images.save(path, run.image, record=records.record(run))


@pytest.mark.parametrize("init", ["content", "compact"])
def test_a_replay_makes_the_same_picture(paths, small, tmp_path, init):
    run = Run(paths[0], paths[1], replace(small, init=init))
    run.finish()
    picture = kept(run, tmp_path / "out.png")
    again = records.replay(images.read_record(picture))
    np.testing.assert_array_equal(images.to_uint8(again.finish()), images.to_uint8(run.image))
    assert again.curves == run.curves
    assert records.record(again) == records.record(run)


def test_a_run_of_several_sizes_and_levels_is_replayed_to_the_bit(paths, small, tmp_path):
    run = Run(paths[0], paths[1], replace(small, size=256, steps=5, border=8))
    assert len({step.shape for step in run}) == 2 and run._model.levels == 2
    again = records.replay(images.read_record(kept(run, tmp_path / "out.png")))
    np.testing.assert_array_equal(again.finish(), run.image)
    assert again.curves == run.curves


def test_a_steered_and_shortened_run_is_replayed_as_it_went(paths, small, tmp_path):
    run = Run(paths[0], paths[1], small)
    next(run)
    next(run)
    run.settings = replace(run.settings, style_weight=0.1)
    next(run)
    run.settings = replace(run.settings, tv_weight=1.0)
    next(run)
    again = records.replay(images.read_record(kept(run, tmp_path / "out.png")))
    np.testing.assert_array_equal(again.finish(), run.image)
    assert again.number == 4 and again.steering == run.steering


def test_the_record_tells_how_the_picture_was_made(paths, small):
    run = Run(paths[0], [paths[1]], small)
    run.finish()
    record = json.loads(json.dumps(records.record(run)))
    assert record["inputs"]["styles"] == [{"path": str(paths[1]), "sha256": files.checksum(paths[1])}]
    assert record["extractor"] == {"name": "random", "sha256": run.model.extractor.checksum}
    assert record["versions"]["tensorflow"] and record["steering"][0][1]["seed"] == 0
    assert len(record["curves"]["total"]) == record["steps"] == small.steps


def test_inputs_are_found_again_by_name_and_told_when_they_changed(paths, small, tmp_path, style):
    run = Run(paths[0], paths[1], small)
    next(run)
    record = records.record(run)
    moved = tmp_path / "moved"
    moved.mkdir()
    paths[1].rename(moved / "style.png")
    with pytest.raises(NstlibError, match=r"no such file: .*style.png, an input .* --search"):
        records.replay(record)
    records.replay(record, search=[moved])
    images.save(moved / "style.png", style[::-1])
    with pytest.raises(NstlibError, match="style.png has changed"):
        records.replay(record, search=[moved])


def test_arrays_cannot_be_replayed_and_say_so(content, style, small):
    run = Run(content, style, small)
    next(run)
    with pytest.raises(NstlibError, match="made from an array"):
        records.replay(records.record(run))


@pytest.mark.parametrize("broken", [{}, {"steering": 3}, {"steering": [[0, {"size": "big"}]]}, {"steering": []}])
def test_a_record_that_is_not_whole_is_one_line(paths, small, broken):
    run = Run(paths[0], paths[1], small)
    next(run)
    record = {**records.record(run), **broken} if broken else {}
    with pytest.raises(NstlibError) as error:
        records.replay(record)
    assert "\n" not in str(error.value)


def test_a_record_from_before_compact_had_vgg19s_scale_is_replayed_where_scale_does_not_matter(paths, small, tmp_path):
    for convention in ("relative", "tutorial"):
        run = Run(paths[0], paths[1], replace(small, extractor="compact", convention=convention))
        next(run)
        record = records.record(run)
        record["extractor"]["sha256"] = compact.FORMER
        if convention == "relative":
            np.testing.assert_array_equal(records.replay(record).finish(), run.image)
        else:
            with pytest.raises(NstlibError, match="convention=tutorial its weights mean something else now"):
                records.replay(record)


@pytest.mark.parametrize("name", ["dusk.png", "dusk.tiff", "dusk.jpg"])
def test_a_photograph_is_replayed_with_its_masks_and_as_many_bits(content, style, tmp_path, name):
    deep = content.astype(np.float32) * np.float32(0.9)
    images.save(tmp_path / "content.png", deep, bits=16)
    images.save(tmp_path / "style.png", style)
    left = np.zeros(content.shape[:2], np.float32)
    left[:, : left.shape[1] // 2] = 1
    for mask, values in {"left": left, "right": 1 - left}.items():
        images.save(tmp_path / f"{mask}.png", values[..., None].repeat(3, -1))
    styles, masks = [tmp_path / "style.png"] * 2, [tmp_path / "left.png", tmp_path / "right.png"]
    run = Run(tmp_path / "content.png", styles, Settings(rendering="photo", steps=3, spatial_bins=4), masks=masks)
    picture = run.finish()
    records.keep(run, tmp_path / name)
    assert images.bits_of(tmp_path / name) == (8 if name.endswith("jpg") else 16)
    again = records.replay(images.read_record(tmp_path / name))
    np.testing.assert_array_equal(again.finish(), picture)


def test_a_photographs_record_of_before_keeps_what_it_meant(paths, tmp_path):
    run = Run(paths[0], [paths[1]], Settings(rendering="photo", size=64, steps=3))
    run.finish()
    record = records.record(run)
    for _, settings in record["steering"]:
        settings["grid"], settings["levels"] = settings.pop("spatial_bins"), settings.pop("luma_bins")
        del settings["regions"], settings["light_weight"]
    settings = records.replay(record).settings
    assert (settings.spatial_bins, settings.luma_bins) == (16, 8)
    assert (settings.regions, settings.light_weight) == ("shared", 0)
